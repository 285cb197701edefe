package dev.sagitta.graph.op.elementwise;

import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.GateOp;
import dev.sagitta.kernel.Function;

/** y = a b, elementwise. */
public record Multiply() implements GateOp {
    public static final OpType TYPE = OpType.of("multiply", 2, "y = a b, elementwise", m -> new Multiply());

    @Override
    public String type() {
        return "multiply";
    }

    @Override
    public Function function() {
        return null;
    }
}
