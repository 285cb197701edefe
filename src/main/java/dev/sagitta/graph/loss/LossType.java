package dev.sagitta.graph.loss;

import dev.sagitta.graph.Field;
import java.util.List;
import java.util.function.Function;

/**
 * A loss's face to files and people, as {@link dev.sagitta.graph.OpType} is an op's.
 *
 * @param name in a model's JSON
 * @param make the loss, from the fields that were given
 * @param says what it computes, for the documents
 */
public record LossType(String name, List<Field<?>> fields, Function<Field.Group, Loss> make, String says) {
    @Override
    public String toString() {
        return name;
    }
}
