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

/** How a GPU computes {@link Conv} where groups have enough channels: tiles of matrix products, whose left factor is read from the image as it is needed. */
final class ConvTiles {
    /** Of conv_tiles_f32: columns of a narrow tile, and of a wide one; 8192 elements in all. */
    private static final int NARROW = 32;

    private static final int WIDE = 64;
    private static final int ELEMENTS = 8192;
    /** Of conv_weight_tiles_f32, along both axes. */
    private static final int SIDE = 64;
    /** Channels of a group below which a tile is mostly empty. */
    private static final int LEAST = 8;

    private ConvTiles() {}

    /** Whether it computes a product on a device. */
    static boolean serves(Device device, Problem p) {
        long few = Math.min(p.channels(), p.outputs()) / p.groups();
        long across = p.groups() * Work.ceil(Math.max(p.channels(), p.outputs()) / p.groups(), NARROW);
        // places within an image and a weight are ints, and a row that is nowhere stays there
        long largest =
                Math.max(p.height() * p.width() * p.channels(), p.outputHeight() * p.outputWidth() * p.outputs());
        long reach = (long) p.window().height() * p.window().dilationHeight();
        return !Work.onCpu(device)
                && Math.max(Math.max(largest, p.weights()), reach) < 1L << 30
                && (p.groups() == 1 || few >= LEAST)
                && Math.max(across, p.copies()) <= Work.MOST_ACROSS;
    }

    /** Bytes of so many copies of a packed weight. */
    static long packedBytes(Problem p, long weights) {
        return Float.BYTES * weights * p.weights();
    }

    static long weightBytes(Device device, Problem p) {
        return ConvSlices.bytes(p, slices(device, p));
    }

    private static long weightTiles(Problem p) {
        long each = p.outputs() / p.groups();
        return p.groups() * Work.ceil(each, SIDE) * Work.ceil(p.weights() / p.outputs(), SIDE);
    }

    private static int slices(Device device, Problem p) {
        return ConvSlices.of(device, p, weightTiles(p));
    }

    static List<Descriptor> forward(Conv.Forward f) {
        return List.of(
                new Pack(f.w(), f.scratch(), f.problem(), false),
                new Tiles(f.x(), f.w(), f.scratch(), f.bias(), f.y(), f.problem(), false, f.scale(), f.add()));
    }

    static List<Descriptor> input(Conv.Input f) {
        return List.of(
                new Pack(f.w(), f.scratch(), f.problem(), true),
                new Tiles(f.dy(), f.w(), f.scratch(), null, f.dx(), f.problem(), true, f.scale(), f.add()));
    }

    static List<Descriptor> weight(Device device, Conv.Weight f) {
        int slices = slices(device, f.problem());
        if (slices == 1) {
            return List.of(new Rows(f.dy(), f.x(), f.dw(), null, f.problem(), 1, f.add()));
        }
        return List.of(
                new Rows(f.dy(), f.x(), f.dw(), f.scratch(), f.problem(), slices, false),
                new ConvSlices.Sum(f.scratch(), f.dw(), slices, f.add()));
    }

    /** A weight as rows of what is summed over. */
    private record Pack(Tensor w, Tensor packed, Problem p, boolean backwards) implements Descriptor {
        private long copies() {
            return w.shape().extent(0);
        }

        @Override
        public Signature signature() {
            return Signature.of("conv_pack_f32")
                    .in("w", w, DType.F32)
                    .scratch("packed", packed, DType.F32, packedBytes(p, copies()))
                    .i64("copies", copies())
                    .i32("groups", p.groups())
                    .i32("each", (int) (p.outputs() / p.groups()))
                    .i32("inner", (int) (p.channels() / p.groups()))
                    .i32("taps", (int) p.taps())
                    .i32("backwards", backwards ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return Conv.each(device, w.elements(), 1);
        }
    }

    /** y from x and the packed weight. */
    private record Tiles(
            Tensor x,
            Tensor w,
            Tensor packed,
            Tensor bias,
            Tensor y,
            Problem p,
            boolean backwards,
            float scale,
            boolean add)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("conv_tiles_f32")
                    .in("x", x, DType.F32)
                    .scratch(
                            "packed",
                            packed,
                            DType.F32,
                            packedBytes(p, w.shape().extent(0)))
                    .inOrNull("bias", bias, DType.F32)
                    .tensor("y", y, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false);
            return p.numbers(s, backwards ? y : x, w, backwards ? x : y)
                    .i64("stride_bias", bias == null ? 0 : Conv.stride(bias))
                    .i32("backwards", backwards ? 1 : 0)
                    .f32("scale", scale)
                    .i32("add", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            Window v = p.window();
            long each = (backwards ? p.channels() : p.outputs()) / p.groups();
            int columns = each <= NARROW ? NARROW : WIDE;
            long down = backwards ? v.strideHeight() : 1;
            long across = backwards ? v.strideWidth() : 1;
            long rows = p.batch()
                    * Work.ceil(backwards ? p.height() : p.outputHeight(), down)
                    * Work.ceil(backwards ? p.width() : p.outputWidth(), across);
            long tiles = down * across * Math.max(1, Work.ceil(rows, ELEMENTS / columns));
            return Geometry.of(tiles, p.copies(), p.groups() * Work.ceil(each, columns), Work.GROUP, 1);
        }

        @Override
        public long flops() {
            return p.flops();
        }
    }

    /** dw, or sums of slices of the pixels where there is scratch memory. */
    private record Rows(Tensor dy, Tensor x, Tensor dw, Tensor parts, Problem p, int slices, boolean add)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("conv_weight_tiles_f32")
                    .in("dy", dy, DType.F32)
                    .in("x", x, DType.F32);
            ConvSlices.result(s, dw, parts, ConvSlices.bytes(p, slices), add);
            return p.numbers(s, x, dw, dy)
                    .i64("stride_slice", slices == 1 ? 0 : dw.elements())
                    .i32("add", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.of(weightTiles(p), p.copies(), slices, Work.GROUP, 1);
        }

        @Override
        public long flops() {
            return p.flops();
        }
    }
}
