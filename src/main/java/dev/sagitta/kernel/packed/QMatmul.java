package dev.sagitta.kernel.packed;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * y = x W' + bias with packed weights W [N, K] in panels: x is [.., K], y [.., N], bias [N] or null; fp32, accumulated in fp32, the same
 * bits every time. On a CPU device the bits of a row do not depend on the batch; on a GPU not within M = 1, M = 2 to {@link #mostFew},
 * and M above it, which three kernels serve.
 */
public record QMatmul(Tensor x, PackedWeights w, Tensor bias, Tensor y) implements HandDescriptor {
    public static QMatmul of(Tensor x, PackedWeights w, Tensor y) {
        return new QMatmul(x, w, null, y);
    }

    @Override
    public String file() {
        return "qmatmul";
    }

    @Override
    public String entry() {
        return entry(QTiles.MOST_FEW);
    }

    @Override
    public String entry(Device device) {
        return entry(mostFew(device, w.n()));
    }

    private String entry(long few) {
        return (m() == 1 ? "qmatvec_w" : m() <= few ? "qmatfew_w" : "qmatmul_w")
                + w.format().bits() + "_f32";
    }

    /** The largest M above 1 whose rows have the bits of M = 2, for {@code n} columns: 64 to 256 on a GPU, by its multiprocessors. */
    public static long mostFew(Device device, long n) {
        return QTiles.mostFew(device, n);
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
        if (m() > mostFew(device, w.n())) {
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
