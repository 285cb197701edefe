package dev.sagitta.graph.pass;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Parameter;

/** Cotangents of inputs and gradients of parameters, from cotangents of outputs. Inputs have no values here, only what was kept of them. */
public interface Backward extends Pass {
    /** @throws IllegalStateException if the op does not declare it */
    Kept kept(Keep what);

    /** Of an output, [B, ...]; null for zero. */
    Value cotangent(int output);

    /** Whether the cotangent of an input is of use. */
    boolean wants(int input);

    /** Where the cotangent of an input goes, new; null where it is not wanted. */
    Value cotangentOf(int input);

    /** The cotangent of an input is a value that exists, under the input's shape. */
    void send(int input, Value value);

    /** Where a parameter's gradient goes; null where it is not wanted. */
    Gradient gradient(Parameter p);

    /**
     * @param value the parameter's shape, with K copies in front where tangents are computed
     * @param accumulate whether an earlier task wrote it, as for shared parameters
     */
    record Gradient(Value value, boolean accumulate) {}
}
