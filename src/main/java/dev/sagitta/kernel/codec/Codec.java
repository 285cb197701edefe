package dev.sagitta.kernel.codec;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** Values in few bits and back: see the header of the kernels for grid, layout and the treatment of what is not finite. */
public final class Codec {
    /** In {@code flags}: a group with an infinity, a NaN or a range above 2^126 was stored as NaN. */
    public static final int NON_FINITE = 1;

    private Codec() {}

    /** Rounding up with a probability equal to the fraction: the mean of what {@link #unpack} returns is x. */
    public static Pack stochastic(
            CodecFormat format, Tensor state, int stream, Tensor x, Tensor codes, Tensor metadata, Tensor flags) {
        return new Pack(format, state, stream, x, codes, metadata, flags, null, 0);
    }

    /** Rounding to the nearest code, halves up: no noise, and no lack of bias. */
    public static Pack nearest(CodecFormat format, Tensor x, Tensor codes, Tensor metadata, Tensor flags) {
        return new Pack(format, null, 0, x, codes, metadata, flags, null, 0);
    }

    public static Unpack unpack(CodecFormat format, Tensor codes, Tensor metadata, Tensor x) {
        return new Unpack(format, codes, metadata, x);
    }

    public static RowVariance rowVariance(CodecFormat format, Tensor segments, long rowLength, Tensor variance) {
        return new RowVariance(format, segments, rowLength, variance);
    }

    private static String entry(String name, CodecFormat format) {
        return name + format.bits() + "_" + format.metadata().suffix();
    }

    /**
     * Stores x in {@code format.bits()} bits per element.
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
            implements Descriptor {
        /** The same, which also writes the variance that the rounding adds, in the same pass. */
        public Pack withVariance(Tensor perSegment, long elementsPerRow) {
            return new Pack(format, state, stream, x, codes, metadata, flags, perSegment, elementsPerRow);
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of(Codec.entry("codec_pack", format))
                    .inOrNull("state", state, DType.U32)
                    .elements(4)
                    .u32("stream", Integer.toUnsignedLong(stream))
                    .i32("nearest", state == null ? 1 : 0)
                    .in("x", x, DType.F32)
                    .free();
            long n = x.elements();
            s.out("codes", codes, DType.U32)
                    .elements(format.packedWords(n))
                    .out("metadata", metadata, format.metadata())
                    .elements(format.metadataElements(n))
                    .seenAs(DType.U32)
                    .inOut("flags", flags, DType.U32)
                    .elements(1);
            if (segments != null) {
                s.require(state != null, "rounding to nearest has no variance; pass no segments, or a random state")
                        .require(
                                rowLength > 0 && n % rowLength == 0,
                                x + " does not divide into rows of " + rowLength + " elements");
            }
            return s.outOrNull("segments", segments, DType.F32)
                    .elements(segments == null ? 0 : format.segments(n / rowLength, rowLength))
                    .i64("rowLength", rowLength)
                    .i32("group", format.group())
                    .i64("n", n)
                    // state and flags, 20 bytes, are left out
                    .bytes(x.bytes() + codes.bytes() + metadata.bytes() + (segments == null ? 0 : segments.bytes()));
        }

        @Override
        public Geometry geometry(Device device) {
            long groups = format.groups(x.elements());
            int perLane = device.kind() == DeviceKind.CUDA ? 16 : 8;
            return Work.pieces(device, groups, format.group(), groups * Math.min(32, format.group() / perLane));
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

    /**
     * x = minimum + step code, rounded once: what {@link Pack} stored.
     *
     * @param x f32, any shape
     */
    public record Unpack(CodecFormat format, Tensor codes, Tensor metadata, Tensor x) implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of(Codec.entry("codec_unpack", format)).present("x", x);
            long n = x.elements();
            return s.in("codes", codes, DType.U32)
                    .elements(format.packedWords(n))
                    .in("metadata", metadata, format.metadata())
                    .elements(format.metadataElements(n))
                    .seenAs(DType.U32)
                    .out("x", x, DType.F32)
                    .free()
                    .i32("group", format.group())
                    .i64("n", n);
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.pieces(device, format.groups(x.elements()), format.group(), (x.elements() + 7) / 8);
        }

        @Override
        public long flops() {
            return 2 * x.elements();
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    /**
     * The variance that stochastic rounding adds to each row, the sum of step^2 p (1 - p) over its elements, from what
     * {@link Pack#withVariance} wrote.
     *
     * @param segments f32, {@link CodecFormat#segments}
     * @param rowLength elements of a row
     * @param variance f32, one per row
     */
    public record RowVariance(CodecFormat format, Tensor segments, long rowLength, Tensor variance)
            implements Descriptor {
        @Override
        public Signature signature() {
            return Signature.of("codec_row_variance_f32")
                    .require(rowLength > 0, "rows of " + rowLength + " elements, expected at least 1")
                    .present("variance", variance)
                    .in("segments", segments, DType.F32)
                    .elements(format.segments(variance.elements(), rowLength))
                    .out("variance", variance, DType.F32)
                    .i64("rows", variance.elements())
                    .i64("rowLength", rowLength)
                    .i32("group", format.group());
        }

        @Override
        public Geometry geometry(Device device) {
            long rows = variance.elements();
            return Work.pieces(device, rows, Math.max(1, rowLength / format.group()), rows * 32);
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
}
