package dev.sagitta.kernel.loss;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Locale;

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

        private final LossEntry.Flops flops;

        Kind(int forward, int backward, int tangentBackward, int curvature) {
            this.flops = new LossEntry.Flops(forward, backward, tangentBackward, curvature);
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

    private interface Entry extends LossEntry {
        Kind kind();

        float delta();

        @Override
        default String symbol() {
            return kind().symbol();
        }

        @Override
        default String file() {
            return "loss/elements";
        }

        @Override
        default Geometry geometry(Device device) {
            return Work.elementSums(device, y().elements(), probes());
        }

        default Signature extents(Signature s) {
            return s.f32("delta", delta()).i64("n", y().elements());
        }
    }

    /** loss [1]. */
    public record Forward(Kind kind, float delta, Tensor y, Tensor target, Tensor workspace, Tensor sum)
            implements Entry, LossEntry.Summed {
        @Override
        public Signature signature() {
            return extents(sums(example("forward"), y.elements())
                    .out("loss", sum, DType.F32)
                    .elements(1));
        }

        @Override
        public long flops() {
            return kind.flops.forward() * y.elements();
        }
    }

    /** loss [1] and its derivative by y, which may take the memory of y or of the target. */
    public record ForwardBackward(
            Kind kind, float delta, Tensor y, Tensor target, Tensor workspace, Tensor sum, Tensor gradient)
            implements Entry, LossEntry.Summed {
        @Override
        public Signature signature() {
            return extents(sums(example("forward_backward"), y.elements())
                    .out("dy", gradient, DType.F32)
                    .elements(y.elements())
                    .out("loss", sum, DType.F32)
                    .elements(1));
        }

        @Override
        public long flops() {
            return kind.flops.backward() * y.elements();
        }
    }

    /** H_loss tangent, [K, ...], which may take the tangent's memory. */
    public record TangentBackward(Kind kind, float delta, Tensor y, Tensor target, Tensor tangent, Tensor out)
            implements Entry {
        @Override
        public Signature signature() {
            Signature s = extents(withTangent("tangent_backward")
                            .out("dyt", out, DType.F32)
                            .elements(tangent.elements()))
                    .i64("probes", probes());
            return kind.isQuadratic() ? s.bytes(tangent.bytes() + out.bytes()) : s;
        }

        @Override
        public long flops() {
            return kind.flops.tangentBackward() * tangent.elements();
        }
    }

    /** tangent[k]' H_loss tangent[k], [K], never negative: all these functions are convex. */
    public record Curvature(
            Kind kind, float delta, Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor sum)
            implements Entry, LossEntry.Summed {
        @Override
        public Signature signature() {
            Signature s = extents(sums(withTangent("curvature"), y.elements())
                            .out("curvature", sum, DType.F32)
                            .elements(probes()))
                    .i64("probes", probes());
            return kind.isQuadratic() ? s.bytes(tangent.bytes() + sum.bytes()) : s;
        }

        @Override
        public long flops() {
            return kind.flops.curvature() * tangent.elements();
        }
    }

    /** f32 [3]: sum over the examples (the first axis of y) of the mean over their elements, number of examples, 0. */
    public record Metrics(Kind kind, float delta, Tensor y, Tensor target, Tensor workspace, Tensor sum)
            implements Entry, LossEntry.Summed {
        @Override
        public Signature signature() {
            Signature s = example("metrics");
            long n = y.elements();
            s.require(y.shape().rank() >= 1 && n >= 1, y + " holds no example; metrics need at least one");
            return extents(sums(s, n).out("metrics", sum, DType.F32).elements(3))
                    .i64("c", n / y.shape().extent(0));
        }

        @Override
        public long flops() {
            return kind.flops.forward() * y.elements();
        }
    }
}
