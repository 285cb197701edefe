package dev.sagitta.kernel;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * y = x W' + bias with packed weights W [N, K] in panels: x is [.., K], y [.., N], bias [N] or null; fp32, accumulated in fp32, the same
 * bits every time. On a CPU device the bits of a row do not depend on the batch; on a GPU not within M = 1, M = 2 to 64, and M above 64,
 * which three kernels serve.
 */
public record QMatmul(Tensor x, PackedWeights w, Tensor bias, Tensor y) implements Descriptor {
    /** Most rows for the kernels that decode in registers: on a CPU they hold all rows at once; on a GPU they decode anew for every two. */
    private static final int MOST_ON_CPU = 8;

    private static final int MOST_ON_GPU = 64;

    public static QMatmul of(Tensor x, PackedWeights w, Tensor y) {
        return new QMatmul(x, w, null, y);
    }

    @Override
    public String file() {
        return "qmatmul";
    }

    @Override
    public String entry() {
        return entry(MOST_ON_CPU);
    }

    @Override
    public String entry(Device device) {
        return entry(few(device));
    }

    private String entry(int few) {
        return (m() == 1 ? "qmatvec_w" : m() <= few ? "qmatfew_w" : "qmatmul_w")
                + w.format().bits() + "_f32";
    }

    private static int few(Device device) {
        return device.kind() == DeviceKind.OPENCL_CPU ? MOST_ON_CPU : MOST_ON_GPU;
    }

    private long m() {
        return x.elements() / w.k();
    }

    @Override
    public Map<String, String> defines(Device device) {
        return QTiles.defines();
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        w.check(checks, PackedWeights.Layout.PANELS);
        QTiles.checkRows(checks, x, w.k());
        QTiles.checkRows(checks, y, w.n());
        checks.elements(y, Math.multiplyExact(m(), w.n()));
        if (bias != null) {
            checks.open(bias).dtype(bias, DType.F32).shape(bias, w.n());
        }
    }

    @Override
    public Geometry geometry(Device device) {
        if (m() > few(device)) {
            return QTiles.geometry(device, m(), w.n());
        }
        long panels = w.words().shape().extent(0);
        return device.kind() == DeviceKind.OPENCL_CPU
                ? Geometry.linear(QTiles.cpuPanelParts(panels, device.info().computeUnits()), 1)
                : Geometry.of(
                        panels, m() == 1 ? 1 : (m() + QTiles.GPU_FEW - 1) / QTiles.GPU_FEW, 1, QTiles.GPU_THREADS, 1);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(x.buffer())
                .buffer(w.words().buffer())
                .buffer(w.scales().buffer());
        arguments.buffer(w.offsets() == null ? null : w.offsets().buffer());
        arguments.buffer(bias == null ? null : bias.buffer()).buffer(y.buffer());
        arguments
                .i32((int) m())
                .i32((int) w.n())
                .i32((int) w.k())
                .i32(w.format().group());
    }

    @Override
    public long bytes() {
        return x.bytes() + w.bytes() + (bias == null ? 0 : bias.bytes()) + y.bytes();
    }

    @Override
    public long flops() {
        return 2 * m() * w.n() * w.k();
    }

    /** Of the sum of the absolute terms: chains of at most 256 terms, and a hundred such. */
    @Override
    public Tolerance tolerance() {
        return QTiles.TOLERANCE;
    }
}
