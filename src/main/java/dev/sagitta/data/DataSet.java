package dev.sagitta.data;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.random.RandomStream;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Examples: fp32 features or int32 ids, each with an int32 label or fp32 targets. Batches are written straight into the caller's buffers;
 * nothing is allocated per batch.
 */
public abstract class DataSet {
    /** An input of the network that says how many of its ids count, from the first: all where the data do not say. */
    public static final String LENGTHS = "lengths";
    /** An input of the network that says of which kind each of its ids is: 0 where the data do not say. */
    public static final String TYPES = "types";

    private static final int ELEMENT_BYTES = 4;
    private static final int IMAGE_AXES = 3;

    private final String source;
    private final String targetSource;
    private final DType inputType;
    private final Shape inputShape;
    private final DType targetType;
    private final Shape targetShape;
    private final int inputBytes;
    private final int targetBytes;
    private HeldOut heldOut;

    /**
     * @param source names the inputs in errors
     * @param targetSource names the targets
     */
    DataSet(
            String source,
            String targetSource,
            DType inputType,
            Shape inputShape,
            DType targetType,
            Shape targetShape) {
        this.source = source;
        this.targetSource = targetSource;
        this.inputType = inputType;
        this.inputShape = inputShape;
        this.targetType = targetType;
        this.targetShape = targetShape;
        this.inputBytes = Math.toIntExact(inputShape.elements() * ELEMENT_BYTES);
        this.targetBytes = Math.toIntExact(targetShape.elements() * ELEMENT_BYTES);
    }

    /**
     * Examples in memory; the tensors' names stand for them in errors.
     *
     * @param inputs F32 features or I32 ids [n, ...], copied as they are read
     * @param targets I32 labels or F32 targets [n, ...]
     */
    public static DataSet of(HostTensor inputs, HostTensor targets) {
        return new LabelledRows(inputs.name(), inputs, targets.name(), targets);
    }

    /** Number of examples. */
    public abstract int size();

    /** Writes the input of an example at a byte position, in native byte order. */
    abstract void copyInput(int row, ByteBuffer out, int position);

    abstract void copyTarget(int row, ByteBuffer out, int position);

    /**
     * Writes an example's values of an input beside the main one, in native byte order.
     *
     * @param elements of one example
     */
    void copyFurther(String input, int row, ByteBuffer out, int position, int elements) {
        int value = input.equals(LENGTHS) ? Math.toIntExact(inputShape.extent(-1)) : 0;
        for (int i = 0; i < elements; i++) {
            out.putInt(position + ELEMENT_BYTES * i, value);
        }
    }

    /** Whether there are values of an input beside the main one: those of {@link #LENGTHS} and {@link #TYPES} are known where nothing brings them. */
    public boolean hasFurther(String input) {
        return input.equals(LENGTHS) || input.equals(TYPES);
    }

    /**
     * @param limit beyond the largest id
     * @throws DataException naming what does not fit
     */
    void requireFurther(String input, DType type, int elements, long limit) {
        if (!hasFurther(input) || type != DType.I32) {
            throw new DataException(source + ": the model has an input '" + input + "' of " + elements + " "
                    + type.suffix() + " per example, which these data do not bring; give --inputs " + input
                    + "=FILE.npy");
        }
    }

    /**
     * These examples with values of a further input of the network.
     *
     * @param values I32 or F32 [n, ...], a row per example; its name stands for it in errors
     */
    public final DataSet with(String input, HostTensor values) {
        return new WithInput(this, input, values);
    }

    /** Targets of an example that count: labels that are not {@link CrossEntropy#IGNORED_LABEL}; 1 where the targets are no labels. */
    abstract int countedTargets(int row);

    /** @throws DataException naming the place of a label outside [0, classes), {@link CrossEntropy#IGNORED_LABEL} excepted */
    abstract void requireLabels(int classes);

    /** @throws DataException naming the place of an id outside [0, rows) */
    abstract void requireIds(long rows);

    /** How many classes the source says that there are, or else one more than the largest label: so many if examples of the last one are among these. */
    public int classes() {
        ByteBuffer target = ByteBuffer.allocate(targetBytes).order(ByteOrder.nativeOrder());
        int largest = -1;
        for (int row = 0; row < size(); row++) {
            copyTarget(row, target, 0);
            for (int at = 0; at < targetBytes; at += ELEMENT_BYTES) {
                largest = Math.max(largest, target.getInt(at));
            }
        }
        return largest + 1;
    }

    /** Two parts of this set: about a tenth of the examples, chosen by the seed, is held out. */
    public abstract Split split(long seed);

    /**
     * At most {@code count} examples, in the order of this set.
     *
     * @param purpose as {@link RandomStream} takes it, {@code rows/validation}: draws of different purposes have nothing to do with each other
     */
    public final DataSet sample(int count, long seed, String purpose) {
        if (count >= size()) {
            return this;
        }
        int[] chosen = java.util.Arrays.copyOf(RandomStream.of(seed, purpose).permutation(size()), count);
        java.util.Arrays.sort(chosen);
        return new RowSubset(this, chosen);
    }

    /** Examples to learn from and examples held out. */
    public record Split(DataSet train, DataSet heldOut) {}

    /** What was held out when these examples were set apart to learn from; null where nothing was. */
    public final HeldOut heldOut() {
        return heldOut;
    }

    /** What is done to inputs as they are read; null where nothing is. */
    public Normalisation normalisation() {
        return null;
    }

    /**
     * These examples, to which nothing was done yet, with their inputs normalised.
     *
     * @throws DataException if they are no numbers, or have another number of channels
     */
    DataSet normalised(Normalisation how) {
        throw new DataException(source + ": inputs are " + kind(inputType) + ", which are not normalised");
    }

    /** Channels of an image; 1 for whatever has another shape. */
    public final int channels() {
        return inputShape.rank() == IMAGE_AXES ? Math.toIntExact(inputShape.extent(0)) : 1;
    }

    final DataSet holdingOut(HeldOut others) {
        this.heldOut = others;
        return this;
    }

    public final String source() {
        return source;
    }

    final String targetSource() {
        return targetSource;
    }

    /** F32 features or I32 ids. */
    public final DType inputType() {
        return inputType;
    }

    /** Of one example. */
    public final Shape inputShape() {
        return inputShape;
    }

    /** I32 labels or F32 targets. */
    public final DType targetType() {
        return targetType;
    }

    /** Of one example; [] for a label. */
    public final Shape targetShape() {
        return targetShape;
    }

    /**
     * Writes the examples {@code rows[from .. from + count)} to the front of two buffers in native byte order. Positions and limits stay
     * as they are.
     */
    public final void batch(int[] rows, int from, int count, ByteBuffer inputs, ByteBuffer targets) {
        requireRoom(count, inputs, targets);
        Objects.checkFromIndexSize(from, count, rows.length);
        for (int i = 0; i < count; i++) {
            int row = Objects.checkIndex(rows[from + i], size());
            copyInput(row, inputs, i * inputBytes);
            copyTarget(row, targets, i * targetBytes);
        }
    }

    /**
     * The same for a further input, by name.
     *
     * @param elements of one example
     */
    public final void batch(String input, int elements, int[] rows, int from, int count, ByteBuffer values) {
        Objects.checkFromIndexSize(from, count, rows.length);
        for (int i = 0; i < count; i++) {
            int row = Objects.checkIndex(rows[from + i], size());
            copyFurther(input, row, values, i * elements * ELEMENT_BYTES, elements);
        }
    }

    /** Writes the examples {@code [start, start + count)}, as {@link #batch(int[], int, int, ByteBuffer, ByteBuffer)} does. */
    public final void batch(int start, int count, ByteBuffer inputs, ByteBuffer targets) {
        requireRoom(count, inputs, targets);
        Objects.checkFromIndexSize(start, count, size());
        for (int i = 0; i < count; i++) {
            copyInput(start + i, inputs, i * inputBytes);
            copyTarget(start + i, targets, i * targetBytes);
        }
    }

    /**
     * Targets of the examples {@code rows[from .. from + count)} that count: labels that are not {@link CrossEntropy#IGNORED_LABEL}; examples
     * otherwise.
     */
    public final long countedTargets(int[] rows, int from, int count) {
        Objects.checkFromIndexSize(from, count, rows.length);
        long counted = 0;
        for (int i = from; i < from + count; i++) {
            counted += countedTargets(Objects.checkIndex(rows[i], size()));
        }
        return counted;
    }

    /** Whether any target counts. */
    public final boolean hasCounted() {
        for (int row = 0; row < size(); row++) {
            if (countedTargets(row) > 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * A mean loss over these examples is one over labels that count: there must be one.
     *
     * @throws DataException if all labels are {@link CrossEntropy#IGNORED_LABEL}
     */
    public final void requireCounted() {
        if (hasCounted()) {
            return;
        }
        throw new DataException(targetSource + ": all labels of these " + size() + " examples are "
                + CrossEntropy.IGNORED_LABEL + ", which the loss leaves out; give at least one that counts");
    }

    /** Bytes of a batch's inputs. */
    public final int inputBytes(int count) {
        return Math.multiplyExact(count, inputBytes);
    }

    public final int targetBytes(int count) {
        return Math.multiplyExact(count, targetBytes);
    }

    private void requireRoom(int count, ByteBuffer inputs, ByteBuffer targets) {
        if (inputs.capacity() < inputBytes(count) || targets.capacity() < targetBytes(count)) {
            throw new IllegalArgumentException(
                    "a batch of " + count + " takes " + inputBytes(count) + " and " + targetBytes(count)
                            + " bytes, the buffers have " + inputs.capacity() + " and " + targets.capacity());
        }
        if (inputs.order() != ByteOrder.nativeOrder() || targets.order() != ByteOrder.nativeOrder()) {
            throw new IllegalArgumentException(
                    "batch buffers must be in native byte order: buffer.order(ByteOrder.nativeOrder())");
        }
    }

    /**
     * Checks that a network can read these inputs and that its loss can read these targets, values included.
     *
     * @throws DataException naming what does not fit
     */
    public void requireFits(Graph graph) {
        Shape expected = graph.input().shape();
        if (graph.inputType() != inputType) {
            throw new DataException(
                    source + ": inputs are " + kind(inputType) + ", the model expects " + kind(graph.inputType())
                            + (inputType == DType.I32
                                    ? "; convert them: array.astype('<f4'), pixels (array / 255).astype('<f4')"
                                    : ""));
        }
        if (!expected.equals(inputShape) && (inputType == DType.I32 || expected.elements() != inputShape.elements())) {
            throw new DataException(
                    source + ": an example has shape " + inputShape + ", the model's input is " + expected);
        }
        Shape output = graph.output().shape();
        String loss = "loss " + graph.loss().type() + " expects ";
        if (graph.loss().targetType() != targetType) {
            throw new DataException(
                    targetSource + ": targets are " + (targetType == DType.I32 ? "integer labels, " : "fp32, ") + loss
                            + (graph.loss().targetType() == DType.I32 ? "int32 or int64 labels" : "fp32 targets"));
        }
        Shape target = graph.loss().targetShape(output);
        if (target.elements() != targetShape.elements()) {
            throw new DataException(
                    targetSource + ": the target of an example has shape " + targetShape + ", " + loss + target);
        }
        if (targetType == DType.I32) {
            requireLabels(Math.toIntExact(output.extent(-1)));
        }
        requireIds(idLimit(graph, graph.input()), graph.input());
        for (Node further : graph.inputs()) {
            if (further != graph.input()) {
                long limit = further.name().equals(LENGTHS) ? inputShape.extent(-1) + 1 : idLimit(graph, further);
                requireFurther(
                        further.name(),
                        further.out().dtype(),
                        Math.toIntExact(further.shape().elements()),
                        limit);
            }
        }
    }

    private void requireIds(long limit, Node input) {
        if (input.out().dtype() == DType.I32 && limit < Long.MAX_VALUE) {
            requireIds(limit);
        }
    }

    /** Rows of the smallest table that reads this input. */
    private static long idLimit(Graph graph, Node input) {
        return graph.nodes().stream()
                .filter(node -> !node.isInput() && node.op().idLimit() > 0)
                .filter(node -> node.inputs().get(0).node() == input)
                .mapToLong(node -> node.op().idLimit())
                .min()
                .orElse(Long.MAX_VALUE);
    }

    private static String kind(DType type) {
        return type == DType.I32 ? "integer ids" : "fp32 features";
    }

    @Override
    public String toString() {
        return source + ": " + size() + " examples " + inputType.suffix() + " " + inputShape;
    }
}
