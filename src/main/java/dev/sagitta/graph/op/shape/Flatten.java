package dev.sagitta.graph.op.shape;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** All axes of an example in one. A view: it costs nothing in any mode. */
public record Flatten() implements LinearOp {
    public static final OpType TYPE = OpType.of("flatten", 1, "all axes of an example in one", m -> new Flatten());

    @Override
    public String type() {
        return "flatten";
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        return List.of(new ArrayType(x.dtype(), Shape.of(x.shape().elements())));
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
