package dev.sagitta.kernel.loss;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.GroupSums;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * workspace[0] = 1 / max(1, labels that are not {@code ignore}): the scale of every mean over counted rows.
 *
 * @param labels i32 [n]
 */
public record LabelCount(Tensor labels, int ignore, Tensor workspace) implements CrossEntropy.Entry {
    /** Up to so many labels each work-group counts for itself: cheaper than a launch. */
    static final long HERE = 8_192;

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
