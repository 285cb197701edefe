package dev.sagitta.graph.pass;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Parameter;

/** K tangents of outputs, from those of inputs and parameters. */
public interface Tangent extends Pass {
    /** @throws IllegalStateException if the op does not declare it */
    Kept kept(Keep what);

    /** Of an input, [K, B, ...]; null for zero. */
    Value tangentIn(int i);

    /** Of a parameter, [K, ...]; null for zero. */
    Value tangentOf(Parameter p);

    /** Where the tangents of output i go, new. An output without is constant. */
    Value tangentOut(int i);

    /** The tangents of output i are a value that exists, under the output's shape. */
    void pass(int i, Value tangent);
}
