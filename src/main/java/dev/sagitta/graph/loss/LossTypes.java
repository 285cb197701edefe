package dev.sagitta.graph.loss;

import java.util.List;
import java.util.stream.Stream;

/** The losses that a model may have. */
public final class LossTypes {
    /** One line for each family of losses. */
    private static final List<LossType> ALL = Stream.of(
                    List.of(CrossEntropy.TYPE), ElementwiseLoss.TYPES, RowwiseLoss.TYPES)
            .flatMap(List::stream)
            .toList();

    private LossTypes() {}

    public static List<LossType> all() {
        return ALL;
    }

    /** Null where there is none of that name. */
    public static LossType get(String name) {
        return ALL.stream().filter(type -> type.name().equals(name)).findFirst().orElse(null);
    }
}
