package dev.sagitta.graph.op.elementwise;

import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.PointwiseOp;
import dev.sagitta.kernel.Function;
import java.util.Arrays;
import java.util.List;

/** y = s(z), elementwise and smooth ({@link Relu} has a file of its own: a bit per element is all it needs). */
public record Activation(Function function) implements PointwiseOp {
    /** A type for each smooth function that kernels know. */
    public static final List<OpType> TYPES = Arrays.stream(Function.values())
            .filter(function -> function != Function.RELU)
            .map(function -> OpType.of(function.symbol(), 1, function.says(), m -> new Activation(function)))
            .toList();

    @Override
    public String type() {
        return function.symbol();
    }
}
