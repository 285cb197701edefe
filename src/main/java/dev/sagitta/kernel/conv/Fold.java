package dev.sagitta.kernel.conv;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * A convolution's weight and bias with the norm behind it taken in: s = gamma / sqrt(variance + epsilon) per output channel, w s and beta + (bias - mean) s.
 *
 * @param w f32 [outputs, ...]
 * @param bias f32 [outputs], or null
 * @param gamma f32 [outputs], or null for 1
 * @param beta f32 [outputs], or null for 0
 * @param mean f32 [outputs]
 * @param variance f32 [outputs]
 * @param folded as w
 * @param foldedBias f32 [outputs]
 */
public record Fold(
        Tensor w,
        Tensor bias,
        Tensor gamma,
        Tensor beta,
        Tensor mean,
        Tensor variance,
        float epsilon,
        Tensor folded,
        Tensor foldedBias)
        implements Descriptor {
    private static final int MOST_GROUPS = 1 << 16;

    @Override
    public Signature signature() {
        Signature s = Signature.of("conv_fold_f32").in("w", w, DType.F32);
        s.require(w.shape().rank() >= 2, w + " has no axis behind that of outputs, expected [outputs, ...]");
        long outputs = w.shape().extent(0);
        return s.inOrNull("bias", bias, DType.F32)
                .exactly(outputs)
                .inOrNull("gamma", gamma, DType.F32)
                .exactly(outputs)
                .inOrNull("beta", beta, DType.F32)
                .exactly(outputs)
                .in("mean", mean, DType.F32, outputs)
                .in("variance", variance, DType.F32, outputs)
                .out("folded", folded, DType.F32, w.shape().toArray())
                .out("folded_bias", foldedBias, DType.F32, outputs)
                .i64("outputs", outputs)
                .i64("inner", w.elements() / outputs)
                .f32("epsilon", epsilon);
    }

    @Override
    public Geometry geometry(Device device) {
        long outputs = w.shape().extent(0);
        return Work.onCpu(device)
                ? Geometry.linear(Work.cpuGroups(device, w.elements()), 1)
                : Geometry.of(Math.max(1, Math.min(outputs, MOST_GROUPS)), 1, 1, Work.GROUP, 1);
    }
}
