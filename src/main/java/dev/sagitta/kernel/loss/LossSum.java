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
import java.util.Map;

/**
 * The last step of a loss kernel of more than one work-group: {@code out[k]}, k &lt; probes, is the scale in {@code workspace} times the
 * sum over groups.
 */
record LossSum(Tensor workspace, Tensor out, long probes, long groups) implements Descriptor {
    /** A kernel, and the sum over its work-groups, where it has more than one: a single one has written {@code out} itself. */
    static List<Descriptor> after(Descriptor kernel, Tensor workspace, Tensor out, long probes, Device device) {
        int groups = kernel.geometry(device).gridX();
        return groups == 1 ? List.of(kernel) : List.of(kernel, new LossSum(workspace, out, probes, groups));
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device);
    }

    @Override
    public Signature signature() {
        return Signature.of("loss_sum_f32")
                .scratch("workspace", workspace, DType.F32, GroupSums.bytes(groups, probes))
                .out("out", out, DType.F32)
                .require(out.elements() >= probes, out + " has fewer than " + probes + " elements, one per probe")
                .i64("groups", groups)
                .bytes(4 * (probes * groups + probes));
    }

    @Override
    public Geometry geometry(Device device) {
        return Geometry.linear(Math.max(1, probes), Work.onCpu(device) ? 1 : Work.GROUP);
    }

    @Override
    public long flops() {
        return probes * groups;
    }
}
