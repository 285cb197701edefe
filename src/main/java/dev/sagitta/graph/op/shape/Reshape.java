package dev.sagitta.graph.op.shape;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The same elements under other extents, of which one may be -1: what is left. A view: it costs nothing in any mode. */
public record Reshape(List<Long> shape) implements LinearOp {
    private static final long LEFT = -1;
    private static final Field<List<Long>> SHAPE = Field.integers(
            "shape", null, LEFT, 1L << 40, "extents, the batch left out; one may be -1, which is what is left");

    public static final OpType TYPE = OpType.of(
                    "reshape", 1, "the same elements under other extents", m -> new Reshape(m.get(SHAPE)), SHAPE)
            .check(given -> given.containsKey("shape") ? null : "field 'shape' is missing");

    public Reshape {
        shape = List.copyOf(shape);
    }

    @Override
    public String type() {
        return "reshape";
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        long elements = x.shape().elements();
        long known = 1;
        long unknown = 0;
        for (long extent : shape) {
            unknown += extent == LEFT ? 1 : 0;
            known *= extent == LEFT ? 1 : extent;
        }
        boolean fits = unknown == 0 ? known == elements : unknown == 1 && known > 0 && elements % known == 0;
        if (!fits) {
            throw new IllegalArgumentException("reshape: " + x.shape() + " of " + elements + " elements to " + shape
                    + ", expected as many elements, and at most one -1");
        }
        long left = known == 0 ? 0 : elements / known;
        long[] extents = shape.stream()
                .mapToLong(extent -> extent == LEFT ? left : extent)
                .toArray();
        return List.of(new ArrayType(x.dtype(), Shape.of(extents)));
    }

    @Override
    public int passes(int output, boolean training) {
        return 0;
    }

    @Override
    public void apply(Apply a) {
        a.pass(0, a.in(0));
    }

    @Override
    public void transpose(Transpose a) {
        a.send(0, a.cotangent(0));
    }
}
