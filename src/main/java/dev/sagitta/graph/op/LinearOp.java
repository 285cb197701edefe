package dev.sagitta.graph.op;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;

/**
 * An op that is linear in its inputs and parameters taken together, given what it keeps: a map A and its transpose are all five modes.
 *
 * <pre>
 * forward          y = A(x, w)            tangent          yt = A(xt, wt)
 * backward         (dx, dw) = A'(dy)      tangentBackward  (dxt, dwt) = A'(dyt)
 * curvature        0
 * </pre>
 *
 * Both are written once, for one copy or for K: what has copies has them in front, what is kept is shared by all.
 */
public interface LinearOp extends Op {
    /** y = A(x, w), of values or of K tangents. */
    void apply(Apply a);

    /** (dx, dw) = A'(dy), of cotangents or of K tangents of cotangents. */
    void transpose(Transpose a);

    /** What {@link #apply} sees. */
    interface Apply extends View {
        /** [copies, B, ...]; null for zero. */
        Value in(int i);

        /** [copies, ...]; null for zero. */
        Value of(Parameter p);

        Value out(int i);

        void pass(int i, Value view);
    }

    /** What {@link #transpose} sees. */
    interface Transpose extends View {
        /** [copies, B, ...]; never null of an op of one output. */
        Value cotangent(int output);

        boolean wants(int input);

        /** New; null where it is not wanted. */
        Value cotangentOf(int input);

        void send(int input, Value value);

        /** Null where it is not wanted. */
        Backward.Gradient gradient(Parameter p);
    }

    /** What both see: the pass, how many copies it computes, and what was kept. */
    interface View {
        Pass pass();

        /** 1 for values and cotangents, K for tangents. */
        int copies();

        /** For labels: empty, or {@code .tangent}. */
        String suffix();

        /** What is kept; in the forward pass, inputs as they are. */
        Value kept(Keep what);
    }

    @Override
    default void forward(Forward f) {
        apply(new LinearViews.OfValues(f));
    }

    @Override
    default void tangent(Tangent t) {
        if (LinearViews.hasTangents(this, t)) {
            apply(new LinearViews.OfTangents(t));
        }
    }

    @Override
    default void backward(Backward b) {
        transpose(new LinearViews.OfCotangents(b, 1, "", b::cotangent));
    }

    @Override
    default void tangentBackward(TangentBackward b) {
        transpose(new LinearViews.OfCotangents(b, b.probes(), ".tangent", b::cotangentTangent));
    }
}
