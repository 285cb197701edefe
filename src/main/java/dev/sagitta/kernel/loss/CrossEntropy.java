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
 * <p>Each prepares to one launch where the batch is small, else up to three: {@link LabelCount}, the kernel, the sum over work-groups. Where the rows of a
 * batch come in parts, a {@link LabelCount} of all of them stands before the first, and each part is told {@code afterCount()}: the mean then divides by the
 * counted rows of all, and the parts' losses add up. Logits
 * are f32 [n, c], labels i32 [n], a tangent of the logits f32 [K, n, c]; a workspace has at least {@link #workspaceBytes} and is not kept
 * between launches but for that count.
 */
public final class CrossEntropy {
    private static final long MAX_CLASSES = 1L << 30;

    /**
     * Whose rows count.
     *
     * @param ids i32 [n]
     * @param counted whether {@link LabelCount} has left in the workspace what the mean divides by: of these rows and others
     */
    public record Labels(Tensor ids, int ignore, boolean counted) {
        private Labels afterCount() {
            return new Labels(ids, ignore, true);
        }
    }

    private CrossEntropy() {}

    public static long workspaceBytes(long n, long probes) {
        return GroupSums.bytes(n, probes);
    }

    /** loss [1]. */
    public static Forward forward(Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor loss) {
        return new Forward(logits, new Labels(labels, ignore, false), workspace, loss, null, 0);
    }

    /** loss [1] and its derivative by the logits, [n, c], which may take the logits' memory. */
    public static ForwardBackward forwardBackward(
            Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor loss, Tensor gradient) {
        return new ForwardBackward(logits, new Labels(labels, ignore, false), workspace, loss, gradient, null, 0);
    }

    /** lossTangents [K]. */
    public static Tangent tangent(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor lossTangents) {
        return new Tangent(logits, new Labels(labels, ignore, false), tangent, workspace, lossTangents);
    }

    /** H_loss tangent, [K, n, c], which may take the tangent's memory. */
    public static TangentBackward tangentBackward(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor out) {
        return new TangentBackward(logits, new Labels(labels, ignore, false), tangent, workspace, out);
    }

    /** tangent[k]' H_loss tangent[k], [K]. */
    public static Curvature curvature(
            Tensor logits, Tensor labels, int ignore, Tensor tangent, Tensor workspace, Tensor curvature) {
        return new Curvature(logits, new Labels(labels, ignore, false), tangent, workspace, curvature);
    }

    /**
     * Sum of the counted rows' losses, their number, and how many of them were predicted correctly (the lowest index of the largest logit).
     *
     * @param metrics f32 [3]; numbers beyond 2^24 are rounded
     * @param counts i64 [2], the two numbers exactly, or null
     */
    public static CrossEntropyMetrics metrics(
            Tensor logits, Tensor labels, int ignore, Tensor workspace, Tensor metrics, Tensor counts) {
        return new CrossEntropyMetrics(logits, new Labels(labels, ignore, false), workspace, metrics, counts, 0);
    }

    /** What all of them share, and what else is in their kernel file. */
    interface Entry extends Descriptor {
        @Override
        default String file() {
            return "loss/cross_entropy";
        }

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

    interface OfRows extends Entry {
        Tensor logits();

        Labels rows();

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

        default Signature logits(String entry) {
            return Signature.of(entry)
                    .in("logits", logits(), DType.F32)
                    .free()
                    .rank(2, "[rows, classes]")
                    .require(
                            c() >= 1 && c() < MAX_CLASSES,
                            logits() + " has " + c() + " classes, expected 1 to 2^30 - 1")
                    .in("labels", rows().ids(), DType.I32, n());
        }

        default Signature workspace(Signature s) {
            return s.scratch("workspace", workspace(), DType.F32, workspaceBytes(n(), probes()));
        }

        default boolean countsHere() {
            return !rows().counted() && n() <= LabelCount.HERE;
        }

        @Override
        default Geometry geometry(Device device) {
            return Work.rowSums(device, n(), c(), probes());
        }

        /** With the count of labels in front, where that is a launch of its own. */
        default List<Descriptor> counted(List<Descriptor> launches) {
            if (countsHere() || rows().counted()) {
                return launches;
            }
            List<Descriptor> all = new ArrayList<>(launches);
            all.add(0, new LabelCount(rows().ids(), rows().ignore(), workspace()));
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
            return logits(entry)
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
                    .i32("ignore", rows().ignore())
                    .i32("count_here", countsHere() ? 1 : 0);
        }
    }

    /**
     * See {@link CrossEntropy#forward}.
     *
     * @param rowLosses f32 [n], each row's loss, 0 where ignored; or null
     * @param smoothing of the labels, 0 to below 1
     */
    public record Forward(Tensor logits, Labels rows, Tensor workspace, Tensor loss, Tensor rowLosses, float smoothing)
            implements OfRows {
        public Forward withRowLosses(Tensor losses) {
            return new Forward(logits, rows, workspace, loss, losses, smoothing);
        }

        public Forward withSmoothing(float s) {
            return new Forward(logits, rows, workspace, loss, rowLosses, s);
        }

        public Forward afterCount() {
            return new Forward(logits, rows.afterCount(), workspace, loss, rowLosses, smoothing);
        }

        @Override
        public Signature signature() {
            return workspace(logits("cross_entropy_forward_f32"))
                    .outOrNull("row_loss", rowLosses, DType.F32)
                    .exactly(n())
                    .out("loss", loss, DType.F32)
                    .elements(1)
                    .i64("n", n())
                    .i64("c", c())
                    .i32("ignore", rows.ignore())
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
            Labels rows,
            Tensor workspace,
            Tensor loss,
            Tensor gradient,
            Tensor rowLosses,
            float smoothing)
            implements OfRows {
        public ForwardBackward withRowLosses(Tensor losses) {
            return new ForwardBackward(logits, rows, workspace, loss, gradient, losses, smoothing);
        }

        public ForwardBackward withSmoothing(float s) {
            return new ForwardBackward(logits, rows, workspace, loss, gradient, rowLosses, s);
        }

        public ForwardBackward afterCount() {
            return new ForwardBackward(logits, rows.afterCount(), workspace, loss, gradient, rowLosses, smoothing);
        }

        @Override
        public String entry(Device device) {
            boolean apart = device.kind() == DeviceKind.CUDA && smoothing != 0;
            return apart ? "cross_entropy_forward_backward_smooth_f32" : entry();
        }

        @Override
        public Signature signature() {
            return workspace(logits("cross_entropy_forward_backward_f32"))
                    .out("dlogits", gradient, DType.F32, n(), c())
                    .outOrNull("row_loss", rowLosses, DType.F32)
                    .exactly(n())
                    .out("loss", loss, DType.F32)
                    .elements(1)
                    .i64("n", n())
                    .i64("c", c())
                    .i32("ignore", rows.ignore())
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
    public record Tangent(Tensor logits, Labels rows, Tensor tangent, Tensor workspace, Tensor lossTangents)
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
    public record TangentBackward(Tensor logits, Labels rows, Tensor tangent, Tensor workspace, Tensor out)
            implements OfTangents {
        public TangentBackward afterCount() {
            return new TangentBackward(logits, rows.afterCount(), tangent, workspace, out);
        }

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
    public record Curvature(Tensor logits, Labels rows, Tensor tangent, Tensor workspace, Tensor curvature)
            implements OfTangents {
        public Curvature afterCount() {
            return new Curvature(logits, rows.afterCount(), tangent, workspace, curvature);
        }

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
}
