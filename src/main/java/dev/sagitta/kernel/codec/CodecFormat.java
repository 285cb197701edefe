package dev.sagitta.kernel.codec;

import dev.sagitta.tensor.DType;

/**
 * How {@link Codec} stores values: codes of {@code bits} bits on one grid per {@code group} consecutive elements, whose minimum and step are
 * kept as {@code metadata}. The layout stands in {@code kernels/codec/codec.cl}.
 *
 * @param bits 1, 2, 4 or 8
 * @param group 64, 128, 256, 512 or 1024
 * @param metadata {@link DType#F32} or {@link DType#BF16}
 */
public record CodecFormat(int bits, int group, DType metadata) {
    /** The counters of the random numbers reach this far. */
    private static final long MOST_ELEMENTS = 1L << 40;

    public CodecFormat {
        if (bits != 1 && bits != 2 && bits != 4 && bits != 8) {
            throw new IllegalArgumentException("codec: " + bits + " bits, expected 1, 2, 4 or 8");
        }
        if (group < 64 || group > 1024 || Integer.bitCount(group) != 1) {
            throw new IllegalArgumentException(
                    "codec: group of " + group + " elements, expected 64, 128, 256, 512 or 1024");
        }
        if (metadata != DType.F32 && metadata != DType.BF16) {
            throw new IllegalArgumentException("codec: metadata as " + metadata + ", expected F32 or BF16");
        }
    }

    /** Groups of 256, fp32 metadata. */
    public static CodecFormat of(int bits) {
        return new CodecFormat(bits, 256, DType.F32);
    }

    public long groups(long elements) {
        return (requireElements(elements) + group - 1) / group;
    }

    /** Words of {@link DType#U32} that hold the codes. */
    public long packedWords(long elements) {
        return (requireElements(elements) * bits + 31) / 32;
    }

    public long packedBytes(long elements) {
        return packedWords(elements) * Integer.BYTES;
    }

    /** Elements of the metadata tensor: minimum and step of each group. */
    public long metadataElements(long elements) {
        return 2 * groups(elements);
    }

    public long metadataBytes(long elements) {
        return metadataElements(elements) * metadata.bytes();
    }

    /** Elements of the tensor of variances per group and row: a group that several rows share has an entry for each of them. */
    public long segments(long rows, long rowLength) {
        return groups(Math.multiplyExact(rows, rowLength)) + rows;
    }

    private static long requireElements(long elements) {
        if (elements < 0 || elements > MOST_ELEMENTS) {
            throw new IllegalArgumentException(
                    "codec: " + elements + " elements, expected 0 to 2^40; split the tensor");
        }
        return elements;
    }

    @Override
    public String toString() {
        return bits + " bits, groups of " + group + ", " + metadata.suffix() + " metadata";
    }
}
