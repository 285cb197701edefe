package dev.sagitta.kernel.packed;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * The gradient of {@link QMatmul} with respect to its input, dx = dy W, through the packed weights: dy is [.., N], dx [.., K]; fp32,
 * accumulated in fp32, the same bits every time. On a CPU device the bits of a row do not depend on the batch; on a GPU not within M up to
 * {@code QMatmul.mostFew(device, K)}, and M above it, which two kernels serve.
 */
public record QMatmulBackward(Tensor dy, PackedWeights w, Tensor dx) implements HandDescriptor {

    @Override
    public String file() {
        return "qmatmul";
    }

    @Override
    public String entry() {
        return entry("qmatmul_backward_w");
    }

    @Override
    public String entry(Device device) {
        return entry(few(device) ? "qmatfew_backward_w" : "qmatmul_backward_w");
    }

    private String entry(String name) {
        return name + w.format().bits() + "_f32";
    }

    private boolean few(Device device) {
        return device.kind() != DeviceKind.OPENCL_CPU && m() <= QTiles.mostFew(device, w.k());
    }

    private long m() {
        return dy.elements() / w.n();
    }

    @Override
    public Map<String, String> defines(Device device) {
        return QTiles.defines();
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        w.check(checks, PackedWeights.Layout.PANELS);
        QTiles.checkRows(checks, dy, w.n());
        QTiles.checkRows(checks, dx, w.k());
        checks.elements(dx, Math.multiplyExact(m(), w.k()));
    }

    @Override
    public Geometry geometry(Device device) {
        return few(device)
                ? Geometry.of(
                        Work.ceil(w.k(), QTiles.UNIT),
                        Work.ceil(m(), QTiles.GPU_FEW_BACKWARD),
                        1,
                        QTiles.GPU_THREADS,
                        1)
                : QTiles.geometry(device, m(), w.k());
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(dy.buffer())
                .buffer(w.words().buffer())
                .buffer(w.scales().buffer());
        arguments.buffer(w.offsets() == null ? null : w.offsets().buffer()).buffer(dx.buffer());
        arguments
                .i32((int) m())
                .i32((int) w.n())
                .i32((int) w.k())
                .i32(w.format().group());
    }

    @Override
    public long bytes() {
        return dy.bytes() + w.bytes() + dx.bytes();
    }

    @Override
    public long flops() {
        return 2 * m() * w.n() * w.k();
    }

    @Override
    public Tolerance tolerance() {
        return QTiles.TOLERANCE;
    }
}
