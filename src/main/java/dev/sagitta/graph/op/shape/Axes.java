package dev.sagitta.graph.op.shape;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.Map;

/** Axes as fields name them: the batch is none of them, and negative ones count from the end. */
public final class Axes {
    static final int MOST = 16;

    public static final Field<Long> AXIS =
            Field.integer("axis", null, -MOST, MOST - 1, "which one, the batch left out; negative from the end");

    private Axes() {}

    /** For {@link dev.sagitta.graph.OpType#check}: an op that must be told its axis. */
    public static String missing(Map<String, Object> given) {
        return given.containsKey("axis") ? null : "field 'axis' is missing";
    }

    /** Counted from the front. */
    public static int of(String type, long axis, Shape shape) {
        long from = axis < 0 ? axis + shape.rank() : axis;
        if (from < 0 || from >= shape.rank()) {
            throw new IllegalArgumentException(type + ": axis " + axis + " of " + shape + ", which has " + shape.rank()
                    + " axes; expected " + -shape.rank() + " to " + (shape.rank() - 1));
        }
        return (int) from;
    }

    /** Where an axis that users count lies in memory: of an image, axis 0 is its channels, which are last there. */
    static int of(String type, long axis, ArrayType x) {
        int shown = of(type, axis, x.shown());
        return !x.channelsLast()
                ? shown
                : (shown + x.shape().rank() - 1) % x.shape().rank();
    }

    /** The same array or image with another extent of an axis in memory. */
    static ArrayType with(ArrayType x, int axis, long extent) {
        return new ArrayType(x.dtype(), with(x.shape(), axis, extent), x.channelsLast());
    }

    /** The product of the extents from one axis to before another. */
    static long product(Shape shape, int from, int to) {
        long product = 1;
        for (int i = from; i < to; i++) {
            product *= shape.extent(i);
        }
        return product;
    }

    /** A value of copies and examples as [what is before the axis, the axis, what is behind it]. */
    public static Value around(Value value, Shape example, int axis) {
        long extent = example.extent(axis);
        long inner = product(example, axis + 1, example.rank());
        return value.view(extent * inner == 0 ? 0 : value.elements() / (extent * inner), extent, inner);
    }

    static Shape with(Shape shape, int axis, long extent) {
        long[] extents = shape.toArray();
        extents[axis] = extent;
        return Shape.of(extents);
    }

    /** Kernels that copy take fp32. */
    static void requireFloat(String type, ArrayType x) {
        if (x.dtype() != DType.F32) {
            throw new IllegalArgumentException(
                    type + ": input has dtype " + x.dtype().suffix() + ", expected f32; ids are read by an embedding");
        }
    }
}
