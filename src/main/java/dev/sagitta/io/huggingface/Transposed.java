package dev.sagitta.io.huggingface;

import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;

/** Matrices the other way round, bit for bit. */
final class Transposed {
    /** Rows and columns at a time: both sides of a block stay in the first cache. */
    private static final int BLOCK = 32;

    private Transposed() {}

    static Shape of(Shape shape) {
        return shape.rank() == 2 ? Shape.of(shape.extent(1), shape.extent(0)) : shape;
    }

    /** @param matrix of 2 or 4 bytes per element */
    static HostTensor of(HostTensor matrix) {
        int rows = Math.toIntExact(matrix.shape().extent(0));
        int columns = Math.toIntExact(matrix.shape().extent(1));
        HostTensor turned = HostTensor.allocate(matrix.name(), matrix.dtype(), of(matrix.shape()));
        ByteBuffer in = matrix.bytes();
        ByteBuffer out = turned.bytes();
        boolean wide = matrix.dtype().bytes() == Float.BYTES;
        for (int top = 0; top < rows; top += BLOCK) {
            for (int left = 0; left < columns; left += BLOCK) {
                for (int i = top; i < Math.min(rows, top + BLOCK); i++) {
                    for (int j = left; j < Math.min(columns, left + BLOCK); j++) {
                        int from = i * columns + j;
                        int to = j * rows + i;
                        if (wide) {
                            out.putInt(4 * to, in.getInt(4 * from));
                        } else {
                            out.putShort(2 * to, in.getShort(2 * from));
                        }
                    }
                }
            }
        }
        return turned;
    }
}
