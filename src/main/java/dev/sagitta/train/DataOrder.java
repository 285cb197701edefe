package dev.sagitta.train;

import dev.sagitta.random.RandomStream;

/**
 * The order in which training sees its examples: epoch after epoch, each a permutation of its own. It depends on nothing but the seed and the
 * position, so a resumed run goes on where the first one stopped. A batch may reach from one epoch into the next.
 */
final class DataOrder {
    private static final String PURPOSE = "order";

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
        if (wanted != epoch) {
            epoch = wanted;
            RandomStream.of(seed, PURPOSE, epoch).permute(permutation);
        }
    }
}
