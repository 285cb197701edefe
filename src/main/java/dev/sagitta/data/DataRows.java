package dev.sagitta.data;

import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.io.file.DataException;
import dev.sagitta.program.Rows;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Examples of a data set, all or some, in the order of the set. */
public final class DataRows implements Rows {
    private final DataSet data;
    private final int[] rows;

    private DataRows(DataSet data, int[] rows) {
        this.data = data;
        this.rows = rows;
    }

    /** All examples. */
    public static DataRows of(DataSet data) {
        return sample(data, data.size());
    }

    /** So many examples at even distances, or all if there are fewer: neighbours in a text are much alike. */
    public static DataRows sample(DataSet data, int most) {
        int[] rows = new int[Math.min(most, data.size())];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = (int) ((long) i * data.size() / rows.length);
        }
        return new DataRows(data, rows);
    }

    /** The first examples of these, or all if there are fewer. */
    public DataRows first(int most) {
        return most >= size() ? this : new DataRows(data, Arrays.copyOf(rows, most));
    }

    @Override
    public int size() {
        return rows.length;
    }

    @Override
    public void copy(int start, int count, ByteBuffer inputs, ByteBuffer targets) {
        data.batch(rows, start, count, inputs, targets);
    }

    @Override
    public boolean hasFurther(String input) {
        return data.hasFurther(input);
    }

    @Override
    public void copyFurther(String input, int elements, int start, int count, ByteBuffer values) {
        data.batch(input, elements, rows, start, count, values);
    }

    @Override
    public long weight(int start, int count) {
        return data.countedTargets(rows, start, count);
    }

    /** @throws DataException if all labels are {@link CrossEntropy#IGNORED_LABEL} */
    @Override
    public void requireCounted() {
        if (weight(0, size()) == 0) {
            throw new DataException(data.source() + ": all " + size() + " labels are " + CrossEntropy.IGNORED_LABEL
                    + ", which the loss leaves out; a mean needs at least one that counts");
        }
    }
}
