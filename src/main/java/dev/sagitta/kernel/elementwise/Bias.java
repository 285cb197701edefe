package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** A vector added to each row of a matrix, and its gradient; fp32. */
public final class Bias {
    /** BIAS_TILE of the CPU variant. */
    private static final int CPU_TILE = 2048;

    private static final Map<String, String> CPU_DEFINES = Map.of("BIAS_TILE", Integer.toString(CPU_TILE));

    private Bias() {}

    public static Add add(Tensor y, Tensor b) {
        return new Add(y, b);
    }

    public static Gradient gradient(Tensor dy, Tensor db, Tensor partials, boolean accumulate) {
        return new Gradient(dy, db, partials, accumulate);
    }

    /** Shape of the fp32 workspace of {@link #gradient} for K batches of [rows, cols]: [K, S, cols], S splits. */
    public static Shape partials(Device device, long batches, long rows, long cols) {
        return Shape.of(batches, Gradient.splits(rows, Gradient.split(device, batches, rows, cols)), cols);
    }

    private interface Entry extends Descriptor {
        @Override
        default Map<String, String> defines(Device device) {
            return Work.onCpu(device) ? CPU_DEFINES : Map.of();
        }
    }

    private static long batches(Tensor bias) {
        return bias.shape().rank() == 1 ? 1 : bias.shape().extent(0);
    }

    private static long rows(Tensor matrix, Tensor bias) {
        return matrix.elements() / Math.max(1, batches(bias) * bias.shape().extent(-1));
    }

    /** A bias or its gradient against the matrix that it belongs to. */
    private static Signature belongs(Signature s, Tensor matrix, Tensor bias) {
        int rank = bias.shape().rank();
        s.require(rank == 1 || rank == 2, bias + " has rank " + rank + ", expected [cols] or [K, cols]");
        long cols = bias.shape().extent(-1);
        return s.require(cols > 0, bias + " has no columns, expected at least one")
                .require(
                        matrix.shape().rank() >= rank && matrix.shape().extent(-1) == cols,
                        matrix + " does not end in the " + cols + " columns of " + bias)
                .require(
                        rank == 1
                                || (bias.shape().extent(0) > 0
                                        && matrix.shape().extent(0)
                                                == bias.shape().extent(0)),
                        matrix + " does not start with the " + bias.shape().extent(0) + " batches of " + bias
                                + "; share a bias as [cols]");
    }

    /**
     * y[k, r, c] += b[k, c] or b[c].
     *
     * @param y [..., cols], or [K, ..., cols] where each of K batches has its own bias
     * @param b [cols], shared by all rows, or [K, cols]
     */
    public record Add(Tensor y, Tensor b) implements Entry {
        private static final int WIDEST = 64;

        @Override
        public Signature signature() {
            Signature s = Signature.of("bias_add_f32").inOut("y", y, DType.F32).in("b", b, DType.F32);
            return belongs(s, y, b)
                    .i64("batches", batches(b))
                    .i64("rows", rows(y, b))
                    .i64("cols", b.shape().extent(-1));
        }

        @Override
        public Geometry geometry(Device device) {
            long rows = rows(y, b);
            long cols = b.shape().extent(-1);
            long batches = Math.min(batches(b), Work.MOST_ACROSS);
            if (Work.onCpu(device)) {
                return Geometry.of(Math.min(Work.cpuGroups(device, rows * cols), Math.max(1, rows)), batches, 1, 1, 1);
            }
            int across = Work.powerOfTwo(Work.ceil(cols, 4), WIDEST);
            int down = Work.GROUP / across;
            // two rows per work-item
            long groups = Math.max(1, Math.min(Work.MOST_ACROSS, Work.ceil(rows, 2L * down)));
            return Geometry.of(Work.ceil(cols, 4L * across), groups, batches, across, down);
        }

        @Override
        public long flops() {
            return y.elements();
        }
    }

    /**
     * db[k, c] = sum over r of dy[k, r, c], compensated, in a fixed order. Long columns are split among work-groups, whose sums a second
     * launch adds.
     *
     * @param dy [..., cols], or [K, ..., cols] for db [K, cols]
     * @param db [cols]: the sum over all rows, or [K, cols]
     * @param partials workspace of the shape that {@link Bias#partials} states; may be null where that has one split
     * @param accumulate whether the sums are added to what db holds
     */
    public record Gradient(Tensor dy, Tensor db, Tensor partials, boolean accumulate) implements Entry {
        private static final int WIDEST = 32;
        private static final long LEAST_ELEMENTS_ON_CPU = 16384;
        private static final long LEAST_ROWS_PER_WORK_ITEM = 16;

        private static long split(Device device, long batches, long rows, long cols) {
            long tiles;
            long most;
            if (Work.onCpu(device)) {
                tiles = Work.ceil(cols, CPU_TILE);
                most = rows * Math.min(cols, CPU_TILE) / LEAST_ELEMENTS_ON_CPU;
            } else {
                tiles = Work.ceil(cols, 4L * across(cols));
                most = rows / (LEAST_ROWS_PER_WORK_ITEM * Work.GROUP / across(cols));
            }
            long splits = Math.max(1, Math.min(most, Chunks.groups(device) / Math.max(1, tiles * batches)));
            return Math.max(1, Work.ceil(rows, splits));
        }

        private static long splits(long rows, long split) {
            return Math.max(1, Work.ceil(rows, split));
        }

        private static int across(long cols) {
            return Work.powerOfTwo(Work.ceil(cols, 4), WIDEST);
        }

        private long rows() {
            return Bias.rows(dy, db);
        }

        private long cols() {
            return db.shape().extent(-1);
        }

        private long split() {
            return split(dy.buffer().device(), batches(db), rows(), cols());
        }

        private boolean isSplit() {
            return splits(rows(), split()) > 1;
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("bias_gradient_f32").present("db", db).in("dy", dy, DType.F32);
            s = accumulate ? s.inOut("out", db, DType.F32) : s.out("out", db, DType.F32);
            belongs(s, dy, db);
            if (isSplit()) {
                Shape shape = Bias.partials(dy.buffer().device(), batches(db), rows(), cols());
                s.ofAnotherLaunch()
                        .require(partials != null, "needs a workspace " + shape + ", got none; allocate Bias.partials")
                        .workspace("out", partials, DType.F32, shape.toArray());
            }
            return sums(s, batches(db), rows(), cols(), split(), accumulate && !isSplit());
        }

        private static Signature sums(Signature s, long batches, long rows, long cols, long split, boolean add) {
            return s.i64("batches", batches)
                    .i64("rows", rows)
                    .i64("cols", cols)
                    .i64("split", split)
                    .i32("accumulate", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return geometry(device, batches(db), splits(rows(), split()), cols());
        }

        private static Geometry geometry(Device device, long batches, long splits, long cols) {
            int across = Work.onCpu(device) ? 1 : across(cols);
            int down = Work.onCpu(device) ? 1 : Work.GROUP / across;
            long tiles = Work.ceil(cols, Work.onCpu(device) ? CPU_TILE : 4L * across);
            return Geometry.of(tiles * splits, Math.min(batches, Work.MOST_ACROSS), 1, across, down);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return isSplit() ? List.of(this, new Finish(partials, db, accumulate)) : List.of(this);
        }

        @Override
        public long flops() {
            return dy.elements();
        }
    }

    /** {@link Gradient}'s kernel over the sums of the splits, as one split. */
    private record Finish(Tensor partials, Tensor db, boolean accumulate) implements Entry {
        private long extent(int axis) {
            return partials.shape().extent(axis);
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("bias_gradient_f32").in("dy", partials, DType.F32);
            s = accumulate ? s.inOut("out", db, DType.F32) : s.out("out", db, DType.F32);
            return Gradient.sums(s, extent(0), extent(1), extent(2), extent(1), accumulate);
        }

        @Override
        public Geometry geometry(Device device) {
            return Gradient.geometry(device, extent(0), 1, extent(2));
        }

        @Override
        public long flops() {
            return partials.elements();
        }
    }
}
