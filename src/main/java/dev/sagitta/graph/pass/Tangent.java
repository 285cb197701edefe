package dev.sagitta.graph.pass;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

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

    /**
     * Where the K tangents go of a value that the op's forward pass made for later: {@code kept(own).tangent()} reads them in {@link TangentBackward}, and
     * in {@link Curvature} of the same node.
     */
    Value keep(Keep own, DType dtype, Shape shape);

    /** The tangents of output i are a value that exists, under the output's shape. */
    void pass(int i, Value tangent);
}
