package dev.sagitta.kernel.loss;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * How well the rows of a batch were predicted; see {@link CrossEntropy#metrics}.
 *
 * @param smoothing of the labels, 0 to below 1
 */
public record CrossEntropyMetrics(
        Tensor logits, CrossEntropy.Labels rows, Tensor workspace, Tensor metrics, Tensor counts, float smoothing)
        implements CrossEntropy.OfRows {
    public CrossEntropyMetrics withSmoothing(float s) {
        return new CrossEntropyMetrics(logits, rows, workspace, metrics, counts, s);
    }

    @Override
    public Signature signature() {
        return workspace(logits("cross_entropy_metrics_f32"))
                .out("metrics", metrics, DType.F32)
                .elements(3)
                .outOrNull("counts", counts, DType.I64)
                .elements(2)
                .i64("n", n())
                .i64("c", c())
                .i32("ignore", rows.ignore())
                .f32("smoothing", smoothing);
    }

    @Override
    public List<Descriptor> launches(Device device) {
        int groups = geometry(device).gridX();
        return groups == 1 ? List.of(this) : List.of(this, new Sum(workspace, metrics, counts, groups));
    }

    @Override
    public long flops() {
        return 8 * logits.elements();
    }

    /** Adds up what the work-groups of {@link CrossEntropyMetrics} left in the workspace. */
    private record Sum(Tensor workspace, Tensor metrics, Tensor counts, long groups) implements CrossEntropy.Entry {
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
