package dev.sagitta.kernel.loss;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/** Adds up what the work-groups of {@link SoftmaxCrossEntropy#metrics} left in the workspace. */
record CrossEntropyMetricsSum(Tensor workspace, Tensor metrics, Tensor counts, long groups) implements HandDescriptor {

    @Override
    public String file() {
        return "cross_entropy";
    }

    @Override
    public String entry() {
        return "cross_entropy_metrics_sum_f32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device, "PROBE_TILE", Work.PROBE_TILE);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry()).dtype(metrics, DType.F32).elements(metrics, 3);
        GroupSums.check(checks, workspace, groups, 1);
    }

    @Override
    public Geometry geometry(Device device) {
        return Geometry.linear(1, device.kind() == DeviceKind.OPENCL_CPU ? 1 : Work.GROUP);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(workspace.buffer())
                .buffer(metrics.buffer())
                .buffer(counts == null ? null : counts.buffer())
                .i64(groups);
    }

    @Override
    public long bytes() {
        return 20 * groups + 12;
    }

    @Override
    public long flops() {
        return groups;
    }
}
