package dev.sagitta.graph.pass;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

/** Outputs from inputs. */
public interface Forward extends Pass {
    /** [B, ...]. */
    Value in(int i);

    /** Output i, new: [B, ...]. */
    Value out(int i);

    /** Output i is a view of an input: a reshape, the identity. The op says so in {@code passes} as well. */
    void pass(int i, Value view);

    /** Where a kept value of the op's own making goes; null where no later pass reads it. */
    Value keep(Keep own, DType dtype, Shape shape);

    /**
     * Where a parameter of state goes that training changes, to be written after its readers; null in all but the gradient of a training step, so that a
     * product or an evaluation beside it changes nothing.
     */
    Value update(Parameter state);
}
