package dev.sagitta.kernel.loss;

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
import java.util.Locale;
import java.util.Map;

/**
 * Losses that are a mean over all elements of a function of output and target, in the modes of an op: see the header of the kernels for the
 * formulas. fp32. The loss of nothing is 0. One launch where there are few elements, else a second one that adds up the work-groups' sums.
 *
 * <p>y and target have n elements, y of any shape; a tangent of y is [K, ...] with K n elements; a workspace has at least {@link
 * #workspaceBytes} and is not kept between launches. {@code delta} is {@link Kind#HUBER}'s, and says nothing to the others.
 */
public final class ElementLoss {
    private ElementLoss() {}

    /** The function, and its floating-point operations per element in the modes. */
    public enum Kind {
        MSE(3, 4, 1, 2),
        L1(3, 4, 2, 3),
        HUBER(5, 7, 3, 4),
        BCE_WITH_LOGITS(10, 16, 10, 10);

        private final int forward;
        private final int backward;
        private final int tangentBackward;
        private final int curvature;

        Kind(int forward, int backward, int tangentBackward, int curvature) {
            this.forward = forward;
            this.backward = backward;
            this.tangentBackward = tangentBackward;
            this.curvature = curvature;
        }

        /** Whether the second derivative is the same everywhere: kernels of these modes are given output and target and need not read them. */
        private boolean isQuadratic() {
            return this == MSE;
        }

        /** As kernels and models write it. */
        public String symbol() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public static long workspaceBytes(long n, long probes) {
        return GroupSums.bytes(n, probes);
    }

    private interface Entry extends Descriptor {
        @Override
        default String file() {
            return "loss/elements";
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
    }

    private static Signature example(Kind kind, String mode, Tensor y, Tensor target) {
        Signature s = Signature.of(kind.symbol() + "_" + mode + "_f32").in("y", y, DType.F32);
        return s.in("target", target, DType.F32).elements(y.elements());
    }

    private static Signature withTangent(Kind kind, String mode, Tensor y, Tensor target, Tensor tangent) {
        Signature s = example(kind, mode, y, target);
        return s.in("yt", tangent, DType.F32)
                .require(
                        tangent.shape().rank() >= 2 && tangent.shape().extent(0) >= 1,
                        tangent + " must be [probes, ...]; reshape it")
                .elements(tangent.shape().extent(0) * y.elements());
    }

    private static Signature sums(Signature s, Tensor workspace, long n, long probes) {
        return s.scratch("workspace", workspace, DType.F32, workspaceBytes(n, probes));
    }

    /** loss [1]. */
    public record Forward(Kind kind, float delta, Tensor y, Tensor target, Tensor workspace, Tensor loss)
            implements Entry {
        @Override
        public Signature signature() {
            return sums(example(kind, "forward", y, target), workspace, y.elements(), 1)
                    .out("loss", loss, DType.F32)
                    .elements(1)
                    .f32("delta", delta)
                    .i64("n", y.elements());
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, y.elements(), 1);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return LossSum.after(this, workspace, loss, 1, device);
        }

        @Override
        public long flops() {
            return kind.forward * y.elements();
        }
    }

    /** loss [1] and its derivative by y, which may take the memory of y or of the target. */
    public record ForwardBackward(
            Kind kind, float delta, Tensor y, Tensor target, Tensor workspace, Tensor loss, Tensor gradient)
            implements Entry {
        @Override
        public Signature signature() {
            return sums(example(kind, "forward_backward", y, target), workspace, y.elements(), 1)
                    .out("dy", gradient, DType.F32)
                    .elements(y.elements())
                    .out("loss", loss, DType.F32)
                    .elements(1)
                    .f32("delta", delta)
                    .i64("n", y.elements());
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, y.elements(), 1);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return LossSum.after(this, workspace, loss, 1, device);
        }

        @Override
        public long flops() {
            return kind.backward * y.elements();
        }
    }

    /** H_loss tangent, [K, ...], which may take the tangent's memory. */
    public record TangentBackward(Kind kind, float delta, Tensor y, Tensor target, Tensor tangent, Tensor out)
            implements Entry {
        private long probes() {
            return tangent.shape().extent(0);
        }

        @Override
        public Signature signature() {
            Signature s = withTangent(kind, "tangent_backward", y, target, tangent)
                    .out("dyt", out, DType.F32)
                    .elements(tangent.elements())
                    .f32("delta", delta)
                    .i64("n", y.elements())
                    .i64("probes", probes());
            return kind.isQuadratic() ? s.bytes(tangent.bytes() + out.bytes()) : s;
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, y.elements(), probes());
        }

        @Override
        public long flops() {
            return kind.tangentBackward * tangent.elements();
        }
    }

    /** tangent[k]' H_loss tangent[k], [K], never negative: all these functions are convex. */
    public record Curvature(
            Kind kind, float delta, Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor curvature)
            implements Entry {
        private long probes() {
            return tangent.shape().extent(0);
        }

        @Override
        public Signature signature() {
            Signature s = withTangent(kind, "curvature", y, target, tangent);
            s = sums(s, workspace, y.elements(), probes())
                    .out("curvature", curvature, DType.F32)
                    .elements(probes())
                    .f32("delta", delta)
                    .i64("n", y.elements())
                    .i64("probes", probes());
            return kind.isQuadratic() ? s.bytes(tangent.bytes() + curvature.bytes()) : s;
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, y.elements(), probes());
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return LossSum.after(this, workspace, curvature, probes(), device);
        }

        @Override
        public long flops() {
            return kind.curvature * tangent.elements();
        }
    }

    /** f32 [3]: sum over the examples (the first axis of y) of the mean over their elements, number of examples, 0. */
    public record Metrics(Kind kind, float delta, Tensor y, Tensor target, Tensor workspace, Tensor metrics)
            implements Entry {
        @Override
        public Signature signature() {
            Signature s = example(kind, "metrics", y, target);
            long n = y.elements();
            s.require(y.shape().rank() >= 1 && n >= 1, y + " holds no example; metrics need at least one");
            return sums(s, workspace, n, 1)
                    .out("metrics", metrics, DType.F32)
                    .elements(3)
                    .f32("delta", delta)
                    .i64("n", n)
                    .i64("c", n / y.shape().extent(0));
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, y.elements(), 1);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return LossSum.after(this, workspace, metrics, 1, device);
        }

        @Override
        public long flops() {
            return kind.forward * y.elements();
        }
    }
}
