package dev.sagitta.cli.demo;

import dev.sagitta.io.DataSet;
import dev.sagitta.program.Batches;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Some rows of a data set, for instance those that are evaluated, in the form that programs read. */
record Examples(DataSet data, int[] rows) implements Batches.Rows {
    /** Examples per pass of an evaluation: of no influence on the result but by rounding. */
    static final int BATCH = 512;

    /** At most {@code most} rows, chosen by the seed, in the order of the set. */
    static Examples some(DataSet data, int most, long seed) {
        int[] order = permutation(data.size(), new SplittableRandom(seed));
        int[] rows = Arrays.copyOf(order, Math.min(most, order.length));
        Arrays.sort(rows);
        return new Examples(data, rows);
    }

    static int[] permutation(int n, SplittableRandom random) {
        int[] order = new int[n];
        Arrays.setAll(order, i -> i);
        for (int i = n - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int swapped = order[i];
            order[i] = order[j];
            order[j] = swapped;
        }
        return order;
    }

    @Override
    public int size() {
        return rows.length;
    }

    @Override
    public void copy(int start, int count, ByteBuffer inputs, ByteBuffer targets) {
        data.batch(rows, start, count, inputs, targets);
        inputs.position(data.inputBytes(count));
        targets.position(data.targetBytes(count));
    }
}
