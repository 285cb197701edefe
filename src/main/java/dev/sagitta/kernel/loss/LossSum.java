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

/**
 * The last step of a loss kernel of more than one work-group: {@code out[k]}, k &lt; probes, is the scale in {@code workspace} times the
 * sum over groups.
 */
record LossSum(Tensor workspace, Tensor out, long probes, long groups) implements HandDescriptor {

    @Override
    public String file() {
        return "loss_sum";
    }

    @Override
    public String entry() {
        return "loss_sum_f32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry()).dtype(out, DType.F32);
        checks.require(out.elements() >= probes, out + " has fewer than " + probes + " elements, one per probe");
        GroupSums.check(checks, workspace, groups, probes);
    }

    @Override
    public Geometry geometry(Device device) {
        return Geometry.linear(Math.max(1, probes), device.kind() == DeviceKind.OPENCL_CPU ? 1 : Work.GROUP);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(workspace.buffer()).buffer(out.buffer()).i64(groups);
    }

    @Override
    public long bytes() {
        return 4 * (probes * groups + probes);
    }

    @Override
    public long flops() {
        return probes * groups;
    }
}
