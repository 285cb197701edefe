package dev.sagitta.graph.op.elementwise;

import dev.sagitta.graph.op.GateOp;
import dev.sagitta.kernel.Function;

/**
 * y = s(a) b, elementwise, in one pass over memory: SwiGLU where s is silu. It comes from a rewrite of a function and a product and from no file; s(a) is neither in
 * memory nor kept.
 */
public record Gated(Function function) implements GateOp {
    @Override
    public String type() {
        return function.symbol() + "_multiply";
    }
}
