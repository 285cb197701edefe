package dev.sagitta.program;

import java.nio.ByteBuffer;

/** Examples that {@link Batches} cuts into batches: room {@code data} has them, a program only asks for bytes. */
public interface Rows {
    /** Number of examples. */
    int size();

    /** Writes inputs and targets of rows [start, start + count) to the beginning of the buffers, in native byte order. */
    void copy(int start, int count, ByteBuffer inputs, ByteBuffer targets);

    /** Whether there are values of an input beside {@code input}. */
    default boolean hasFurther(String input) {
        return false;
    }

    /**
     * Writes the values of such an input of rows [start, start + count) to the beginning of a buffer, in native byte order.
     *
     * @param elements of one row
     */
    default void copyFurther(String input, int elements, int start, int count, ByteBuffer values) {
        throw new UnsupportedOperationException("these rows have no '" + input + "'");
    }

    /** What these rows weigh in the mean loss over all rows: their number, less labels that the loss leaves out. */
    long weight(int start, int count);

    /** @throws RuntimeException that names the source, if no target of all rows counts: a mean needs at least one */
    void requireCounted();
}
