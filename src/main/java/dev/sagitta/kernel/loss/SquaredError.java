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
import java.util.Map;

/**
 * Mean squared error over all elements, in the modes of an op: see the header of the kernels for the formulas. fp32. The loss of nothing
 * is 0. One launch where there are few elements, else a second one that adds up the work-groups' sums.
 *
 * <p>y and target have n elements, y of any shape; a tangent of y is [K, ...] with K n elements; a workspace has at least {@link
 * #workspaceBytes} and is not kept between launches.
 */
public final class SquaredError {
    private SquaredError() {}

    public static long workspaceBytes(long n, long probes) {
        return GroupSums.bytes(n, probes);
    }

    /** loss [1]. */
    public static Forward forward(Tensor y, Tensor target, Tensor workspace, Tensor loss) {
        return new Forward(y, target, workspace, loss);
    }

    /** loss [1] and its derivative by y, which may take the memory of y or of the target. */
    public static ForwardBackward forwardBackward(
            Tensor y, Tensor target, Tensor workspace, Tensor loss, Tensor gradient) {
        return new ForwardBackward(y, target, workspace, loss, gradient);
    }

    /** lossTangents [K]. */
    public static Tangent tangent(Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor lossTangents) {
        return new Tangent(y, target, tangent, workspace, lossTangents);
    }

    /** H_loss tangent, [K, ...], which may take the tangent's memory. */
    public static TangentBackward tangentBackward(Tensor tangent, Tensor out) {
        return new TangentBackward(tangent, out);
    }

    /** tangent[k]' H_loss tangent[k], [K]. */
    public static Curvature curvature(Tensor tangent, Tensor workspace, Tensor curvature) {
        return new Curvature(tangent, workspace, curvature);
    }

    /** f32 [3]: sum over the examples (the first axis of y) of the mean over their elements, number of examples, 0. */
    public static Metrics metrics(Tensor y, Tensor target, Tensor workspace, Tensor metrics) {
        return new Metrics(y, target, workspace, metrics);
    }

    private interface Entry extends Descriptor {
        @Override
        default String file() {
            return "loss/mse";
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

    private static Signature example(String entry, Tensor y, Tensor target) {
        Signature s = Signature.of(entry).in("y", y, DType.F32);
        return s.in("target", target, DType.F32).elements(y.elements());
    }

    private static Signature tangent(Signature s, Tensor tangent) {
        return s.in("yt", tangent, DType.F32)
                .require(
                        tangent.shape().rank() >= 2 && tangent.shape().extent(0) >= 1,
                        tangent + " must be [probes, ...]; reshape it");
    }

    private static Signature sums(Signature s, Tensor workspace, long n, long probes) {
        return s.scratch("workspace", workspace, DType.F32, workspaceBytes(n, probes));
    }

    /** See {@link SquaredError#forward}. */
    public record Forward(Tensor y, Tensor target, Tensor workspace, Tensor loss) implements Entry {
        @Override
        public Signature signature() {
            Signature s = example("mse_forward_f32", y, target);
            return sums(s, workspace, y.elements(), 1)
                    .out("loss", loss, DType.F32)
                    .elements(1)
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
            return 3 * y.elements();
        }
    }

    /** See {@link SquaredError#forwardBackward}. */
    public record ForwardBackward(Tensor y, Tensor target, Tensor workspace, Tensor loss, Tensor gradient)
            implements Entry {
        @Override
        public Signature signature() {
            Signature s = example("mse_forward_backward_f32", y, target);
            return sums(s, workspace, y.elements(), 1)
                    .out("dy", gradient, DType.F32)
                    .elements(y.elements())
                    .out("loss", loss, DType.F32)
                    .elements(1)
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
            return 4 * y.elements();
        }
    }

    /** See {@link SquaredError#tangent}. */
    public record Tangent(Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor lossTangents)
            implements Entry {
        private long probes() {
            return tangent.shape().extent(0);
        }

        @Override
        public Signature signature() {
            Signature s = SquaredError.tangent(example("mse_tangent_f32", y, target), tangent);
            s.elements(probes() * y.elements());
            return sums(s, workspace, y.elements(), probes())
                    .out("loss_t", lossTangents, DType.F32)
                    .elements(probes())
                    .i64("n", y.elements())
                    .i64("probes", probes());
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, y.elements(), probes());
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return LossSum.after(this, workspace, lossTangents, probes(), device);
        }

        @Override
        public long flops() {
            return 3 * y.elements() * probes();
        }
    }

    /** See {@link SquaredError#tangentBackward}. */
    public record TangentBackward(Tensor tangent, Tensor out) implements Entry {
        @Override
        public Signature signature() {
            Signature s = SquaredError.tangent(Signature.of("mse_tangent_backward_f32"), tangent);
            long probes = tangent.shape().extent(0);
            long n = tangent.elements() / probes;
            return s.out("dyt", out, DType.F32).elements(probes * n).i64("n", n).i64("probes", probes);
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, tangent.elements(), 1);
        }

        @Override
        public long flops() {
            return tangent.elements();
        }
    }

    /** See {@link SquaredError#curvature}. */
    public record Curvature(Tensor tangent, Tensor workspace, Tensor curvature) implements Entry {
        private long probes() {
            return tangent.shape().extent(0);
        }

        private long n() {
            return tangent.elements() / probes();
        }

        @Override
        public Signature signature() {
            Signature s = SquaredError.tangent(Signature.of("mse_curvature_f32"), tangent);
            return sums(s, workspace, n(), probes())
                    .out("curvature", curvature, DType.F32)
                    .elements(probes())
                    .i64("n", n())
                    .i64("probes", probes());
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.elementSums(device, n(), probes());
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return LossSum.after(this, workspace, curvature, probes(), device);
        }

        @Override
        public long flops() {
            return 2 * n() * probes();
        }
    }

    /** See {@link SquaredError#metrics}. */
    public record Metrics(Tensor y, Tensor target, Tensor workspace, Tensor metrics) implements Entry {
        @Override
        public Signature signature() {
            Signature s = example("mse_metrics_f32", y, target);
            long n = y.elements();
            s.require(y.shape().rank() >= 1 && n >= 1, y + " holds no example; metrics need at least one");
            return sums(s, workspace, n, 1)
                    .out("metrics", metrics, DType.F32)
                    .elements(3)
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
            return 3 * y.elements();
        }
    }
}
