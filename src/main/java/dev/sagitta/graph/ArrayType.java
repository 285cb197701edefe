package dev.sagitta.graph;

import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

/**
 * What a wire carries: the type of its elements and the shape of one example, the batch left out.
 *
 * <p>Images are [channels, height, width] in files and to users, rows of a signal [channels, length]. The engine keeps them with channels last, where each
 * pixel is a row of channels: {@link GraphBuilder} turns them where an op needs it, and nobody else has to know.
 *
 * @param dtype F32 for everything that has derivatives, I32 for ids
 * @param shape as it lies in memory: of an image [height, width, channels]
 * @param channelsLast whether it is an image that users know as [channels, ...]
 */
public record ArrayType(DType dtype, Shape shape, boolean channelsLast) {
    public ArrayType(DType dtype, Shape shape) {
        this(dtype, shape, false);
    }

    public static ArrayType f32(Shape shape) {
        return new ArrayType(DType.F32, shape);
    }

    public static ArrayType i32(Shape shape) {
        return new ArrayType(DType.I32, shape);
    }

    /** An image or a signal, fp32, of [..., channels]. */
    public static ArrayType image(long... extents) {
        return new ArrayType(DType.F32, Shape.of(extents), true);
    }

    /** Whether derivatives are taken by it: of floating-point numbers, not of ids and choices. */
    public boolean isDifferentiable() {
        return dtype.isFloat();
    }

    /** As users know it: of an image [channels, ...]. */
    public Shape shown() {
        if (!channelsLast) {
            return shape;
        }
        long[] extents = shape.toArray();
        long[] shown = new long[extents.length];
        shown[0] = extents[extents.length - 1];
        System.arraycopy(extents, 0, shown, 1, extents.length - 1);
        return Shape.of(shown);
    }

    @Override
    public String toString() {
        return dtype.suffix() + " " + shown();
    }
}
