package dev.sagitta.program;

import java.nio.ByteBuffer;

/** Examples that {@link Batches} cuts into batches: room {@code data} has them, a program only asks for bytes. */
public interface Rows {
    /** Number of examples. */
    int size();

    /** Writes inputs and targets of rows [start, start + count) to the beginning of the buffers, in native byte order. */
    void copy(int start, int count, ByteBuffer inputs, ByteBuffer targets);

    /** What these rows weigh in the mean loss over all rows: their number, less labels that the loss leaves out. */
    long weight(int start, int count);

    /** @throws RuntimeException that names the source, if no target of all rows counts: a mean needs at least one */
    void requireCounted();
}
