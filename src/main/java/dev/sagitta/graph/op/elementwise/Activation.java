package dev.sagitta.graph.op.elementwise;

import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.PointwiseOp;
import dev.sagitta.kernel.Function;

/** y = s(z), elementwise and smooth ({@link Relu} has a file of its own: a bit per element is all it needs). */
public record Activation(Function function) implements PointwiseOp {
    public static final OpType GELU = of(Function.GELU, "y = x Phi(x), by erf");
    public static final OpType GELU_TANH = of(Function.GELU_TANH, "GELU by tanh");
    public static final OpType SILU = of(Function.SILU, "y = x / (1 + exp(-x))");
    public static final OpType TANH = of(Function.TANH, "y = tanh x");
    public static final OpType SIGMOID = of(Function.SIGMOID, "y = 1 / (1 + exp(-x))");

    private static OpType of(Function function, String says) {
        return OpType.of(function.symbol(), 1, says, m -> new Activation(function));
    }

    @Override
    public String type() {
        return function.symbol();
    }
}
