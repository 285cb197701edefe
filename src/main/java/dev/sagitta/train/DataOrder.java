package dev.sagitta.train;

import java.util.SplittableRandom;

/**
 * The order in which training sees its examples: epoch after epoch, each a permutation of its own. It depends on nothing but the seed and the
 * position, so a resumed run goes on where the first one stopped. A batch may reach from one epoch into the next.
 */
final class DataOrder {
    /** The golden ratio's bits: epochs of one seed are far apart in the generator's sequence. */
    private static final long STRIDE = 0x9E3779B97F4A7C15L;

    private final int[] permutation;
    private final long seed;
    private long epoch = -1;

    DataOrder(int examples, long seed) {
        this.permutation = new int[examples];
        this.seed = seed;
    }

    /** Writes the examples at positions [position, position + rows.length). */
    void fill(long position, int[] rows) {
        for (int i = 0; i < rows.length; i++) {
            long at = position + i;
            shuffle(at / permutation.length);
            rows[i] = permutation[(int) (at % permutation.length)];
        }
    }

    private void shuffle(long wanted) {
        if (wanted == epoch) {
            return;
        }
        epoch = wanted;
        SplittableRandom random = new SplittableRandom(seed ^ (epoch + 1) * STRIDE);
        for (int i = 0; i < permutation.length; i++) {
            permutation[i] = i;
        }
        for (int i = permutation.length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int swapped = permutation[i];
            permutation[i] = permutation[j];
            permutation[j] = swapped;
        }
    }
}
