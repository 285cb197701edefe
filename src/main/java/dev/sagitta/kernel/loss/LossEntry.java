package dev.sagitta.kernel.loss;

import dev.sagitta.device.Device;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** What the modes of losses against fp32 targets have in common: output, targets of as many elements, tangents [K, ...] of the output, a workspace. */
interface LossEntry extends Descriptor {
    /** Floating-point operations per element of the modes. */
    record Flops(int forward, int backward, int tangentBackward, int curvature) {}

    /** Of the function, as kernels write it. */
    String symbol();

    Tensor y();

    Tensor target();

    /** [K, ...] of the modes that have probes; null for one of none. */
    default Tensor tangent() {
        return null;
    }

    default long probes() {
        return tangent() == null ? 1 : tangent().shape().extent(0);
    }

    /** A mode whose result is a sum over work-groups. */
    interface Summed extends LossEntry {
        Tensor workspace();

        Tensor sum();

        @Override
        default List<Descriptor> launches(Device device) {
            return LossSum.after(this, workspace(), sum(), probes(), device);
        }

        /** @param n elements or rows that are summed, of each probe */
        default Signature sums(Signature s, long n) {
            return s.scratch("workspace", workspace(), DType.F32, GroupSums.bytes(n, probes()));
        }
    }

    @Override
    default Map<String, String> defines(Device device) {
        return Work.defines(device);
    }

    /** Relative to the sum of the magnitudes of the terms. */
    @Override
    default Tolerance tolerance() {
        return new Tolerance(4e-6, 1e-30);
    }

    default Signature example(String mode) {
        return Signature.of(symbol() + "_" + mode + "_f32")
                .in("y", y(), DType.F32)
                .in("target", target(), DType.F32)
                .elements(y().elements());
    }

    default Signature withTangent(String mode) {
        return example(mode)
                .in("yt", tangent(), DType.F32)
                .require(
                        tangent().shape().rank() >= 2 && probes() >= 1,
                        tangent() + " must be [probes, ...]; reshape it")
                .elements(probes() * y().elements());
    }
}
