package dev.sagitta.data;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.random.RandomStream;
import dev.sagitta.tensor.DType;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Some examples of another set, in an order of their own. */
final class RowSubset extends DataSet {
    private static final int HELD_OUT_TENTH = 10;

    private final DataSet all;
    private final int[] rows;

    RowSubset(DataSet all, int[] rows) {
        super(all.source(), all.targetSource(), all.inputType(), all.inputShape(), all.targetType(), all.targetShape());
        this.all = all;
        this.rows = rows;
    }

    /** A tenth, at least one, of the rows by a permutation of the seed; both parts keep the order of the rows. */
    static Split random(DataSet all, long seed) {
        int n = all.size();
        if (n < 2) {
            throw new DataException(all.source() + ": " + n + " example, at least 2 are needed to hold one out");
        }
        int[] order = RandomStream.of(seed, HeldOut.PURPOSE).permutation(n);
        int held = Math.max(1, n / HELD_OUT_TENTH);
        int[] heldOut = Arrays.copyOf(order, held);
        int[] train = Arrays.copyOfRange(order, held, n);
        Arrays.sort(heldOut);
        Arrays.sort(train);
        HeldOut record = new HeldOut(HeldOut.ROWS, HeldOut.TENTH_OF_ROWS, seed, n, held);
        return new Split(new RowSubset(all, train).holdingOut(record), new RowSubset(all, heldOut));
    }

    @Override
    public int size() {
        return rows.length;
    }

    @Override
    void copyInput(int row, ByteBuffer out, int position) {
        all.copyInput(rows[row], out, position);
    }

    @Override
    void copyTarget(int row, ByteBuffer out, int position) {
        all.copyTarget(rows[row], out, position);
    }

    @Override
    void copyFurther(String input, int row, ByteBuffer out, int position, int elements) {
        all.copyFurther(input, rows[row], out, position, elements);
    }

    @Override
    public boolean hasFurther(String input) {
        return all.hasFurther(input);
    }

    @Override
    void requireFurther(String input, DType type, int elements, long limit) {
        all.requireFurther(input, type, elements, limit);
    }

    @Override
    public Normalisation normalisation() {
        return all.normalisation();
    }

    @Override
    DataSet normalised(Normalisation how) {
        return new RowSubset(all.normalised(how), rows).holdingOut(heldOut());
    }

    @Override
    int countedTargets(int row) {
        return all.countedTargets(rows[row]);
    }

    @Override
    void requireLabels(int classes) {
        all.requireLabels(classes);
    }

    @Override
    void requireIds(long limit) {
        all.requireIds(limit);
    }

    @Override
    public Split split(long seed) {
        return random(this, seed);
    }
}
