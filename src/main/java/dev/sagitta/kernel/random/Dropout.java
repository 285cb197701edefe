package dev.sagitta.kernel.random;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * y = x m / (1 - p) with m 0 or 1 by the random number of (seed, stream, step, element). Linear in x, and the mask is made again from the
 * counter each time, so that this one kernel serves forward, backward and tangents.
 *
 * @param state as in {@link Random}
 * @param probability of 0, in [0, 1); used in steps of 2^-32
 * @param period elements of one mask; x holds a whole number of probes of this length, which share it
 * @param y like x, and may be x
 */
public record Dropout(Tensor state, int stream, float probability, long period, Tensor x, Tensor y)
        implements HandDescriptor {
    @Override
    public String file() {
        return "random";
    }

    @Override
    public String entry() {
        return "dropout_f32";
    }

    private long probes() {
        return period == 0 ? 0 : x.elements() / period;
    }

    @Override
    public void check() {
        new Checks(entry())
                .dtype(state, DType.U32)
                .elements(state, 4)
                .require(probability >= 0 && probability < 1, "probability " + probability + ", expected 0 <= p < 1")
                .dtype(x, DType.F32)
                .dtype(y, DType.F32)
                .elements(y, x.elements())
                .require(
                        period == 0 ? x.elements() == 0 : period > 0 && x.elements() % period == 0,
                        x + " does not divide into probes of " + period + " elements");
    }

    @Override
    public Geometry geometry(Device device) {
        return Work.pieces(device, (period + 31) / 32, 32 * Math.max(1, probes()), (period + 3) / 4);
    }

    @Override
    public void arguments(Arguments arguments) {
        long threshold = Math.round(probability * 0x1p32);
        arguments
                .buffer(state.buffer())
                .u32(Integer.toUnsignedLong(stream))
                .u32(threshold)
                .f32((float) (1 / (1 - threshold * 0x1p-32)))
                .i64(probes())
                .buffer(x.buffer())
                .buffer(y.buffer())
                .i64(period);
    }

    @Override
    public long bytes() {
        return x.bytes() + y.bytes();
    }

    @Override
    public long flops() {
        return x.elements();
    }

    @Override
    public Tolerance tolerance() {
        return new Tolerance(2e-7, 0);
    }
}
