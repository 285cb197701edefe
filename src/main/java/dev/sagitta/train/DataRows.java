package dev.sagitta.train;

import dev.sagitta.io.DataSet;
import dev.sagitta.program.Batches;
import java.nio.ByteBuffer;

/** A data set as {@link Batches} reads it. */
public record DataRows(DataSet data) implements Batches.Rows {

    @Override
    public int size() {
        return data.size();
    }

    @Override
    public void copy(int start, int count, ByteBuffer inputs, ByteBuffer targets) {
        data.batch(start, count, inputs, targets);
        inputs.position(data.inputBytes(count));
        targets.position(data.targetBytes(count));
    }
}
