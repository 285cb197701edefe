package dev.sagitta.data;

import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Examples held as two arrays, inputs [n, ...] and targets [n, ...]. Inputs are 4-byte elements, copied, or the bytes of pixels, scaled to
 * [0, 1] as a batch is written: a quarter of the memory.
 */
final class LabelledRows extends DataSet {
    private static final float[] PIXELS = new float[256];

    static {
        for (int i = 0; i < PIXELS.length; i++) {
            PIXELS[i] = i / 255f;
        }
    }

    private final int size;
    private final HostTensor inputs;
    private final HostTensor targets;
    private final ByteBuffer inputBytes;
    private final ByteBuffer targetBytes;
    private final String inputFile;
    private final String targetFile;
    private final int inputElements;
    private final int targetElements;
    private final int knownClasses;

    LabelledRows(String inputFile, HostTensor inputs, String targetFile, HostTensor targets) {
        this(inputFile, inputs, targetFile, targets, 0);
    }

    /**
     * @param inputs F32, I32 or, for pixels, U8; their values, like those of F32 targets, are checked to be finite
     * @param knownClasses of the labels; 0 for as many as the largest says
     */
    LabelledRows(String inputFile, HostTensor inputs, String targetFile, HostTensor targets, int knownClasses) {
        super(
                inputFile,
                targetFile,
                inputs.dtype() == DType.U8 ? DType.F32 : inputs.dtype(),
                rowShape(inputFile, inputs),
                targets.dtype(),
                rowShape(targetFile, targets));
        if (inputs.shape().extent(0) != targets.shape().extent(0)) {
            throw new DataException(inputFile + " has " + inputs.shape().extent(0) + " rows, " + targetFile + " has "
                    + targets.shape().extent(0) + "; expected one target per input");
        }
        this.size = Math.toIntExact(inputs.shape().extent(0));
        this.inputs = inputs;
        this.targets = targets;
        this.inputBytes = inputs.bytes().order(ByteOrder.nativeOrder());
        this.targetBytes = targets.bytes().order(ByteOrder.nativeOrder());
        this.inputFile = inputFile;
        this.targetFile = targetFile;
        this.inputElements = Math.toIntExact(inputShape().elements());
        this.targetElements = Math.toIntExact(targetShape().elements());
        this.knownClasses = knownClasses;
        requireFinite(inputFile, inputs);
        requireFinite(targetFile, targets);
    }

    private static Shape rowShape(String file, HostTensor tensor) {
        if (tensor.shape().rank() < 1) {
            throw new DataException(file + ": a single number, expected an array of rows");
        }
        if (tensor.elements() == 0) {
            throw new DataException(file + ": no data, its shape is " + tensor.shape());
        }
        long[] extents = tensor.shape().toArray();
        Shape row = Shape.of(Arrays.copyOfRange(extents, 1, extents.length));
        if (row.elements() > Integer.MAX_VALUE / Float.BYTES) {
            throw new DataException(
                    file + ": a row of shape " + row + " takes more than " + Integer.MAX_VALUE + " bytes");
        }
        return row;
    }

    private static void requireFinite(String file, HostTensor tensor) {
        int bad = tensor.firstNonFinite();
        if (bad >= 0) {
            throw new DataException(
                    file + ": " + tensor.floatAt(bad) + " at " + place(tensor, bad) + ", expected finite numbers");
        }
    }

    private static String place(HostTensor tensor, int flat) {
        long columns = tensor.elements() / tensor.shape().extent(0);
        return "row " + flat / columns + (tensor.shape().rank() == 1 ? "" : ", column " + flat % columns);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    void copyInput(int row, ByteBuffer out, int position) {
        int first = row * inputElements;
        if (inputs.dtype() == DType.U8) {
            for (int i = 0; i < inputElements; i++) {
                out.putFloat(position + Float.BYTES * i, PIXELS[Byte.toUnsignedInt(inputBytes.get(first + i))]);
            }
        } else {
            out.put(position, inputBytes, Float.BYTES * first, Float.BYTES * inputElements);
        }
    }

    @Override
    void copyTarget(int row, ByteBuffer out, int position) {
        out.put(position, targetBytes, Float.BYTES * row * targetElements, Float.BYTES * targetElements);
    }

    @Override
    public int classes() {
        return knownClasses > 0 ? knownClasses : super.classes();
    }

    @Override
    int countedTargets(int row) {
        if (targetType() != DType.I32) {
            return 1;
        }
        int counted = 0;
        for (int i = row * targetElements; i < (row + 1) * targetElements; i++) {
            counted += targetBytes.getInt(Integer.BYTES * i) == CrossEntropy.IGNORED_LABEL ? 0 : 1;
        }
        return counted;
    }

    @Override
    void requireLabels(int classes) {
        for (int i = 0; i < size * targetElements; i++) {
            int label = targetBytes.getInt(Integer.BYTES * i);
            if ((label < 0 || label >= classes) && label != CrossEntropy.IGNORED_LABEL) {
                throw new DataException(targetFile + ": label " + label + " at " + place(targets, i)
                        + ", the model has " + classes + " classes (0 to " + (classes - 1) + ")");
            }
        }
    }

    @Override
    void requireIds(long rows) {
        for (int i = 0; i < size * inputElements; i++) {
            int id = inputBytes.getInt(Integer.BYTES * i);
            if (id < 0 || id >= rows) {
                throw new DataException(inputFile + ": id " + id + " at " + place(inputs, i)
                        + ", the model's table has " + rows + " rows (0 to " + (rows - 1) + ")");
            }
        }
    }

    @Override
    public Split split(long seed) {
        return RowSubset.random(this, seed);
    }
}
