package dev.sagitta.kernel.reduce;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * One value per row of x, in device memory: two launches, in a fixed order, so that the same input gives the same bits. fp32. A row is
 * {@code x.elements() / out.elements()} neighbours; out of one element reduces all of x.
 *
 * <p>Sums are compensated: at any length the error stays below that of a pairwise fp32 sum. An empty row sums to 0. Squares beyond the
 * range of fp32 overflow, in the norm too. The largest of a row: a NaN is larger than any number, the first of equals counts; empty rows
 * are refused. {@code out} is [rows] fp32, i32 of argmax; {@code partials} a workspace of the shape that {@link #partials} states.
 */
public final class Reduce {
    /** Of sums: relative to the sum of magnitudes, for inside a chunk a handful of terms are added plainly, before the compensation sees them. */
    private static final Tolerance SUM = new Tolerance(3e-7, 1e-37);

    private Reduce() {}

    /** With the entries of the first and the second launch. */
    public enum Operation {
        SUM("reduce_sum_f32", "sum_finish_f32"),
        SUM_OF_SQUARES("reduce_squares_f32", "sum_finish_f32"),
        /** The Euclidean norm. */
        NORM("reduce_squares_f32", "norm_finish_f32"),
        MAX("reduce_max_f32", "max_finish_f32"),
        /** The index of the largest in its row, i32. */
        ARGMAX("reduce_max_f32", "argmax_finish_f32");

        private final String first;
        private final String second;

        Operation(String first, String second) {
            this.first = first;
            this.second = second;
        }

        private DType dtype() {
            return this == ARGMAX ? DType.I32 : DType.F32;
        }

        private boolean ofLargest() {
            return this == MAX || this == ARGMAX;
        }
    }

    public static Single of(Operation operation, Tensor x, Tensor out, Tensor partials) {
        return new Single(operation, x, out, partials);
    }

    public static Single sum(Tensor x, Tensor out, Tensor partials) {
        return new Single(Operation.SUM, x, out, partials);
    }

    public static Single sumOfSquares(Tensor x, Tensor out, Tensor partials) {
        return new Single(Operation.SUM_OF_SQUARES, x, out, partials);
    }

    public static Single norm(Tensor x, Tensor out, Tensor partials) {
        return new Single(Operation.NORM, x, out, partials);
    }

    public static Single max(Tensor x, Tensor out, Tensor partials) {
        return new Single(Operation.MAX, x, out, partials);
    }

    public static Single argmax(Tensor x, Tensor out, Tensor partials) {
        return new Single(Operation.ARGMAX, x, out, partials);
    }

    public static Dot dot(Tensor x, Tensor y, Tensor out, Tensor partials) {
        return new Dot(x, y, out, partials);
    }

    /** The second launch of a sum alone: of {@code chunks} sums that another kernel left for each element of {@code out}, first to last. */
    public static Descriptor finishSum(Tensor partials, Tensor out, long chunks) {
        return new Finish(Operation.SUM, partials, out, chunks);
    }

    /** Shape of the fp32 workspace for rows of n elements: [rows, C, 2]. */
    public static Shape partials(Device device, long rows, long n) {
        return Shape.of(rows, Chunks.of(device, n, rows).count(), 2);
    }

    /** Work-groups of T x R: T work-items share a row. */
    private static Geometry geometry(Device device, Chunks chunks, long n, long rows) {
        if (Work.onCpu(device)) {
            // short rows are shared out among as many work-groups as there is work for
            long groups = Math.max(
                    1, Math.min(rows, Work.cpuGroups(device, chunks.count() == 1 ? n * rows : Long.MAX_VALUE)));
            return Geometry.of(chunks.count(), Math.min(groups, Work.MOST_ACROSS), 1, 1, 1);
        }
        int across = Work.powerOfTwo(Work.ceil(Math.min(n, chunks.length()), 4), Work.GROUP);
        int down = Work.GROUP / across;
        return Geometry.of(chunks.count(), Math.min(Work.ceil(rows, down), Work.MOST_ACROSS), 1, across, down);
    }

    private interface First extends Descriptor {
        Tensor x();

        Tensor out();

        Tensor partials();

        Operation operation();

        private long rows() {
            return out().elements();
        }

        private long n() {
            return x().elements() / rows();
        }

        /** x against the rows of out. */
        default Signature ofRows(Signature s) {
            return s.in("x", x(), DType.F32)
                    .free()
                    .out("out", out(), operation().dtype())
                    .ofAnotherLaunch()
                    .require(rows() > 0, out() + " is empty, expected one element per row")
                    .require(
                            x().elements() % rows() == 0,
                            x() + " has " + x().elements() + " elements, expected a multiple of the " + rows()
                                    + " rows of " + out());
        }

        default Signature chunks(Signature s) {
            Device device = x().buffer().device();
            return s.workspace(
                            "partials",
                            partials(),
                            DType.F32,
                            Reduce.partials(device, rows(), n()).toArray())
                    .i64("rows", rows())
                    .i64("n", n())
                    .i64("chunk", Chunks.of(device, n(), rows()).length());
        }

        @Override
        default Geometry geometry(Device device) {
            return Reduce.geometry(device, Chunks.of(device, n(), rows()), n(), rows());
        }

        @Override
        default List<Descriptor> launches(Device device) {
            long chunks = Chunks.of(device, n(), rows()).count();
            return List.of(this, new Finish(operation(), partials(), out(), chunks));
        }
    }

    /** A reduction of one vector per row. */
    public record Single(Operation operation, Tensor x, Tensor out, Tensor partials) implements First {
        @Override
        public Signature signature() {
            Signature s = ofRows(Signature.of(operation.first));
            long n = x.elements() / out.elements();
            s.require(!operation.ofLargest() || n > 0, x + " has empty rows, which have no largest element")
                    .require(
                            operation != Operation.ARGMAX || n <= Integer.MAX_VALUE,
                            x + " has rows of " + n
                                    + " elements, expected at most 2^31 - 1: indices are i32; split it");
            return chunks(s);
        }

        @Override
        public long flops() {
            boolean multiplies = operation == Operation.SUM_OF_SQUARES || operation == Operation.NORM;
            return x.elements() * (multiplies ? 2 : 1);
        }

        @Override
        public Tolerance tolerance() {
            return operation.ofLargest() ? Tolerance.EXACT : SUM;
        }
    }

    /** The dot products of rows of x with those of y. */
    public record Dot(Tensor x, Tensor y, Tensor out, Tensor partials) implements First {
        @Override
        public Operation operation() {
            return Operation.SUM;
        }

        @Override
        public Signature signature() {
            Signature s = ofRows(Signature.of("reduce_dot_f32"));
            return chunks(s.in("y", y, DType.F32).elements(x.elements()));
        }

        @Override
        public long flops() {
            return 2 * x.elements();
        }

        @Override
        public Tolerance tolerance() {
            return SUM;
        }
    }

    /** The second launch: the results of the chunks of each row, first to last, into one. */
    private record Finish(Operation operation, Tensor partials, Tensor out, long chunks) implements Descriptor {
        @Override
        public Signature signature() {
            return Signature.of(operation.second)
                    .present("out", out)
                    .in("partials", partials, DType.F32)
                    .elements(2 * chunks * out.elements())
                    .out("out", out, operation.dtype())
                    .i64("rows", out.elements())
                    .i64("chunks", chunks);
        }

        @Override
        public Geometry geometry(Device device) {
            return Reduce.geometry(device, new Chunks(1, Long.MAX_VALUE), 4 * chunks, out.elements());
        }

        @Override
        public long flops() {
            return chunks * out.elements();
        }
    }
}
