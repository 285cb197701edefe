package dev.sagitta.program;

import dev.sagitta.device.MemoryCategory;

/** What belongs to every parameter: for each role its values lie in one flat arena, so that an optimiser or an estimator sees one vector. */
public enum ParameterRole {
    WEIGHT("", MemoryCategory.WEIGHTS, false),
    GRADIENT(".gradient", MemoryCategory.GRADIENTS, false),
    VECTOR(".vector", MemoryCategory.TANGENTS, true),
    PRODUCT(".product", MemoryCategory.TANGENTS, true);

    private final String suffix;
    private final MemoryCategory category;
    private final boolean byProbe;

    ParameterRole(String suffix, MemoryCategory category, boolean byProbe) {
        this.suffix = suffix;
        this.category = category;
        this.byProbe = byProbe;
    }

    public String of(String parameter) {
        return parameter + suffix;
    }

    /** The name of the arena. */
    String arena() {
        return of("parameters");
    }

    public MemoryCategory category() {
        return category;
    }

    /** Whether there is one for each of the K probes. */
    public boolean byProbe() {
        return byProbe;
    }
}
