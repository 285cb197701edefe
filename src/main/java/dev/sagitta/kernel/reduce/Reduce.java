package dev.sagitta.kernel.reduce;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Step;
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
 * are refused.
 *
 * @param y the second vector of a dot product, else null
 * @param out [rows] fp32; i32 for argmax
 * @param partials workspace of the shape that {@link #partials} states
 */
public record Reduce(Operation operation, Tensor x, Tensor y, Tensor out, Tensor partials) implements HandDescriptor {
    /** With the kernels of the first and the second launch. */
    public enum Operation {
        SUM("reduce_sum_f32", "sum_finish_f32"),
        SUM_OF_SQUARES("reduce_squares_f32", "sum_finish_f32"),
        NORM("reduce_squares_f32", "norm_finish_f32"),
        DOT("reduce_dot_f32", "sum_finish_f32"),
        MAX("reduce_max_f32", "max_finish_f32"),
        ARGMAX("reduce_max_f32", "argmax_finish_f32");

        private final String first;
        private final String second;

        Operation(String first, String second) {
            this.first = first;
            this.second = second;
        }

        String finish() {
            return second;
        }
    }

    public static Reduce sum(Tensor x, Tensor out, Tensor partials) {
        return new Reduce(Operation.SUM, x, null, out, partials);
    }

    public static Reduce sumOfSquares(Tensor x, Tensor out, Tensor partials) {
        return new Reduce(Operation.SUM_OF_SQUARES, x, null, out, partials);
    }

    /** The Euclidean norm. */
    public static Reduce norm(Tensor x, Tensor out, Tensor partials) {
        return new Reduce(Operation.NORM, x, null, out, partials);
    }

    public static Reduce dot(Tensor x, Tensor y, Tensor out, Tensor partials) {
        return new Reduce(Operation.DOT, x, y, out, partials);
    }

    public static Reduce max(Tensor x, Tensor out, Tensor partials) {
        return new Reduce(Operation.MAX, x, null, out, partials);
    }

    /** The index of the largest in its row, i32. */
    public static Reduce argmax(Tensor x, Tensor out, Tensor partials) {
        return new Reduce(Operation.ARGMAX, x, null, out, partials);
    }

    /** Shape of the fp32 workspace for rows of n elements: [rows, C, 2]. */
    public static Shape partials(Device device, long rows, long n) {
        return Shape.of(rows, Chunks.of(device, n, rows).count(), 2);
    }

    @Override
    public String file() {
        return "reduce";
    }

    @Override
    public String entry() {
        return operation.first;
    }

    private long rows() {
        return out.elements();
    }

    private long n() {
        return x.elements() / rows();
    }

    @Override
    public void check() {
        Checks checks = new Checks(operation.name().toLowerCase(java.util.Locale.ROOT));
        checks.open(x).dtype(x, DType.F32).open(out).dtype(out, operation == Operation.ARGMAX ? DType.I32 : DType.F32);
        checks.open(partials).dtype(partials, DType.F32);
        checks.require(rows() > 0, out + " is empty, expected one element per row");
        checks.require(
                x.elements() % rows() == 0,
                x + " has " + x.elements() + " elements, expected a multiple of the " + rows() + " rows of " + out);
        if (y != null) {
            checks.open(y).dtype(y, DType.F32).elements(y, x.elements());
        }
        if (operation == Operation.MAX || operation == Operation.ARGMAX) {
            checks.require(n() > 0, x + " has empty rows, which have no largest element");
        }
        if (operation == Operation.ARGMAX) {
            checks.require(
                    n() <= Integer.MAX_VALUE,
                    x + " has rows of " + n() + " elements, expected at most 2^31 - 1: indices are i32; split it");
        }
        checks.shape(partials, partials(partials.buffer().device(), rows(), n()).toArray());
    }

    @Override
    public Geometry geometry(Device device) {
        return geometry(device, Chunks.of(device, n(), rows()), n(), rows());
    }

    /** Work-groups of T x R: T work-items share a row. */
    static Geometry geometry(Device device, Chunks chunks, long n, long rows) {
        if (device.kind() == DeviceKind.OPENCL_CPU) {
            // short rows are shared out among as many work-groups as there is work for
            long groups = Math.max(
                    1, Math.min(rows, Work.cpuGroups(device, chunks.count() == 1 ? n * rows : Long.MAX_VALUE)));
            return Geometry.of(chunks.count(), Math.min(groups, 65535), 1, 1, 1);
        }
        int across = Work.powerOfTwo(Work.ceil(Math.min(n, chunks.length()), 4), Work.GROUP);
        int down = Work.GROUP / across;
        return Geometry.of(chunks.count(), Math.min(Work.ceil(rows, down), 65535), 1, across, down);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(x.buffer());
        if (y != null) {
            arguments.buffer(y.buffer());
        }
        long chunk = Chunks.of(partials.buffer().device(), n(), rows()).length();
        arguments.buffer(partials.buffer()).i64(rows()).i64(n()).i64(chunk);
    }

    @Override
    public Step prepare(Device device) {
        Step first = HandDescriptor.super.prepare(device);
        long chunks = Chunks.of(device, n(), rows()).count();
        return Step.sequence(List.of(first, new ReduceFinish(operation, partials, out, chunks).prepare(device)));
    }

    @Override
    public long bytes() {
        return x.bytes() + out.bytes() + (y == null ? 0 : y.bytes());
    }

    @Override
    public long flops() {
        boolean multiplies =
                operation == Operation.SUM_OF_SQUARES || operation == Operation.NORM || operation == Operation.DOT;
        return x.elements() * (multiplies ? 2 : 1);
    }

    /** Of the sum of magnitudes: inside a chunk a handful of terms are added plainly, before the compensation sees them. */
    @Override
    public Tolerance tolerance() {
        return switch (operation) {
            case MAX, ARGMAX -> Tolerance.EXACT;
            default -> new Tolerance(3e-7, 1e-37);
        };
    }
}
