package dev.sagitta.graph;

import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * An operation y = f(x..., w...) in five modes, for K probes at once. B examples and K probes are leading axes: values are [B, ...],
 * tangents [K, B, ...]. A null tangent or cotangent stands for zero.
 *
 * <p>Pearlmutter, "Fast exact multiplication by the Hessian", 1994, for the idea; the rules of each op stand in its file.
 */
public interface Op {
    /** The type in a model's JSON. */
    String type();

    /** Shape of one example's output. */
    Shape outputShape(List<Shape> inputs);

    default List<Parameter> parameters() {
        return List.of();
    }

    default Saved saved() {
        return Saved.NOTHING;
    }

    /** Whether all that later modes compute from what is saved is linear in it: unbiased noise in it then gives unbiased derivatives. */
    default boolean isLinearInSaved() {
        return false;
    }

    /** y from the inputs and parameters. */
    Value forward(Emitter e, OpContext c);

    /** Cotangents of the inputs (null where not wanted); writes the gradients that the context asks for. */
    Value[] backward(Emitter e, OpContext c);

    /** yt from the tangents of inputs and parameters. */
    Value tangent(Emitter e, OpContext c);

    /** Tangents of what {@link #backward} computes; with a null primal cotangent, the backward of K cotangents (Gauss-Newton). */
    Value[] tangentBackward(Emitter e, OpContext c);

    /**
     * Adds to {@code c.curvatureSlot} the K numbers {@code <cotangent, f''[t, t]>}, t the tangents of inputs and parameters.
     *
     * @return false if f'' is zero and nothing was written
     */
    default boolean curvature(Emitter e, OpContext c) {
        return false;
    }
}
