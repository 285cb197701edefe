package dev.sagitta.data;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The examples of another set with values of a further input, which the network has by name. */
final class WithInput extends DataSet {
    private final DataSet all;
    private final String name;
    private final HostTensor values;
    private final ByteBuffer bytes;
    private final int rowElements;

    /** @param values I32 or F32 [n, ...]; its name stands for it in errors */
    WithInput(DataSet all, String name, HostTensor values) {
        super(all.source(), all.targetSource(), all.inputType(), all.inputShape(), all.targetType(), all.targetShape());
        if (values.shape().rank() < 1 || values.shape().extent(0) != all.size()) {
            throw new DataException(values.name() + ": shape " + values.shape() + ", expected a row for each of the "
                    + all.size() + " examples of " + all.source());
        }
        values.requireFinite(values.name());
        this.all = all;
        this.name = name;
        this.values = values;
        this.bytes = values.bytes().order(ByteOrder.nativeOrder());
        this.rowElements = Math.toIntExact(values.elements() / Math.max(1, all.size()));
    }

    @Override
    public int size() {
        return all.size();
    }

    @Override
    void copyInput(int row, ByteBuffer out, int position) {
        all.copyInput(row, out, position);
    }

    @Override
    void copyTarget(int row, ByteBuffer out, int position) {
        all.copyTarget(row, out, position);
    }

    @Override
    void copyFurther(String input, int row, ByteBuffer out, int position, int elements) {
        if (!input.equals(name)) {
            all.copyFurther(input, row, out, position, elements);
            return;
        }
        out.put(position, bytes, Float.BYTES * row * rowElements, Float.BYTES * rowElements);
    }

    @Override
    public boolean hasFurther(String input) {
        return input.equals(name) || all.hasFurther(input);
    }

    @Override
    void requireFurther(String input, DType type, int elements, long limit) {
        if (!input.equals(name)) {
            all.requireFurther(input, type, elements, limit);
            return;
        }
        if (type != values.dtype() || elements != rowElements) {
            throw new DataException(values.name() + ": an example has " + rowElements + " values of "
                    + values.dtype().suffix() + ", the model's input '" + name + "' has " + elements + " of "
                    + type.suffix());
        }
        for (int i = 0; type == DType.I32 && i < values.elements(); i++) {
            int value = bytes.getInt(Integer.BYTES * i);
            if (value < 0 || value >= limit) {
                throw new DataException(values.name() + ": " + value + " in row " + i / rowElements
                        + ", the model's input '" + name + "' takes 0 to " + (limit - 1));
            }
        }
    }

    @Override
    public Normalisation normalisation() {
        return all.normalisation();
    }

    @Override
    DataSet normalised(Normalisation how) {
        return new WithInput(all.normalised(how), name, values).holdingOut(heldOut());
    }

    @Override
    int countedTargets(int row) {
        return all.countedTargets(row);
    }

    @Override
    void requireLabels(int classes) {
        all.requireLabels(classes);
    }

    @Override
    void requireIds(long rows) {
        all.requireIds(rows);
    }

    @Override
    public Split split(long seed) {
        return RowSubset.random(this, seed);
    }
}
