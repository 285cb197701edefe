package dev.sagitta.graph.op;

import dev.sagitta.graph.Op;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;

/** An op that stands for another one where a network is run a position at a time ({@code graph.Decoding}): forward only. */
public interface OfOnePosition extends Op {
    @Override
    default void backward(Backward b) {
        throw forwardOnly();
    }

    @Override
    default void tangent(Tangent t) {
        throw forwardOnly();
    }

    @Override
    default void tangentBackward(TangentBackward b) {
        throw forwardOnly();
    }

    private static UnsupportedOperationException forwardOnly() {
        return new UnsupportedOperationException("a network of one position at a time is forward only;"
                + " take gradients and curvature of the network that it was made from");
    }
}
