package dev.sagitta.kernel.loss;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Softmax cross-entropy, the mean over the rows whose label is not {@code ignore}, in the modes of an op: see the header of the kernels for
 * the formulas. n rows of c classes, K probes, fp32; 1 &lt;= c &lt; 2^30. With no counted row the loss is 0.
 *
 * <p>A label that is neither {@code ignore} nor in [0, c) makes its row's loss, gradient and tangents, and the sums they enter, NaN.
 *
 * <p>Each prepares to one launch where the batch is small, else up to three: counting labels, the kernel, the sum over work-groups. Logits
 * are f32 [n, c], labels i32 [n], a tangent of the logits f32 [K, n, c]; a workspace has at least {@link #workspaceBytes} and is not kept
 * between launches.
 */
public final class CrossEntropy {
    /** Up to so many labels each work-group counts for itself: cheaper than a launch. */
    static final long COUNT_HERE = 8_192;

    private static final long MAX_CLASSES = 1L << 30;

    private CrossEntropy() {}

    public static long workspaceBytes(long n, long probes) {
        return GroupSums.bytes(n, probes);
    }

    /** loss [1]. */
    public static Forward forward(Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor loss) {
        return new Forward(logits, labels, ignore, workspace, loss, null, 0);
    }

    /** loss [1] and its derivative by the logits, [n, c], which may take the logits' memory. */
    public static ForwardBackward forwardBackward(
            Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor loss, Tensor gradient) {
        return new ForwardBackward(logits, labels, ignore, workspace, loss, gradient, null, 0);
    }

    /** lossTangents [K]. */
    public static Tangent tangent(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor lossTangents) {
        return new Tangent(logits, labels, ignore, tangent, workspace, lossTangents);
    }

    /** H_loss tangent, [K, n, c], which may take the tangent's memory. */
    public static TangentBackward tangentBackward(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor out) {
        return new TangentBackward(logits, labels, ignore, tangent, workspace, out);
    }

    /** tangent[k]' H_loss tangent[k], [K]. */
    public static Curvature curvature(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor curvature) {
        return new Curvature(logits, labels, ignore, tangent, workspace, curvature);
    }

    /**
     * Sum of the counted rows' losses, their number, and how many of them were predicted correctly (the lowest index of the largest logit).
     *
     * @param metrics f32 [3]; numbers beyond 2^24 are rounded
     * @param counts i64 [2], the two numbers exactly, or null
     */
    public static Metrics metrics(
            Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor metrics, Tensor counts) {
        return new Metrics(logits, labels, ignore, workspace, metrics, counts, 0);
    }

    private interface Entry extends Descriptor {
        @Override
        default Map<String, String> defines(Device device) {
            return Work.defines(device, "PROBE_TILE", Work.PROBE_TILE);
        }

        /** Relative to the sum of the magnitudes of the terms, the row's largest logit among them. */
        @Override
        default Tolerance tolerance() {
            return new Tolerance(4e-6, 1e-30);
        }
    }

    private interface OfRows extends Entry {
        Tensor logits();

        Tensor labels();

        int ignore();

        Tensor workspace();

        default long n() {
            return logits().shape().extent(0);
        }

        default long c() {
            return logits().shape().extent(1);
        }

        default long probes() {
            return 1;
        }

        default Signature rows(String entry) {
            return Signature.of(entry)
                    .in("logits", logits(), DType.F32)
                    .free()
                    .rank(2, "[rows, classes]")
                    .require(
                            c() >= 1 && c() < MAX_CLASSES,
                            logits() + " has " + c() + " classes, expected 1 to 2^30 - 1")
                    .in("labels", labels(), DType.I32, n());
        }

        default Signature workspace(Signature s) {
            return s.scratch("workspace", workspace(), DType.F32, workspaceBytes(n(), probes()));
        }

        default boolean countsHere() {
            return n() <= COUNT_HERE;
        }

        @Override
        default Geometry geometry(Device device) {
            return Work.rowSums(device, n(), c(), probes());
        }

        /** With the count of labels in front, where that is a launch of its own. */
        default List<Descriptor> counted(List<Descriptor> launches) {
            if (countsHere()) {
                return launches;
            }
            List<Descriptor> all = new ArrayList<>(launches);
            all.add(0, new Count(labels(), workspace(), ignore()));
            return all;
        }

        default List<Descriptor> summed(Device device, Tensor out) {
            return counted(LossSum.after(this, workspace(), out, probes(), device));
        }
    }

    private interface OfTangents extends OfRows {
        Tensor tangent();

        @Override
        default long probes() {
            return tangent().shape().extent(0);
        }

        default Signature tangents(String entry) {
            return rows(entry)
                    .in("zt", tangent(), DType.F32)
                    .require(
                            tangent().shape().rank() == 3 && probes() >= 1,
                            tangent() + " must be [probes, rows, classes]; reshape it")
                    .exactly(probes(), n(), c());
        }

        default Signature extents(Signature s) {
            return s.i64("n", n())
                    .i64("c", c())
                    .i64("probes", probes())
                    .i32("ignore", ignore())
                    .i32("count_here", countsHere() ? 1 : 0);
        }
    }

    /**
     * See {@link CrossEntropy#forward}.
     *
     * @param rowLosses f32 [n], each row's loss, 0 where ignored; or null
     * @param smoothing of the labels, 0 to below 1
     */
    public record Forward(
            Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor loss, Tensor rowLosses, float smoothing)
            implements OfRows {
        public Forward withRowLosses(Tensor losses) {
            return new Forward(logits, labels, ignore, workspace, loss, losses, smoothing);
        }

        public Forward withSmoothing(float s) {
            return new Forward(logits, labels, ignore, workspace, loss, rowLosses, s);
        }

        @Override
        public Signature signature() {
            return workspace(rows("cross_entropy_forward_f32"))
                    .outOrNull("row_loss", rowLosses, DType.F32)
                    .exactly(n())
                    .out("loss", loss, DType.F32)
                    .elements(1)
                    .i64("n", n())
                    .i64("c", c())
                    .i32("ignore", ignore)
                    .i32("count_here", countsHere() ? 1 : 0)
                    .f32("smoothing", smoothing);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return summed(device, loss);
        }

        @Override
        public long flops() {
            return 8 * logits.elements();
        }
    }

    /**
     * See {@link CrossEntropy#forwardBackward}.
     *
     * @param rowLosses f32 [n], each row's loss, 0 where ignored; or null
     * @param smoothing of the labels, 0 to below 1
     */
    public record ForwardBackward(
            Tensor logits,
            Tensor labels,
            int ignore,
            Tensor workspace,
            Tensor loss,
            Tensor gradient,
            Tensor rowLosses,
            float smoothing)
            implements OfRows {
        public ForwardBackward withRowLosses(Tensor losses) {
            return new ForwardBackward(logits, labels, ignore, workspace, loss, gradient, losses, smoothing);
        }

        public ForwardBackward withSmoothing(float s) {
            return new ForwardBackward(logits, labels, ignore, workspace, loss, gradient, rowLosses, s);
        }

        @Override
        public String entry(Device device) {
            boolean apart = device.kind() == DeviceKind.CUDA && smoothing != 0;
            return apart ? "cross_entropy_forward_backward_smooth_f32" : entry();
        }

        @Override
        public Signature signature() {
            return workspace(rows("cross_entropy_forward_backward_f32"))
                    .out("dlogits", gradient, DType.F32, n(), c())
                    .outOrNull("row_loss", rowLosses, DType.F32)
                    .exactly(n())
                    .out("loss", loss, DType.F32)
                    .elements(1)
                    .i64("n", n())
                    .i64("c", c())
                    .i32("ignore", ignore)
                    .i32("count_here", countsHere() ? 1 : 0)
                    .f32("smoothing", smoothing);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return summed(device, loss);
        }

        @Override
        public long flops() {
            return 11 * logits.elements();
        }
    }

    /** See {@link CrossEntropy#tangent}. */
    public record Tangent(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor lossTangents)
            implements OfTangents {
        @Override
        public Signature signature() {
            return extents(workspace(tangents("cross_entropy_tangent_f32"))
                    .out("loss_t", lossTangents, DType.F32)
                    .elements(probes()));
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return summed(device, lossTangents);
        }

        @Override
        public long flops() {
            return (9 + 2 * probes()) * logits.elements();
        }
    }

    /** See {@link CrossEntropy#tangentBackward}. */
    public record TangentBackward(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor out)
            implements OfTangents {
        @Override
        public Signature signature() {
            Signature s = workspace(tangents("cross_entropy_tangent_backward_f32"));
            return extents(s.out("dzt", out, DType.F32, probes(), n(), c()));
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return counted(List.of(this));
        }

        @Override
        public long flops() {
            return (9 + 5 * probes()) * logits.elements();
        }
    }

    /** See {@link CrossEntropy#curvature}. */
    public record Curvature(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor curvature)
            implements OfTangents {
        @Override
        public Signature signature() {
            return extents(workspace(tangents("cross_entropy_curvature_f32"))
                    .out("curvature", curvature, DType.F32)
                    .elements(probes()));
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return summed(device, curvature);
        }

        @Override
        public long flops() {
            return (9 + 6 * probes()) * logits.elements();
        }
    }

    /** See {@link CrossEntropy#metrics}. */
    public record Metrics(
            Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor metrics, Tensor counts, float smoothing)
            implements OfRows {
        public Metrics withSmoothing(float s) {
            return new Metrics(logits, labels, ignore, workspace, metrics, counts, s);
        }

        @Override
        public Signature signature() {
            return workspace(rows("cross_entropy_metrics_f32"))
                    .out("metrics", metrics, DType.F32)
                    .elements(3)
                    .outOrNull("counts", counts, DType.I64)
                    .elements(2)
                    .i64("n", n())
                    .i64("c", c())
                    .i32("ignore", ignore)
                    .f32("smoothing", smoothing);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            int groups = geometry(device).gridX();
            return groups == 1 ? List.of(this) : List.of(this, new MetricsSum(workspace, metrics, counts, groups));
        }

        @Override
        public long flops() {
            return 8 * logits.elements();
        }
    }

    /** workspace[0] = 1 / max(1, labels that are not {@code ignore}): the scale of every mean over counted rows. */
    private record Count(Tensor labels, Tensor workspace, int ignore) implements Entry {
        /** The largest block: the whole launch is one, and waits for its loads. */
        private static final int CUDA_GROUP = 1024;

        @Override
        public Signature signature() {
            return Signature.of("cross_entropy_count_f32")
                    .in("labels", labels, DType.I32)
                    .scratch("workspace", workspace, DType.F32, GroupSums.bytes(1, 1))
                    .i64("n", labels.elements())
                    .i32("ignore", ignore)
                    .bytes(labels.bytes() + 4);
        }

        @Override
        public Geometry geometry(Device device) {
            // integers add up in any order, but one group needs no second launch
            int gpu = device.kind() == DeviceKind.CUDA ? CUDA_GROUP : Work.GROUP;
            return Geometry.linear(1, Work.onCpu(device) ? 1 : gpu);
        }

        @Override
        public long flops() {
            return 1;
        }
    }

    /** Adds up what the work-groups of {@link Metrics} left in the workspace. */
    private record MetricsSum(Tensor workspace, Tensor metrics, Tensor counts, long groups) implements Entry {
        @Override
        public Signature signature() {
            return Signature.of("cross_entropy_metrics_sum_f32")
                    .scratch("workspace", workspace, DType.F32, GroupSums.bytes(groups, 1))
                    .out("metrics", metrics, DType.F32)
                    .elements(3)
                    .outOrNull("counts", counts, DType.I64)
                    .i64("groups", groups)
                    .bytes(20 * groups + 12);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(1, Work.onCpu(device) ? 1 : Work.GROUP);
        }

        @Override
        public long flops() {
            return groups;
        }
    }
}
