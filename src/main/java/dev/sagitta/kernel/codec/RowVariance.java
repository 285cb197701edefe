package dev.sagitta.kernel.codec;

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
 * The variance that stochastic rounding adds to each row, the sum of step^2 p (1 - p) over its elements, from what
 * {@link Pack#withVariance} wrote.
 *
 * @param segments f32, {@link CodecFormat#segments}
 * @param rowLength elements of a row
 * @param variance f32, one per row
 */
public record RowVariance(CodecFormat format, Tensor segments, long rowLength, Tensor variance)
        implements HandDescriptor {

    public static RowVariance of(CodecFormat format, Tensor segments, long rowLength, Tensor variance) {
        return new RowVariance(format, segments, rowLength, variance);
    }

    @Override
    public String file() {
        return "codec";
    }

    @Override
    public String entry() {
        return "codec_row_variance_f32";
    }

    @Override
    public void check() {
        new Checks(entry())
                .require(rowLength > 0, "rows of " + rowLength + " elements, expected at least 1")
                .dtype(variance, DType.F32)
                .dtype(segments, DType.F32)
                .elements(segments, format.segments(variance.elements(), rowLength));
    }

    @Override
    public Geometry geometry(Device device) {
        long rows = variance.elements();
        return Work.pieces(device, rows, Math.max(1, rowLength / format.group()), rows * 32);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(segments.buffer())
                .buffer(variance.buffer())
                .i64(variance.elements())
                .i64(rowLength)
                .i32(format.group());
    }

    @Override
    public long bytes() {
        return segments.bytes() + variance.bytes();
    }

    @Override
    public long flops() {
        return segments.elements();
    }

    @Override
    public Tolerance tolerance() {
        return new Tolerance(2e-6, 0);
    }
}
