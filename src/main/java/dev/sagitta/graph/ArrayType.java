package dev.sagitta.graph;

import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

/**
 * What a wire carries: the type of its elements and the shape of one example, the batch left out.
 *
 * @param dtype F32 for everything that has derivatives, I32 for ids
 */
public record ArrayType(DType dtype, Shape shape) {

    public static ArrayType f32(Shape shape) {
        return new ArrayType(DType.F32, shape);
    }

    public static ArrayType i32(Shape shape) {
        return new ArrayType(DType.I32, shape);
    }

    /** Whether derivatives are taken by it: of floating-point numbers, not of ids and choices. */
    public boolean isDifferentiable() {
        return dtype.isFloat();
    }

    @Override
    public String toString() {
        return dtype.suffix() + " " + shape;
    }
}
