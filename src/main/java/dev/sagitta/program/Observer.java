package dev.sagitta.program;

import dev.sagitta.graph.Node;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;

/**
 * Looks on while a computation is emitted and may add tasks of its own, which read values and change none: what is not finite, statistics of activations,
 * factors of a layer's curvature. It is part of a program from its compilation on; programs without cost nothing.
 */
public interface Observer {
    /** Sees nothing. */
    Observer NONE = new Observer() {};

    /** Behind a node's forward pass, for each of its outputs. */
    default void value(Emitter e, Wire wire, Value value) {}

    /** Behind a node's backward pass, with the cotangent of its first output; null for zero. */
    default void backward(Emitter e, Node node, Value cotangent) {}
}
