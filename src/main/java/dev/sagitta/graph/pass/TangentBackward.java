package dev.sagitta.graph.pass;

import dev.sagitta.graph.Parameter;

/**
 * Tangents of what backward computes. {@code cotangentOf}, {@code send} and {@code gradient} are those of K tangents here; {@code cotangent} is the primal
 * one, null in Gauss-Newton products. Tangents of inputs are those of kept values: {@code kept(K).tangent()}.
 */
public interface TangentBackward extends Backward {
    /** Of an output's cotangent, [K, B, ...]; null for zero. */
    Value cotangentTangent(int output);

    /** Of a parameter, [K, ...]; null for zero. */
    Value tangentOf(Parameter p);
}
