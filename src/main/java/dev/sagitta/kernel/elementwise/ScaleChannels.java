package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Images times a number per channel, and sums over the pixels of products of images: formulas in {@code elementwise/scale_channels.gpu.cl}. fp32; images are
 * [copies, batch, pixels, channels], numbers of channels [copies, batch, channels]; an operand of one copy is shared by all.
 */
public final class ScaleChannels {
    /** CHANNEL_DOTS_TILE of the kernels. */
    private static final int TILE = 32;

    private static final String IMAGES = "[copies, batch, pixels, channels]";

    private ScaleChannels() {}

    /** The operands in a kernel's order, images and numbers per channel; a bit of each that has copies. */
    private static int copied(long copies, Tensor... operands) {
        int bits = 0;
        for (int i = 0; i < operands.length; i++) {
            bits |= operands[i] != null && copies > 1 && operands[i].shape().extent(0) == copies ? 1 << i : 0;
        }
        return bits;
    }

    private static Signature operand(Signature s, String name, Tensor t, long copies, long... shape) {
        if (t == null) {
            return s.inOrNull(name, null, DType.F32);
        }
        long own = t.shape().extent(0);
        s.require(own == 1 || own == copies, t + " must be of one copy or of " + copies + "; reshape it");
        List<Long> expected = new ArrayList<>(List.of(own));
        for (long extent : shape) {
            expected.add(extent);
        }
        return s.inOrNull(name, t, DType.F32)
                .exactly(expected.stream().mapToLong(e -> e).toArray());
    }

    private static Signature pair(Signature s, Tensor z, String name, Tensor other) {
        return s.require((z == null) == (other == null), "z and " + name + " must both be there, or neither");
    }

    /** y = scale (x g + z h); z and h null for one term. */
    public record Scale(Tensor x, Tensor g, Tensor z, Tensor h, Tensor y, float scale) implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("scale_channels_f32").present("y", y);
            s.require(y.shape().rank() == 4, y + " must be " + IMAGES + "; reshape it");
            long copies = extent(y, 0);
            long batch = extent(y, 1);
            long pixels = extent(y, 2);
            long channels = extent(y, 3);
            pair(s.present("x", x).present("g", g), z, "h", h);
            operand(s, "x", x, copies, batch, pixels, channels);
            operand(s, "g", g, copies, batch, channels);
            operand(s, "z", z, copies, batch, pixels, channels);
            operand(s, "h", h, copies, batch, channels);
            return s.out("y", y, DType.F32)
                    .i64("batch", batch)
                    .i64("pixels", pixels)
                    .i64("channels", channels)
                    .i32("copied", copied(copies, x, g, z, h))
                    .f32("scale", scale);
        }

        @Override
        public long flops() {
            return (z == null ? 2 : 4) * y.elements();
        }

        @Override
        public Geometry geometry(Device device) {
            long copies = extent(y, 0);
            long n = y.elements() / Math.max(1, copies);
            if (Work.onCpu(device)) {
                long rows = extent(y, 1) * extent(y, 2);
                return Geometry.of(groups(device, rows, y.elements()), copies, 1, 1, 1);
            }
            long groups = Math.max(1, Math.min(Work.ceil(n, Work.GROUP), 1 << 20));
            return Geometry.of(groups, copies, 1, Work.GROUP, 1);
        }
    }

    /** out = sum over pixels of x u + z v; z and v null for one term. */
    public record Dots(Tensor x, Tensor u, Tensor z, Tensor v, Tensor out) implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("channel_dots_f32")
                    .present("x", x)
                    .present("u", u)
                    .present("out", out);
            s.require(x.shape().rank() == 4, x + " must be " + IMAGES + "; reshape it")
                    .require(out.shape().rank() == 3, out + " must be [copies, batch, channels]; reshape it");
            long copies = extent(out, 0);
            long batch = extent(out, 1);
            long pixels = extent(x, 2);
            long channels = extent(out, 2);
            pair(s, z, "v", v);
            operand(s, "x", x, copies, batch, pixels, channels);
            operand(s, "u", u, copies, batch, pixels, channels);
            operand(s, "z", z, copies, batch, pixels, channels);
            operand(s, "v", v, copies, batch, pixels, channels);
            return s.out("out", out, DType.F32)
                    .i64("batch", batch)
                    .i64("pixels", pixels)
                    .i64("channels", channels)
                    .i32("copied", copied(copies, x, u, z, v));
        }

        @Override
        public long flops() {
            return (z == null ? 2 : 4) * out.elements() * extent(x, 2);
        }

        @Override
        public Geometry geometry(Device device) {
            long copies = extent(out, 0);
            long batch = extent(out, 1);
            if (Work.onCpu(device)) {
                return Geometry.of(groups(device, batch, out.elements() * extent(x, 2)), copies, 1, 1, 1);
            }
            long tiles = batch * Work.ceil(extent(out, 2), TILE);
            return Geometry.of(Math.max(1, Math.min(tiles, 1 << 20)), copies, 1, Work.GROUP, 1);
        }
    }

    private static long groups(Device device, long units, long elements) {
        return Math.max(1, Math.min(units, Work.cpuGroups(device, elements)));
    }

    private static long extent(Tensor t, int axis) {
        return t.shape().extent(axis);
    }
}
