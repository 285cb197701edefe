package dev.sagitta.graph.op.shape;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/** Row 0 of the axis before the last, which goes: [..., T, width] becomes [..., width]. What BERT's classifier and a vision transformer's head read. */
public record Cls() implements LinearOp {
    public static final OpType TYPE =
            OpType.of("cls", 1, "row 0 of the axis before the last, [T, width] to [width]", m -> new Cls());

    @Override
    public String type() {
        return "cls";
    }

    private static Part part(ArrayType x) {
        Axes.requireFloat("cls", x);
        Shape shape = x.shape();
        if (shape.rank() < 2 || shape.extent(-2) == 0) {
            throw new IllegalArgumentException(
                    "cls: input has shape " + shape + ", expected [..., positions, width] with a position");
        }
        return new Part(shape, shape.rank() - 2, 0, 1);
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape whole = part(inputs.get(0)).whole();
        long[] extents = Arrays.copyOf(whole.toArray(), whole.rank() - 1);
        extents[whole.rank() - 2] = whole.extent(-1);
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    @Override
    public void apply(Apply a) {
        part(a.pass().input(0)).apply(a);
    }

    @Override
    public void transpose(Transpose a) {
        part(a.pass().input(0)).transpose(a);
    }
}
