package dev.sagitta.kernel.optimiser;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * One step of SGD or AdamW over an arena of n parameters: see the header of {@code kernels/opencl/optimiser.cl} for the formulas. fp32, one
 * launch, or two with clipping. A NaN in the gradient makes the norm, and with clipping every parameter, NaN.
 *
 * @param parameters f32, updated
 * @param gradient like the parameters
 * @param first velocity (SGD, null: none) or first moment, updated; 0 before the first step
 * @param second second moment, updated; null of SGD
 * @param decay u8 [{@link #decayBlocks}], 0 where a block of 64 parameters has no weight decay; null: all have. Tensors that begin at
 *     multiples of {@link Device#ALIGNMENT} bytes share no block
 * @param settings f32 [16] of {@link OptimiserSettings}
 * @param workspace at least {@link #WORKSPACE_BYTES}; null: no clipping
 * @param norm f32 [2]: the gradient's norm and what it was multiplied by; null without clipping
 */
public record Optimiser(
        Rule rule,
        Tensor parameters,
        Tensor gradient,
        Tensor first,
        Tensor second,
        Tensor decay,
        Tensor settings,
        Tensor workspace,
        Tensor norm)
        implements HandDescriptor {
    /** Parameters of one byte of the decay mask: {@code OPTIMISER_DECAY_BLOCK} of the kernels. */
    public static final int DECAY_BLOCK = 64;

    /** Bytes of the workspace that clipping needs. */
    public static final long WORKSPACE_BYTES = GroupSums.bytes(GroupSums.MOST, 1);

    /** The entry. */
    public enum Rule {
        SGD,
        ADAMW
    }

    public static long decayBlocks(long n) {
        return (n + DECAY_BLOCK - 1) / DECAY_BLOCK;
    }

    /** @param velocity null for no momentum */
    public static Optimiser sgd(Tensor parameters, Tensor gradient, Tensor velocity, Tensor decay, Tensor settings) {
        return new Optimiser(Rule.SGD, parameters, gradient, velocity, null, decay, settings, null, null);
    }

    public static Optimiser adamW(
            Tensor parameters, Tensor gradient, Tensor m, Tensor v, Tensor decay, Tensor settings) {
        return new Optimiser(Rule.ADAMW, parameters, gradient, m, v, decay, settings, null, null);
    }

    /** Scales the gradient, where its norm is larger, to the settings' maximum norm, and reports the norm. */
    public Optimiser clipped(Tensor workspace, Tensor norm) {
        return new Optimiser(rule, parameters, gradient, first, second, decay, settings, workspace, norm);
    }

    @Override
    public String file() {
        return "optimiser";
    }

    @Override
    public String entry() {
        return "optimiser_" + rule.name().toLowerCase(Locale.ROOT) + "_f32";
    }

    private long n() {
        return parameters.elements();
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry())
                .dtype(parameters, DType.F32)
                .dtype(gradient, DType.F32)
                .elements(gradient, n());
        for (Tensor state : new Tensor[] {first, second}) {
            if (state != null) {
                checks.dtype(state, DType.F32).elements(state, n());
            }
        }
        checks.require(
                rule == Rule.SGD || (first != null && second != null),
                "both moments are needed; allocate them, filled with 0");
        if (decay != null) {
            checks.dtype(decay, DType.U8).elements(decay, decayBlocks(n()));
        }
        checks.dtype(settings, DType.F32).elements(settings, OptimiserSettings.LENGTH);
        if (workspace != null) {
            checks.require(
                    workspace.bytes() >= WORKSPACE_BYTES,
                    workspace + " has " + workspace.bytes() + " bytes, expected at least " + WORKSPACE_BYTES
                            + " (WORKSPACE_BYTES)");
            checks.require(norm != null, "clipping reports the norm; give it a tensor of 2");
            checks.dtype(norm, DType.F32).elements(norm, 2);
        }
    }

    @Override
    public Geometry geometry(Device device) {
        return Work.elementSums(device, n(), 1);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(parameters.buffer()).buffer(gradient.buffer()).buffer(bufferOf(first));
        if (rule == Rule.ADAMW) {
            arguments.buffer(second.buffer());
        }
        arguments
                .buffer(bufferOf(decay))
                .buffer(settings.buffer())
                .buffer(bufferOf(workspace))
                .buffer(bufferOf(norm))
                .i64(n())
                .i32(workspace == null ? 0 : 1);
    }

    @Override
    public Step prepare(Device device) {
        check();
        Step update = HandDescriptor.super.prepare(device);
        return workspace == null
                ? update
                : Step.sequence(List.of(new SquaredNorm(gradient, workspace).prepare(device), update));
    }

    @Override
    public long bytes() {
        long bytes = 2 * parameters.bytes() + gradient.bytes() + settings.bytes();
        for (Tensor state : new Tensor[] {first, second}) {
            bytes += state == null ? 0 : 2 * state.bytes();
        }
        return bytes + (decay == null ? 0 : decay.bytes());
    }

    @Override
    public long flops() {
        return (rule == Rule.ADAMW ? 15 : first == null ? 5 : 9) * n();
    }

    @Override
    public Tolerance tolerance() {
        return new Tolerance(1e-6, 1e-30);
    }

    private static Buffer bufferOf(Tensor tensor) {
        return tensor == null ? null : tensor.buffer();
    }
}
