package dev.sagitta.data;

import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Normalisation;
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
    private static final int BYTES = 256;

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
    private final Normalisation normalisation;
    /** What each byte is in each channel; null for inputs that are no bytes. */
    private final float[][] pixels;

    LabelledRows(String inputFile, HostTensor inputs, String targetFile, HostTensor targets) {
        this(inputFile, inputs, targetFile, targets, 0, null);
    }

    /**
     * @param inputs F32, I32 or, for pixels, U8; their values, like those of F32 targets, are checked to be finite
     * @param knownClasses of the labels; 0 for as many as the largest says
     * @param normalisation of pixels as they are written; of other inputs it is done already. Null where there is none
     */
    LabelledRows(
            String inputFile,
            HostTensor inputs,
            String targetFile,
            HostTensor targets,
            int knownClasses,
            Normalisation normalisation) {
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
        this.normalisation = normalisation;
        this.pixels = inputs.dtype() == DType.U8 ? pixels(channels(), normalisation) : null;
        requireFinite(inputFile, inputs);
        requireFinite(targetFile, targets);
    }

    private static float[][] pixels(int channels, Normalisation normalisation) {
        float[][] values = new float[channels][BYTES];
        for (int channel = 0; channel < channels; channel++) {
            for (int i = 0; i < BYTES; i++) {
                values[channel][i] = normalisation == null ? i / 255f : normalisation.of(i / 255.0, channel);
            }
        }
        return values;
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
            int plane = inputElements / pixels.length;
            for (int channel = 0; channel < pixels.length; channel++) {
                float[] values = pixels[channel];
                for (int i = channel * plane; i < (channel + 1) * plane; i++) {
                    out.putFloat(position + Float.BYTES * i, values[Byte.toUnsignedInt(inputBytes.get(first + i))]);
                }
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
    public Normalisation normalisation() {
        return normalisation;
    }

    @Override
    DataSet normalised(Normalisation how) {
        if (inputs.dtype() == DType.I32) {
            return super.normalised(how);
        }
        Normalisation mine = how.over(channels(), inputFile);
        HostTensor values = inputs.dtype() == DType.U8 ? inputs : normalised(inputs, mine, channels());
        return new LabelledRows(inputFile, values, targetFile, targets, knownClasses, mine).holdingOut(heldOut());
    }

    /** A copy of fp32 rows, once as they are read. */
    private static HostTensor normalised(HostTensor rows, Normalisation how, int channels) {
        HostTensor result = HostTensor.allocate(rows.name(), DType.F32, rows.shape());
        ByteBuffer out = result.bytes();
        int plane = Math.toIntExact(rows.elements() / rows.shape().extent(0) / channels);
        for (int i = 0; i < rows.elements(); i++) {
            out.putFloat(how.of(rows.floatAt(i), i / plane % channels));
        }
        return result;
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
