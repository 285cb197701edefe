package dev.sagitta.kernel.packed;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** Packed weights of either layout to fp32 [N, K]: {@code fma(s, code - 2^(bits - 1), c)}, the same bits on every device. */
public record DequantizeWeights(PackedWeights packed, Tensor weights) implements HandDescriptor {
    /** DEQUANT_THREADS and DEQUANT_QUADS of the kernel files. */
    private static final int BLOCK = 256;

    private static final int QUADS = 4;

    @Override
    public String file() {
        return "quantize";
    }

    @Override
    public String entry() {
        return "dequantize_" + packed.layout().name().toLowerCase(java.util.Locale.ROOT) + "_w"
                + packed.format().bits() + "_f32";
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        packed.check(checks, packed.layout());
        checks.open(weights).dtype(weights, DType.F32).shape(weights, packed.n(), packed.k());
    }

    @Override
    public Geometry geometry(Device device) {
        long quads = packed.layout() == PackedWeights.Layout.ROWS
                ? packed.n() * ((packed.k() + 3) / 4)
                : packed.words().shape().extent(0) * ((packed.k() + 31) / 32) * (PackedWeights.PANEL * 8);
        long perBlock = (long) BLOCK * QUADS;
        return Geometry.linear((quads + perBlock - 1) / perBlock, BLOCK);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(packed.words().buffer()).buffer(packed.scales().buffer());
        arguments
                .buffer(packed.offsets() == null ? null : packed.offsets().buffer())
                .buffer(weights.buffer());
        arguments.i64(packed.n()).i64(packed.k()).i32(packed.format().group());
    }

    @Override
    public long bytes() {
        return packed.bytes() + weights.bytes();
    }

    @Override
    public long flops() {
        return 2 * weights.elements();
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
