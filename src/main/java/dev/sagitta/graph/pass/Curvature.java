package dev.sagitta.graph.pass;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Parameter;

/** {@code <cotangent, f''[t, t]>} for K tangents t. */
public interface Curvature extends Pass {
    Kept kept(Keep what);

    /** Of an input, [K, B, ...]; null for zero. */
    Value tangentIn(int i);

    /** Of an output, as the tangent pass has just made it, [K, B, ...]; null for zero. */
    Value outputTangent(int i);

    /** Of a parameter, [K, ...]; null for zero. */
    Value tangentOf(Parameter p);

    /** Of an output, [B, ...]; null for zero. */
    Value cotangent(int output);

    /** Where the K numbers go. */
    Value sum();
}
