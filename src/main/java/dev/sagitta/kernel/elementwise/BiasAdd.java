package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * y[k, r, c] += b[k, c] or b[c], fp32.
 *
 * @param y [..., cols], or [K, ..., cols] where each of K batches has its own bias
 * @param b [cols], shared by all rows, or [K, cols]
 */
public record BiasAdd(Tensor y, Tensor b) implements HandDescriptor {
    private static final int WIDEST = 64;

    @Override
    public String file() {
        return "bias";
    }

    @Override
    public String entry() {
        return "bias_add_f32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return device.kind() == DeviceKind.OPENCL_CPU ? BiasGradient.CPU_DEFINES : Map.of();
    }

    private long cols() {
        return b.shape().extent(-1);
    }

    private long batches() {
        return b.shape().rank() == 1 ? 1 : b.shape().extent(0);
    }

    private long rows() {
        return y.elements() / Math.max(1, batches() * cols());
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        for (Tensor tensor : new Tensor[] {y, b}) {
            checks.open(tensor).dtype(tensor, DType.F32);
        }
        checkBias(checks, y, b);
    }

    /** A bias or its gradient against the matrix that it belongs to. */
    static void checkBias(Checks checks, Tensor matrix, Tensor bias) {
        int rank = bias.shape().rank();
        checks.require(rank == 1 || rank == 2, bias + " has rank " + rank + ", expected [cols] or [K, cols]");
        long cols = bias.shape().extent(-1);
        checks.require(cols > 0, bias + " has no columns, expected at least one");
        checks.require(
                matrix.shape().rank() >= rank && matrix.shape().extent(-1) == cols,
                matrix + " does not end in the " + cols + " columns of " + bias);
        checks.require(
                rank == 1
                        || (bias.shape().extent(0) > 0
                                && matrix.shape().extent(0) == bias.shape().extent(0)),
                matrix + " does not start with the " + bias.shape().extent(0) + " batches of " + bias
                        + "; share a bias as [cols]");
    }

    @Override
    public Geometry geometry(Device device) {
        if (device.kind() == DeviceKind.OPENCL_CPU) {
            long pieces = Math.min(Work.cpuGroups(device, rows() * cols()), Math.max(1, rows()));
            return Geometry.of(pieces, Math.min(batches(), 65535), 1, 1, 1);
        }
        int across = Work.powerOfTwo(Work.ceil(cols(), 4), WIDEST);
        int down = Work.GROUP / across;
        long tiles = Work.ceil(cols(), 4L * across);
        // two rows per work-item
        long groups = Math.max(1, Math.min(65535, Work.ceil(rows(), 2L * down)));
        return Geometry.of(tiles, groups, Math.min(batches(), 65535), across, down);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(y.buffer())
                .buffer(b.buffer())
                .i64(batches())
                .i64(rows())
                .i64(cols());
    }

    @Override
    public long bytes() {
        return 2 * y.bytes() + b.bytes();
    }

    @Override
    public long flops() {
        return y.elements();
    }
}
