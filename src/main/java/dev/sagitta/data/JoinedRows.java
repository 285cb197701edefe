package dev.sagitta.data;

import dev.sagitta.io.model.Normalisation;
import dev.sagitta.tensor.DType;
import java.nio.ByteBuffer;

/** The examples of one set and, after them, those of another of the same shapes. */
final class JoinedRows extends DataSet {
    private final DataSet first;
    private final DataSet second;

    JoinedRows(String source, DataSet first, DataSet second) {
        super(
                source,
                first.targetSource(),
                first.inputType(),
                first.inputShape(),
                first.targetType(),
                first.targetShape());
        this.first = first;
        this.second = second;
        // rows are numbered by int
        Math.addExact(first.size(), second.size());
    }

    @Override
    public int size() {
        return first.size() + second.size();
    }

    @Override
    void copyInput(int row, ByteBuffer out, int position) {
        if (row < first.size()) {
            first.copyInput(row, out, position);
        } else {
            second.copyInput(row - first.size(), out, position);
        }
    }

    @Override
    void copyTarget(int row, ByteBuffer out, int position) {
        if (row < first.size()) {
            first.copyTarget(row, out, position);
        } else {
            second.copyTarget(row - first.size(), out, position);
        }
    }

    @Override
    void copyFurther(String input, int row, ByteBuffer out, int position, int elements) {
        if (row < first.size()) {
            first.copyFurther(input, row, out, position, elements);
        } else {
            second.copyFurther(input, row - first.size(), out, position, elements);
        }
    }

    @Override
    public boolean hasFurther(String input) {
        return first.hasFurther(input) && second.hasFurther(input);
    }

    @Override
    void requireFurther(String input, DType type, int elements, long limit) {
        first.requireFurther(input, type, elements, limit);
        second.requireFurther(input, type, elements, limit);
    }

    @Override
    public Normalisation normalisation() {
        return first.normalisation();
    }

    @Override
    DataSet normalised(Normalisation how) {
        return new JoinedRows(source(), first.normalised(how), second.normalised(how)).holdingOut(heldOut());
    }

    @Override
    public int classes() {
        return Math.max(first.classes(), second.classes());
    }

    @Override
    int countedTargets(int row) {
        return row < first.size() ? first.countedTargets(row) : second.countedTargets(row - first.size());
    }

    @Override
    void requireLabels(int classes) {
        first.requireLabels(classes);
        second.requireLabels(classes);
    }

    @Override
    void requireIds(long rows) {
        first.requireIds(rows);
        second.requireIds(rows);
    }

    @Override
    public Split split(long seed) {
        return RowSubset.random(this, seed);
    }
}
