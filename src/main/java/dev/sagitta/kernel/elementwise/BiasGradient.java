package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/**
 * db[k, c] = sum over r of dy[k, r, c], fp32, compensated, in a fixed order. Long columns are split among work-groups, whose sums a second
 * launch adds.
 *
 * @param dy [..., cols], or [K, ..., cols] for db [K, cols]
 * @param db [cols]: the sum over all rows, or [K, cols]
 * @param partials workspace of the shape that {@link #partials} states; may be null where that has one split
 * @param accumulate whether the sums are added to what db holds
 */
public record BiasGradient(Tensor dy, Tensor db, Tensor partials, boolean accumulate) implements HandDescriptor {
    private static final int WIDEST = 32;
    /** BIAS_TILE of the CPU variant. */
    private static final int CPU_TILE = 2048;

    static final Map<String, String> CPU_DEFINES = Map.of("BIAS_TILE", Integer.toString(CPU_TILE));

    private static final long LEAST_ELEMENTS_ON_CPU = 16384;
    private static final long LEAST_ROWS_PER_WORK_ITEM = 16;

    /** Shape of the fp32 workspace for K batches of [rows, cols]: [K, S, cols], S splits. */
    public static Shape partials(Device device, long batches, long rows, long cols) {
        return Shape.of(batches, splits(rows, split(device, batches, rows, cols)), cols);
    }

    private static long split(Device device, long batches, long rows, long cols) {
        long tiles;
        long most;
        if (device.kind() == DeviceKind.OPENCL_CPU) {
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

    @Override
    public String file() {
        return "bias";
    }

    @Override
    public String entry() {
        return "bias_gradient_f32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return device.kind() == DeviceKind.OPENCL_CPU ? CPU_DEFINES : Map.of();
    }

    private long cols() {
        return db.shape().extent(-1);
    }

    private long batches() {
        return db.shape().rank() == 1 ? 1 : db.shape().extent(0);
    }

    private long rows() {
        return dy.elements() / Math.max(1, batches() * cols());
    }

    private long split() {
        return split(dy.buffer().device(), batches(), rows(), cols());
    }

    private boolean isSplit() {
        return splits(rows(), split()) > 1;
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        for (Tensor tensor : new Tensor[] {dy, db}) {
            checks.open(tensor).dtype(tensor, DType.F32);
        }
        BiasAdd.checkBias(checks, dy, db);
        Shape workspace = partials(dy.buffer().device(), batches(), rows(), cols());
        if (isSplit()) {
            checks.require(
                    partials != null, "needs a workspace " + workspace + ", got none; allocate BiasGradient.partials");
            checks.open(partials).dtype(partials, DType.F32).shape(partials, workspace.toArray());
        }
    }

    @Override
    public Geometry geometry(Device device) {
        return geometry(device, batches(), splits(rows(), split()), cols());
    }

    private static Geometry geometry(Device device, long batches, long splits, long cols) {
        boolean cpu = device.kind() == DeviceKind.OPENCL_CPU;
        int across = cpu ? 1 : across(cols);
        long tiles = Work.ceil(cols, cpu ? CPU_TILE : 4L * across);
        return Geometry.of(tiles * splits, Math.min(batches, 65535), 1, across, cpu ? 1 : Work.GROUP / across);
    }

    @Override
    public void arguments(Arguments arguments) {
        boolean direct = !isSplit();
        arguments
                .buffer(dy.buffer())
                .buffer(direct ? db.buffer() : partials.buffer())
                .i64(batches())
                .i64(rows())
                .i64(cols())
                .i64(split())
                .i32(direct && accumulate ? 1 : 0);
    }

    @Override
    public Step prepare(Device device) {
        Step first = HandDescriptor.super.prepare(device);
        return isSplit() ? Step.sequence(List.of(first, new Finish(partials, db, accumulate).prepare(device))) : first;
    }

    /** The same kernel over the sums of the splits, as one split. */
    private record Finish(Tensor partials, Tensor db, boolean accumulate) implements HandDescriptor {
        @Override
        public String file() {
            return "bias";
        }

        @Override
        public String entry() {
            return "bias_gradient_f32";
        }

        @Override
        public Map<String, String> defines(Device device) {
            return device.kind() == DeviceKind.OPENCL_CPU ? CPU_DEFINES : Map.of();
        }

        @Override
        public void check() {
            new Checks(entry()).open(partials).open(db);
        }

        private long extent(int axis) {
            return partials.shape().extent(axis);
        }

        @Override
        public Geometry geometry(Device device) {
            return BiasGradient.geometry(device, extent(0), 1, extent(2));
        }

        @Override
        public void arguments(Arguments arguments) {
            arguments.buffer(partials.buffer()).buffer(db.buffer());
            arguments
                    .i64(extent(0))
                    .i64(extent(1))
                    .i64(extent(2))
                    .i64(extent(1))
                    .i32(accumulate ? 1 : 0);
        }

        @Override
        public long bytes() {
            return partials.bytes() + db.bytes();
        }

        @Override
        public long flops() {
            return partials.elements();
        }
    }

    @Override
    public long bytes() {
        return dy.bytes() + db.bytes() * (accumulate ? 2 : 1);
    }

    @Override
    public long flops() {
        return dy.elements();
    }
}
