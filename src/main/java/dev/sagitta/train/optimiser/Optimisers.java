package dev.sagitta.train.optimiser;

import java.util.List;
import java.util.Optional;

/** The optimisers that checkpoints and commands know by name. */
public final class Optimisers {
    /** One line for each. */
    private static final List<OptimiserType> ALL = List.of(
            AdamW.TYPE, //
            Sgd.TYPE);

    private Optimisers() {}

    public static List<OptimiserType> all() {
        return ALL;
    }

    /** Empty if there is none of this name. */
    public static Optional<OptimiserType> find(String name) {
        return ALL.stream().filter(type -> type.name().equals(name)).findFirst();
    }

    /** For messages: {@code adamw or sgd}. */
    public static String names() {
        return String.join(" or ", ALL.stream().map(OptimiserType::name).toList());
    }
}
