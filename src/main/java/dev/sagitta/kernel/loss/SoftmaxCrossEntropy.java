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
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Softmax cross-entropy, the mean over the rows whose label is not {@code ignore}, in the modes of an op: see the header of
 * {@code kernels/opencl/cross_entropy.cl} for the formulas. n rows of c classes, K probes, fp32; 1 &lt;= c &lt; 2^30. With no counted row
 * the loss is 0.
 *
 * <p>A label that is neither {@code ignore} nor in [0, c) makes its row's loss, gradient and tangents, and the sums they enter, NaN.
 *
 * <p>{@link #prepare} gives one launch where the batch is small, else up to three: counting labels, the kernel, the sum over work-groups.
 *
 * @param logits f32 [n, c]
 * @param labels i32 [n]
 * @param tangent of the logits, f32 [K, n, c]; null in the modes that have none
 * @param workspace at least {@link #workspaceBytes}; not kept between launches
 * @param rowLosses f32 [n], or null: see {@link #withRowLosses}
 * @param gradient f32 [n, c], or [K, n, c] of {@link Mode#TANGENT_BACKWARD}; null in the modes that have none
 * @param out f32: [1] the loss, [K] its tangents or the curvature, [3] metrics; null of {@link Mode#TANGENT_BACKWARD}
 * @param counts i64 [2] or null: see {@link #metrics}
 */
public record SoftmaxCrossEntropy(
        Mode mode,
        Tensor logits,
        Tensor labels,
        int ignore,
        Tensor tangent,
        Tensor workspace,
        Tensor rowLosses,
        Tensor gradient,
        Tensor out,
        Tensor counts)
        implements HandDescriptor {
    /** Up to so many labels each work-group counts for itself: cheaper than a launch. */
    static final long COUNT_HERE = 8_192;

    private static final long MAX_CLASSES = 1L << 30;

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
    public static SoftmaxCrossEntropy forward(Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor loss) {
        return new SoftmaxCrossEntropy(Mode.FORWARD, logits, labels, ignore, null, workspace, null, null, loss, null);
    }

    /** loss [1] and its derivative by the logits, [n, c], which may take the logits' memory. */
    public static SoftmaxCrossEntropy forwardBackward(
            Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor loss, Tensor gradient) {
        return new SoftmaxCrossEntropy(
                Mode.FORWARD_BACKWARD, logits, labels, ignore, null, workspace, null, gradient, loss, null);
    }

    /** lossTangents [K]. */
    public static SoftmaxCrossEntropy tangent(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor lossTangents) {
        return new SoftmaxCrossEntropy(
                Mode.TANGENT, logits, labels, ignore, tangent, workspace, null, null, lossTangents, null);
    }

    /** H_loss tangent, [K, n, c], which may take the tangent's memory. */
    public static SoftmaxCrossEntropy tangentBackward(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor out) {
        return new SoftmaxCrossEntropy(
                Mode.TANGENT_BACKWARD, logits, labels, ignore, tangent, workspace, null, out, null, null);
    }

    /** tangent[k]' H_loss tangent[k], [K]. */
    public static SoftmaxCrossEntropy curvature(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor curvature) {
        return new SoftmaxCrossEntropy(
                Mode.CURVATURE, logits, labels, ignore, tangent, workspace, null, null, curvature, null);
    }

    /**
     * Sum of the counted rows' losses, their number, and how many of them were predicted correctly (the lowest index of the largest logit).
     *
     * @param metrics f32 [3]; numbers beyond 2^24 are rounded
     * @param counts i64 [2], the two numbers exactly, or null
     */
    public static SoftmaxCrossEntropy metrics(
            Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor metrics, Tensor counts) {
        return new SoftmaxCrossEntropy(
                Mode.METRICS, logits, labels, ignore, null, workspace, null, null, metrics, counts);
    }

    /** Writes each row's loss as well, 0 where ignored: for the two forward modes. */
    public SoftmaxCrossEntropy withRowLosses(Tensor losses) {
        return new SoftmaxCrossEntropy(mode, logits, labels, ignore, tangent, workspace, losses, gradient, out, counts);
    }

    @Override
    public String file() {
        return "cross_entropy";
    }

    @Override
    public String entry() {
        return "cross_entropy_" + mode.name().toLowerCase(Locale.ROOT) + "_f32";
    }

    private long n() {
        return logits.shape().extent(0);
    }

    private long c() {
        return logits.shape().extent(1);
    }

    private long probes() {
        return tangent == null ? 1 : tangent.shape().extent(0);
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device, "PROBE_TILE", Work.PROBE_TILE);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry()).dtype(logits, DType.F32).dtype(labels, DType.I32);
        checks.require(logits.shape().rank() == 2, logits + " must be [rows, classes]; reshape it");
        checks.require(c() >= 1 && c() < MAX_CLASSES, logits + " has " + c() + " classes, expected 1 to 2^30 - 1");
        checks.shape(labels, n());
        if (tangent != null) {
            checks.dtype(tangent, DType.F32);
            checks.require(
                    tangent.shape().rank() == 3 && probes() >= 1,
                    tangent + " must be [probes, rows, classes]; reshape it");
            checks.shape(tangent, probes(), n(), c());
        }
        if (mode == Mode.FORWARD_BACKWARD) {
            checks.dtype(gradient, DType.F32).shape(gradient, n(), c());
        } else if (mode == Mode.TANGENT_BACKWARD) {
            checks.dtype(gradient, DType.F32).shape(gradient, probes(), n(), c());
        }
        if (out != null) {
            checks.dtype(out, DType.F32).elements(out, mode == Mode.METRICS ? 3 : probes());
        }
        if (counts != null) {
            checks.dtype(counts, DType.I64).elements(counts, 2);
        }
        if (rowLosses != null) {
            checks.require(
                    mode == Mode.FORWARD || mode == Mode.FORWARD_BACKWARD,
                    "row losses are written by the forward modes only; use forward");
            checks.dtype(rowLosses, DType.F32).shape(rowLosses, n());
        }
        GroupSums.check(checks, workspace, n(), probes());
    }

    @Override
    public Geometry geometry(Device device) {
        return Work.rowSums(device, n(), c(), probes());
    }

    private boolean countsHere() {
        return n() <= COUNT_HERE;
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(logits.buffer()).buffer(labels.buffer());
        if (tangent != null) {
            arguments.buffer(tangent.buffer());
        }
        arguments.buffer(workspace.buffer());
        switch (mode) {
            case FORWARD -> arguments.buffer(bufferOf(rowLosses)).buffer(out.buffer());
            case FORWARD_BACKWARD ->
                arguments.buffer(gradient.buffer()).buffer(bufferOf(rowLosses)).buffer(out.buffer());
            case TANGENT, CURVATURE -> arguments.buffer(out.buffer());
            case TANGENT_BACKWARD -> arguments.buffer(gradient.buffer());
            case METRICS -> arguments.buffer(out.buffer()).buffer(bufferOf(counts));
        }
        arguments.i64(n()).i64(c());
        if (tangent != null) {
            arguments.i64(probes());
        }
        arguments.i32(ignore);
        if (mode != Mode.METRICS) {
            arguments.i32(countsHere() ? 1 : 0);
        }
    }

    private static dev.sagitta.device.Buffer bufferOf(Tensor tensor) {
        return tensor == null ? null : tensor.buffer();
    }

    @Override
    public Step prepare(Device device) {
        check();
        List<Step> steps = new ArrayList<>();
        if (mode != Mode.METRICS && !countsHere()) {
            steps.add(new CrossEntropyCount(labels, workspace, ignore).prepare(device));
        }
        steps.add(HandDescriptor.super.prepare(device));
        int groups = geometry(device).gridX();
        if (groups > 1 && mode == Mode.METRICS) {
            steps.add(new CrossEntropyMetricsSum(workspace, out, counts, groups).prepare(device));
        } else if (groups > 1 && out != null) {
            steps.add(new LossSum(workspace, out, probes(), groups).prepare(device));
        }
        return Step.sequence(steps);
    }

    @Override
    public long bytes() {
        long bytes = logits.bytes() + labels.bytes();
        for (Tensor tensor : new Tensor[] {tangent, rowLosses, gradient, out, counts}) {
            bytes += tensor == null ? 0 : tensor.bytes();
        }
        return bytes;
    }

    @Override
    public long flops() {
        long k = probes();
        long perLogit =
                switch (mode) {
                    case FORWARD, METRICS -> 8;
                    case FORWARD_BACKWARD -> 11;
                    case TANGENT -> 9 + 2 * k;
                    case TANGENT_BACKWARD -> 9 + 5 * k;
                    case CURVATURE -> 9 + 6 * k;
                };
        return perLogit * logits.elements();
    }

    /** Relative to the sum of the magnitudes of the terms, the row's largest logit among them. */
    @Override
    public Tolerance tolerance() {
        return new Tolerance(4e-6, 1e-30);
    }
}
