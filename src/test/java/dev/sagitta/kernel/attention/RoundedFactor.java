package dev.sagitta.kernel.attention;

/** A factor as tensor cores take it. */
final class RoundedFactor {
    private RoundedFactor() {}

    /** bf16 to nearest even, TF32 to nearest with ties away from zero, both of what fp32 holds. */
    static double of(double x, AttentionMma.Factors factors) {
        int bits = Float.floatToRawIntBits((float) x);
        int rounded = factors == AttentionMma.Factors.BF16
                ? bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000
                : bits + 0x1000 & 0xffffe000;
        return Float.intBitsToFloat(rounded);
    }
}
