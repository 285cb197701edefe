package dev.sagitta.graph.loss;

import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;

/**
 * A loss that is a sum over the rows of the output, but for what it is divided by: the rows may come in parts, one after another. Of every mode, results of
 * parts that are numbers (loss, quadratic, metrics) add up; the others are those of the part's own rows.
 */
public interface LossByRows extends Loss {
    /**
     * Emits what all parts must know, for {@link LossContext#shared}.
     *
     * @param target of all rows, [rows, ...]
     * @param part most rows of a part
     */
    Value shared(Emitter e, Value target, int part, int probes);
}
