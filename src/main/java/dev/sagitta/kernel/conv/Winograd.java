package dev.sagitta.kernel.conv;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Window;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.conv.Conv.Problem;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** How a CPU device computes convolutions of 3 x 3 with stride 1, of channels that are multiples of 16: {@link Conv}'s products with less than half of the multiplications. */
final class Winograd {
    private static final int TILES = 48;
    private static final int DEPTH = 128;
    private static final int POINTS = 16;
    private static final int PANEL = 32;
    private static final int TILE_ROWS = 12;
    private static final int LANES = 16;
    private static final int TAPS = 9;
    /** Of the arrays of a work-group, and as much again for the device's own. */
    private static final long LOCAL = 1 << 19;
    /** Splits of a weight's gradient per core. */
    private static final int PER_CORE = 4;

    private Winograd() {}

    /** Whether it computes a product on a device. */
    static boolean serves(Device device, Problem p) {
        Window w = p.window();
        return Work.onCpu(device)
                && device.info().localMemoryBytes() >= LOCAL
                && w.height() == 3
                && w.width() == 3
                && w.strideHeight() == 1
                && w.strideWidth() == 1
                && w.dilationHeight() == 1
                && w.dilationWidth() == 1
                && w.paddingHeight() <= 2
                && w.paddingWidth() <= 2
                && p.groups() == 1
                && fits(p.channels())
                && fits(p.outputs());
    }

    private static boolean fits(long channels) {
        return channels % LANES == 0 && channels <= DEPTH;
    }

    private static long packed(long results, long depth) {
        return Work.ceil(results, PANEL) * POINTS * depth * PANEL;
    }

    private static long packed(Problem p, boolean transposed) {
        return transposed ? packed(p.channels(), p.outputs()) : packed(p.outputs(), p.channels());
    }

    /** Bytes of the transformed copies of a weight. */
    static long packedBytes(Problem p, long copies, boolean transposed) {
        return Float.BYTES * copies * packed(p, transposed);
    }

    private static long tiles(Problem p) {
        return p.batch() * Work.ceil(p.outputHeight(), 2) * Work.ceil(p.outputWidth(), 2);
    }

    private static long splits(Device device, Problem p) {
        long wanted = Work.ceil((long) PER_CORE * device.info().computeUnits(), p.copies());
        return Math.max(1, Math.min(wanted, Work.ceil(tiles(p), TILES)));
    }

    private static long sums(Problem p) {
        return Work.ceil(p.outputs(), PANEL) * POINTS * (Work.ceil(p.channels(), TILE_ROWS) * TILE_ROWS) * PANEL;
    }

    static long weightBytes(Device device, Problem p) {
        return Float.BYTES * p.copies() * splits(device, p) * sums(p);
    }

    static List<Descriptor> forward(Conv.Forward f) {
        Problem p = f.problem();
        Window w = p.window();
        return List.of(
                new Weight(f.w(), f.scratch(), p, false),
                new Rows(
                        f.x(),
                        f.w(),
                        f.scratch(),
                        f.bias(),
                        f.y(),
                        p,
                        w.paddingHeight(),
                        w.paddingWidth(),
                        false,
                        f.scale(),
                        f.add()));
    }

    static List<Descriptor> input(Conv.Input f) {
        Problem p = f.problem();
        Window w = p.window();
        return List.of(
                new Weight(f.w(), f.scratch(), p, true),
                new Rows(
                        f.dy(),
                        f.w(),
                        f.scratch(),
                        null,
                        f.dx(),
                        p,
                        2 - w.paddingHeight(),
                        2 - w.paddingWidth(),
                        true,
                        f.scale(),
                        f.add()));
    }

    static List<Descriptor> weight(Device device, Conv.Weight f) {
        Problem p = f.problem();
        long splits = splits(device, p);
        return List.of(
                new WeightRows(f.dy(), f.x(), f.scratch(), p, splits),
                new WeightSum(f.scratch(), f.dw(), p, splits, f.add()));
    }

    private static int extent(Tensor t, int axis) {
        return Math.toIntExact(t.shape().extent(axis));
    }

    /** A weight transformed. */
    private record Weight(Tensor w, Tensor packed, Problem p, boolean transposed) implements Descriptor {
        private long copies() {
            return w.shape().extent(0);
        }

        @Override
        public Signature signature() {
            return Signature.of("winograd_weight_f32")
                    .in("w", w, DType.F32)
                    .scratch("packed", packed, DType.F32, packedBytes(p, copies(), transposed))
                    .i32("outputs", (int) p.outputs())
                    .i32("channels", (int) p.channels())
                    .i32("transposed", transposed ? 1 : 0)
                    .i64("stride_w", w.elements() / copies());
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.of(Work.cpuGroups(device, 4 * w.elements()), copies(), 1, 1, 1);
        }
    }

    private record Rows(
            Tensor from,
            Tensor w,
            Tensor packed,
            Tensor bias,
            Tensor to,
            Problem p,
            int paddingHeight,
            int paddingWidth,
            boolean backwards,
            float scale,
            boolean add)
            implements Descriptor {
        private long weights() {
            return w.shape().extent(0);
        }

        /** Copies of the weight that one transformed input serves. */
        private long served() {
            return from.shape().extent(0) == 1 ? p.copies() : 1;
        }

        @Override
        public Signature signature() {
            return Signature.of("winograd_rows_f32")
                    .in("x", from, DType.F32)
                    .scratch("packed", packed, DType.F32, packedBytes(p, weights(), backwards))
                    .inOrNull("bias", bias, DType.F32)
                    .tensor("y", to, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false)
                    .i32("batch", (int) p.batch())
                    .i32("height", extent(from, 2))
                    .i32("width", extent(from, 3))
                    .i32("depth", extent(from, 4))
                    .i32("out_height", extent(to, 2))
                    .i32("out_width", extent(to, 3))
                    .i32("results", extent(to, 4))
                    .i32("padding_height", paddingHeight)
                    .i32("padding_width", paddingWidth)
                    .i32("weights", (int) served())
                    .i64("stride_x", Conv.stride(from))
                    .i64("stride_packed", weights() == 1 ? 0 : Winograd.packed(p, backwards))
                    .i64("stride_bias", bias == null ? 0 : Conv.stride(bias))
                    .i64("stride_y", Conv.stride(to))
                    .f32("scale", scale)
                    .i32("add", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            long tiles = p.batch() * Work.ceil(extent(to, 2), 2) * Work.ceil(extent(to, 3), 2);
            return Geometry.of(Work.ceil(tiles, TILES), p.copies() / served(), 1, 1, 1);
        }

        @Override
        public long flops() {
            return p.flops();
        }
    }

    private record WeightRows(Tensor dy, Tensor x, Tensor partials, Problem p, long splits) implements Descriptor {
        @Override
        public Signature signature() {
            return Signature.of("winograd_weight_rows_f32")
                    .in("dy", dy, DType.F32)
                    .in("x", x, DType.F32)
                    .scratch("partials", partials, DType.F32, Float.BYTES * p.copies() * splits * sums(p))
                    .i32("batch", (int) p.batch())
                    .i32("height", (int) p.height())
                    .i32("width", (int) p.width())
                    .i32("channels", (int) p.channels())
                    .i32("out_height", (int) p.outputHeight())
                    .i32("out_width", (int) p.outputWidth())
                    .i32("outputs", (int) p.outputs())
                    .i32("padding_height", p.window().paddingHeight())
                    .i32("padding_width", p.window().paddingWidth())
                    .i64("stride_x", Conv.stride(x))
                    .i64("stride_y", Conv.stride(dy));
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.of(splits, p.copies(), 1, 1, 1);
        }

        @Override
        public long flops() {
            return p.flops();
        }
    }

    private record WeightSum(Tensor partials, Tensor dw, Problem p, long splits, boolean add) implements Descriptor {
        @Override
        public Signature signature() {
            return Signature.of("winograd_weight_sum_f32")
                    .scratch("partials", partials, DType.F32, Float.BYTES * p.copies() * splits * sums(p))
                    .tensor("dw", dw, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false)
                    .i32("outputs", (int) p.outputs())
                    .i32("channels", (int) p.channels())
                    .i32("splits", (int) splits)
                    .i64("stride_w", p.outputs() * p.channels() * TAPS)
                    .i32("add", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.of(Work.cpuGroups(device, 16 * dw.elements() / p.copies()), p.copies(), 1, 1, 1);
        }
    }
}
