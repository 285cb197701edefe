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

/** workspace[0] = 1 / max(1, labels that are not {@code ignore}): the scale of every mean over counted rows. */
record CrossEntropyCount(Tensor labels, Tensor workspace, int ignore) implements HandDescriptor {
    /** The largest block: the whole launch is one, and waits for its loads. */
    private static final int CUDA_GROUP = 1024;

    @Override
    public String file() {
        return "cross_entropy";
    }

    @Override
    public String entry() {
        return "cross_entropy_count_f32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device, "PROBE_TILE", Work.PROBE_TILE);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry()).dtype(labels, DType.I32);
        GroupSums.check(checks, workspace, 1, 1);
    }

    @Override
    public Geometry geometry(Device device) {
        // integers add up in any order, but one group needs no second launch
        return Geometry.linear(1, groupOf(device.kind()));
    }

    private static int groupOf(DeviceKind kind) {
        return switch (kind) {
            case OPENCL_CPU -> 1;
            case CUDA -> CUDA_GROUP;
            default -> Work.GROUP;
        };
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(labels.buffer())
                .buffer(workspace.buffer())
                .i64(labels.elements())
                .i32(ignore);
    }

    @Override
    public long bytes() {
        return labels.bytes() + 4;
    }

    @Override
    public long flops() {
        return 1;
    }
}
