package dev.sagitta.kernel.optimiser;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/**
 * One step of SGD or AdamW over an arena of n parameters: see the header of the kernels for the formulas. fp32, one launch, or two with
 * clipping. A NaN in the gradient makes the norm, and with clipping every parameter, NaN.
 *
 * <p>Parameters, gradient and state are f32 [n]; state is updated and 0 before the first step. {@code decay} is u8 [{@link #decayBlocks}],
 * 0 where a block of 64 parameters has no weight decay; null: all have. Tensors that begin at multiples of {@link Device#ALIGNMENT} bytes
 * share no block. {@code settings} are f32 [16] of {@link OptimiserSettings}.
 */
public final class Optimiser {
    /** Parameters of one byte of the decay mask: {@code OPTIMISER_DECAY_BLOCK} of the kernels. */
    public static final int DECAY_BLOCK = 64;

    /** Bytes of the workspace that clipping needs. */
    public static final long WORKSPACE_BYTES = GroupSums.bytes(GroupSums.MOST, 1);

    private Optimiser() {}

    public static long decayBlocks(long n) {
        return (n + DECAY_BLOCK - 1) / DECAY_BLOCK;
    }

    /** @param velocity null for no momentum */
    public static Sgd sgd(Tensor parameters, Tensor gradient, Tensor velocity, Tensor decay, Tensor settings) {
        return new Sgd(parameters, gradient, velocity, decay, settings, null, null);
    }

    public static AdamW adamW(Tensor parameters, Tensor gradient, Tensor m, Tensor v, Tensor decay, Tensor settings) {
        return new AdamW(parameters, gradient, m, v, decay, settings, null, null);
    }

    /** A step of either rule. */
    public sealed interface Update extends Descriptor permits Sgd, AdamW {
        Tensor parameters();

        Tensor gradient();

        Tensor decay();

        Tensor settings();

        /** At least {@link Optimiser#WORKSPACE_BYTES}; null: no clipping. */
        Tensor workspace();

        /** f32 [2]: the gradient's norm and what it was multiplied by; null without clipping. */
        Tensor norm();

        /** Scales the gradient, where its norm is larger, to the settings' maximum norm, and reports the norm. */
        Update clipped(Tensor workspace, Tensor norm);

        private long n() {
            return parameters().elements();
        }

        @Override
        default Map<String, String> defines(Device device) {
            return Work.defines(device);
        }

        @Override
        default Geometry geometry(Device device) {
            return Work.elementSums(device, n(), 1);
        }

        @Override
        default List<Descriptor> launches(Device device) {
            return workspace() == null ? List.of(this) : List.of(new SquaredNorm(gradient(), workspace()), this);
        }

        @Override
        default Tolerance tolerance() {
            return new Tolerance(1e-6, 1e-30);
        }
    }

    private static Signature begin(String entry, Update u) {
        return Signature.of(entry)
                .inOut("parameters", u.parameters(), DType.F32)
                .in("gradient", u.gradient(), DType.F32)
                .elements(u.parameters().elements());
    }

    private static Signature end(Signature s, Update u) {
        long n = u.parameters().elements();
        s.inOrNull("decay", u.decay(), DType.U8)
                .elements(decayBlocks(n))
                .in("settings", u.settings(), DType.F32)
                .elements(OptimiserSettings.LENGTH);
        long moved = s.bytes(); // clipping reads the gradient once more, which SquaredNorm counts
        boolean clips = u.workspace() != null;
        if (clips) {
            s.require(
                            u.workspace().bytes() >= WORKSPACE_BYTES,
                            u.workspace() + " has " + u.workspace().bytes() + " bytes, expected at least "
                                    + WORKSPACE_BYTES + " (WORKSPACE_BYTES)")
                    .require(u.norm() != null, "clipping reports the norm; give it a tensor of 2");
        }
        return s.scratchOrNull("workspace", u.workspace(), DType.F32, WORKSPACE_BYTES)
                .outOrNull("norm", u.norm(), DType.F32)
                .elements(2)
                .i64("n", n)
                .i32("clip", clips ? 1 : 0)
                .bytes(moved);
    }

    /** See {@link Optimiser#sgd}. */
    public record Sgd(
            Tensor parameters,
            Tensor gradient,
            Tensor velocity,
            Tensor decay,
            Tensor settings,
            Tensor workspace,
            Tensor norm)
            implements Update {
        @Override
        public Sgd clipped(Tensor partialSums, Tensor reported) {
            return new Sgd(parameters, gradient, velocity, decay, settings, partialSums, reported);
        }

        @Override
        public Signature signature() {
            Signature s = begin("optimiser_sgd_f32", this);
            return end(s.inOutOrNull("velocity", velocity, DType.F32).elements(parameters.elements()), this);
        }

        @Override
        public long flops() {
            return (velocity == null ? 5 : 9) * parameters.elements();
        }
    }

    /** See {@link Optimiser#adamW}. */
    public record AdamW(
            Tensor parameters,
            Tensor gradient,
            Tensor m,
            Tensor v,
            Tensor decay,
            Tensor settings,
            Tensor workspace,
            Tensor norm)
            implements Update {
        @Override
        public AdamW clipped(Tensor partialSums, Tensor reported) {
            return new AdamW(parameters, gradient, m, v, decay, settings, partialSums, reported);
        }

        @Override
        public Signature signature() {
            Signature s = begin("optimiser_adamw_f32", this)
                    .inOut("m", m, DType.F32)
                    .elements(parameters.elements())
                    .inOut("v", v, DType.F32)
                    .elements(parameters.elements());
            return end(s, this);
        }

        @Override
        public long flops() {
            return 15 * parameters.elements();
        }
    }

    /** Sums of squares of a gradient, one per work-group, for {@link Update#clipped}. */
    private record SquaredNorm(Tensor gradient, Tensor workspace) implements Descriptor {
        @Override
        public Map<String, String> defines(Device device) {
            return Work.defines(device);
        }

        @Override
        public Signature signature() {
            return Signature.of("optimiser_squared_norm_f32")
                    .in("gradient", gradient, DType.F32)
                    .scratch("workspace", workspace, DType.F32, WORKSPACE_BYTES)
                    .i64("n", gradient.elements());
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, gradient.elements(), 1);
        }

        @Override
        public long flops() {
            return 2 * gradient.elements();
        }
    }
}
