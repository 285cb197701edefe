package dev.sagitta.kernel.codec;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * Stores x in {@code format.bits()} bits per element, rounding up with a probability equal to the fraction: the mean of what {@link Unpack}
 * returns is x. See {@code kernels/opencl/codec.cl} for grid, layout and the treatment of what is not finite.
 *
 * @param state u32[4], seed and step of the random numbers; null for rounding to nearest
 * @param stream random stream of this tensor, used for nothing else
 * @param x f32, any shape
 * @param codes u32, {@link CodecFormat#packedWords}
 * @param metadata of the format's dtype, {@link CodecFormat#metadataElements}
 * @param flags u32[1]; {@link #NON_FINITE} is or'ed in when a group held an infinity or a NaN. The kernel never clears it
 * @param segments f32, {@link CodecFormat#segments}, variance added to each group and row, which {@link RowVariance} sums; or null
 * @param rowLength elements of a row of x, where segments are given
 */
public record Pack(
        CodecFormat format,
        Tensor state,
        int stream,
        Tensor x,
        Tensor codes,
        Tensor metadata,
        Tensor flags,
        Tensor segments,
        long rowLength)
        implements HandDescriptor {
    /** In {@code flags}: a group with an infinity, a NaN or a range above 2^126 was stored as NaN. */
    public static final int NON_FINITE = 1;

    public static Pack stochastic(
            CodecFormat format, Tensor state, int stream, Tensor x, Tensor codes, Tensor metadata, Tensor flags) {
        return new Pack(format, state, stream, x, codes, metadata, flags, null, 0);
    }

    /** Rounding to the nearest code, halves up: no noise, and no lack of bias. */
    public static Pack nearest(CodecFormat format, Tensor x, Tensor codes, Tensor metadata, Tensor flags) {
        return new Pack(format, null, 0, x, codes, metadata, flags, null, 0);
    }

    /** The same, which also writes the variance that the rounding adds, in the same pass. */
    public Pack withVariance(Tensor perSegment, long elementsPerRow) {
        return new Pack(format, state, stream, x, codes, metadata, flags, perSegment, elementsPerRow);
    }

    @Override
    public String file() {
        return "codec";
    }

    @Override
    public String entry() {
        return "codec_pack" + format.bits() + "_" + format.metadata().suffix();
    }

    @Override
    public void check() {
        long n = x.elements();
        Checks checks = new Checks(entry())
                .dtype(x, DType.F32)
                .dtype(codes, DType.U32)
                .elements(codes, format.packedWords(n))
                .dtype(metadata, format.metadata())
                .elements(metadata, format.metadataElements(n))
                .dtype(flags, DType.U32)
                .elements(flags, 1);
        if (state != null) {
            checks.dtype(state, DType.U32).elements(state, 4);
        }
        if (segments != null) {
            checks.require(state != null, "rounding to nearest has no variance; pass no segments, or a random state");
            checks.require(
                    rowLength > 0 && n % rowLength == 0,
                    x + " does not divide into rows of " + rowLength + " elements");
            checks.dtype(segments, DType.F32).elements(segments, format.segments(n / rowLength, rowLength));
        }
    }

    @Override
    public Geometry geometry(Device device) {
        long groups = format.groups(x.elements());
        int perLane = device.kind() == DeviceKind.CUDA ? 16 : 8;
        return Work.pieces(device, groups, format.group(), groups * Math.min(32, format.group() / perLane));
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(state == null ? null : state.buffer())
                .u32(Integer.toUnsignedLong(stream))
                .i32(state == null ? 1 : 0)
                .buffer(x.buffer())
                .buffer(codes.buffer())
                .buffer(metadata.buffer())
                .buffer(flags.buffer())
                .buffer(segments == null ? null : segments.buffer())
                .i64(rowLength)
                .i32(format.group())
                .i64(x.elements());
    }

    @Override
    public long bytes() {
        return x.bytes() + codes.bytes() + metadata.bytes() + (segments == null ? 0 : segments.bytes());
    }

    /** Two comparisons and a check; subtraction, fused multiply-add, clamp and conversion. */
    @Override
    public long flops() {
        return 8 * x.elements();
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
