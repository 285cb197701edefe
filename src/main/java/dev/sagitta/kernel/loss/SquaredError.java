package dev.sagitta.kernel.loss;

import dev.sagitta.device.Arguments;
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
 * Mean squared error over all elements, in the modes of an op: see the header of {@code kernels/opencl/mse.cl} for the formulas. fp32. The
 * loss of nothing is 0. One launch where there are few elements, else a second one that adds up the work-groups' sums.
 *
 * @param y outputs, any shape of n elements; null where only its size matters, which {@code tangent} then gives
 * @param target like y, or null in the same modes
 * @param tangent of y, [K, ...] with K n elements; null in the modes that have none
 * @param workspace at least {@link #workspaceBytes}; null of {@link Mode#TANGENT_BACKWARD}
 * @param gradient like y, or like the tangent of {@link Mode#TANGENT_BACKWARD}; null in the modes that have none
 * @param out [1] the loss, [K] its tangents or the curvature, [3] metrics; null of {@link Mode#TANGENT_BACKWARD}
 */
public record SquaredError(
        Mode mode, Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor gradient, Tensor out)
        implements HandDescriptor {

    /** The entry. */
    public enum Mode {
        FORWARD,
        FORWARD_BACKWARD,
        TANGENT,
        TANGENT_BACKWARD,
        CURVATURE,
        METRICS
    }

    public static long workspaceBytes(long n, long probes) {
        return GroupSums.bytes(n, probes);
    }

    /** loss [1]. */
    public static SquaredError forward(Tensor y, Tensor target, Tensor workspace, Tensor loss) {
        return new SquaredError(Mode.FORWARD, y, target, null, workspace, null, loss);
    }

    /** loss [1] and its derivative by y, which may take the memory of y or of the target. */
    public static SquaredError forwardBackward(
            Tensor y, Tensor target, Tensor workspace, Tensor loss, Tensor gradient) {
        return new SquaredError(Mode.FORWARD_BACKWARD, y, target, null, workspace, gradient, loss);
    }

    /** lossTangents [K]. */
    public static SquaredError tangent(Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor lossTangents) {
        return new SquaredError(Mode.TANGENT, y, target, tangent, workspace, null, lossTangents);
    }

    /** H_loss tangent, [K, ...], which may take the tangent's memory. */
    public static SquaredError tangentBackward(Tensor tangent, Tensor out) {
        return new SquaredError(Mode.TANGENT_BACKWARD, null, null, tangent, null, out, null);
    }

    /** tangent[k]' H_loss tangent[k], [K]. */
    public static SquaredError curvature(Tensor tangent, Tensor workspace, Tensor curvature) {
        return new SquaredError(Mode.CURVATURE, null, null, tangent, workspace, null, curvature);
    }

    /** f32 [3]: sum over the examples (the first axis of y) of the mean over their elements, number of examples, 0. */
    public static SquaredError metrics(Tensor y, Tensor target, Tensor workspace, Tensor metrics) {
        return new SquaredError(Mode.METRICS, y, target, null, workspace, null, metrics);
    }

    @Override
    public String file() {
        return "mse";
    }

    @Override
    public String entry() {
        return "mse_" + mode.name().toLowerCase(Locale.ROOT) + "_f32";
    }

    private long n() {
        return y != null ? y.elements() : tangent.elements() / probes();
    }

    private long probes() {
        return tangent == null ? 1 : tangent.shape().extent(0);
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        if (tangent != null) {
            checks.dtype(tangent, DType.F32);
            checks.require(
                    tangent.shape().rank() >= 2 && probes() >= 1, tangent + " must be [probes, ...]; reshape it");
        }
        if (y != null) {
            checks.dtype(y, DType.F32).dtype(target, DType.F32).elements(target, n());
            if (tangent != null) {
                checks.elements(tangent, probes() * n());
            }
        }
        if (gradient != null) {
            checks.dtype(gradient, DType.F32).elements(gradient, (mode == Mode.TANGENT_BACKWARD ? probes() : 1) * n());
        }
        if (out != null) {
            checks.dtype(out, DType.F32).elements(out, mode == Mode.METRICS ? 3 : probes());
        }
        if (mode == Mode.METRICS) {
            checks.require(y.shape().rank() >= 1 && n() >= 1, y + " holds no example; metrics need at least one");
        }
        if (workspace != null) {
            GroupSums.check(checks, workspace, n(), probes());
        }
    }

    @Override
    public Geometry geometry(Device device) {
        return mode == Mode.TANGENT_BACKWARD
                ? Work.elementSums(device, n() * probes(), 1)
                : Work.elementSums(device, n(), probes());
    }

    @Override
    public void arguments(Arguments arguments) {
        for (Tensor tensor : new Tensor[] {y, target, tangent, workspace, gradient, out}) {
            if (tensor != null) {
                arguments.buffer(tensor.buffer());
            }
        }
        arguments.i64(n());
        if (tangent != null) {
            arguments.i64(probes());
        }
        if (mode == Mode.METRICS) {
            arguments.i64(n() / y.shape().extent(0));
        }
    }

    @Override
    public Step prepare(Device device) {
        Step step = HandDescriptor.super.prepare(device);
        int groups = geometry(device).gridX();
        return out == null || groups == 1
                ? step
                : Step.sequence(List.of(step, new LossSum(workspace, out, probes(), groups).prepare(device)));
    }

    @Override
    public long bytes() {
        long bytes = 0;
        for (Tensor tensor : new Tensor[] {y, target, tangent, gradient, out}) {
            bytes += tensor == null ? 0 : tensor.bytes();
        }
        return bytes;
    }

    @Override
    public long flops() {
        return switch (mode) {
            case FORWARD, METRICS -> 3 * n();
            case FORWARD_BACKWARD -> 4 * n();
            case TANGENT -> 3 * n() * probes();
            case TANGENT_BACKWARD -> n() * probes();
            case CURVATURE -> 2 * n() * probes();
        };
    }

    /** Relative to the sum of the magnitudes of the terms. */
    @Override
    public Tolerance tolerance() {
        return new Tolerance(4e-6, 1e-30);
    }
}
