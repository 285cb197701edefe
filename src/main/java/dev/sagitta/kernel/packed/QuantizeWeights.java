package dev.sagitta.kernel.packed;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * Rounds weights [N, K] fp32 to codes in {@link PackedWeights.Layout#ROWS}, in two kernels: {@link Stage#FIT} finds steps and centres by the
 * least squared error over 25 clips of each group, {@link Stage#PACK} rounds to nearest, packs, and writes to {@code errors} [N] the
 * squared error of each row. A row that holds a NaN or an infinity has a NaN error: reject it. {@link #pack} alone takes steps and
 * centres that came from elsewhere.
 */
public record QuantizeWeights(Stage stage, Tensor weights, PackedWeights packed, Tensor errors)
        implements HandDescriptor {
    /** FIT_THREADS and FIT_LANES of the kernel files. */
    private static final int FIT_BLOCK = 256;

    private static final int FIT_LANES = 8;
    /** PACK_THREADS of the kernel files. */
    private static final int PACK_BLOCK = 64;

    private static final int FIT_FLOPS_PER_CLIP = 8;
    private static final int CLIPS = 25;

    /** Which of the two kernels. */
    public enum Stage {
        FIT,
        PACK
    }

    /** Both stages. */
    public static Preparable of(Tensor weights, PackedWeights packed, Tensor errors) {
        return Preparable.sequence(fit(weights, packed), pack(weights, packed, errors));
    }

    public static QuantizeWeights fit(Tensor weights, PackedWeights packed) {
        return new QuantizeWeights(Stage.FIT, weights, packed, null);
    }

    public static QuantizeWeights pack(Tensor weights, PackedWeights packed, Tensor errors) {
        return new QuantizeWeights(Stage.PACK, weights, packed, errors);
    }

    @Override
    public String file() {
        return "quantize";
    }

    @Override
    public String entry() {
        return "quantize_" + stage.name().toLowerCase(java.util.Locale.ROOT) + "_w"
                + packed.format().bits() + "_f32";
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        packed.check(checks, PackedWeights.Layout.ROWS);
        checks.open(weights).dtype(weights, DType.F32).shape(weights, packed.n(), packed.k());
        if (stage == Stage.PACK) {
            checks.require(errors != null, "errors is missing, expected a tensor [" + packed.n() + "]");
            checks.open(errors).dtype(errors, DType.F32).shape(errors, packed.n());
        }
    }

    @Override
    public Geometry geometry(Device device) {
        if (stage == Stage.PACK) {
            return Geometry.linear(packed.n(), PACK_BLOCK);
        }
        long groups = packed.scales().elements();
        return device.kind() == DeviceKind.OPENCL_CPU
                ? Geometry.linear(Math.min(groups, 16L * device.info().computeUnits()), 1)
                : Geometry.linear((groups * FIT_LANES + FIT_BLOCK - 1) / FIT_BLOCK, FIT_BLOCK);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(weights.buffer()).buffer(packed.scales().buffer());
        arguments.buffer(packed.offsets() == null ? null : packed.offsets().buffer());
        if (stage == Stage.PACK) {
            arguments.buffer(packed.words().buffer()).buffer(errors.buffer());
        }
        arguments.i64(packed.n()).i64(packed.k()).i32(packed.format().group());
    }

    @Override
    public long bytes() {
        long groups = packed.bytes() - packed.words().bytes();
        return weights.bytes() + groups + (stage == Stage.PACK ? packed.words().bytes() + errors.bytes() : 0);
    }

    @Override
    public long flops() {
        int sides = packed.format().symmetric() ? 2 : 1;
        return weights.elements() * (stage == Stage.FIT ? (long) sides * CLIPS * FIT_FLOPS_PER_CLIP : 6);
    }
}
