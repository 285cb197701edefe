package dev.sagitta.graph.op.elementwise;

import dev.sagitta.graph.op.PointwiseOp;
import dev.sagitta.kernel.Function;

/** y = s(z), elementwise and smooth ({@link Relu} has a file of its own: a bit per element is all it needs). */
public record Activation(Function function) implements PointwiseOp {

    @Override
    public String type() {
        return function.symbol();
    }
}
