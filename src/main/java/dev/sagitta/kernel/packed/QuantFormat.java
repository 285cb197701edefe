package dev.sagitta.kernel.packed;

/**
 * How weights [N, K] are packed: codes of {@code bits} bits, and for each {@code group} consecutive elements of a row an fp32 step s and,
 * unless symmetric, an fp32 centre c. A code q stands for {@code s (q - 2^(bits - 1)) + c}. docs/packed-weights.md has the layouts.
 *
 * @param bits 2, 3, 4 or 8
 * @param group elements that share a step; the last group of a row may be shorter
 * @param symmetric whether the centre is 0 and not stored
 */
public record QuantFormat(int bits, int group, boolean symmetric) {
    /** Elements whose codes fill whole 32-bit words at every width. */
    private static final int UNIT = 32;

    public QuantFormat {
        if (bits != 2 && bits != 3 && bits != 4 && bits != 8) {
            throw new IllegalArgumentException("format: " + bits + " bits per weight, expected 2, 3, 4 or 8");
        }
        if (group < 1) {
            throw new IllegalArgumentException("format: groups of " + group + " elements, expected at least 1");
        }
    }

    /** Groups of a row. */
    public long groups(long k) {
        return (k + group - 1) / group;
    }

    /** 32-bit words of a row in the layout of files. */
    public long rowWords(long k) {
        return (Math.multiplyExact(k, (long) bits) + 31) / 32;
    }

    /** 32-bit words of a row in panels: whole units of 32 elements. */
    public long panelWords(long k) {
        return (k + UNIT - 1) / UNIT * bits;
    }

    /** Bytes of the layout of files, steps and centres included. */
    public long bytes(long n, long k) {
        return Math.multiplyExact(4 * n, Math.addExact(rowWords(k), (symmetric ? 1 : 2) * groups(k)));
    }

    /** The same per weight: bits / 8, plus 4 or 8 bytes per group. */
    public double bytesPerWeight(long n, long k) {
        return (double) bytes(n, k) / ((double) n * k);
    }
}
