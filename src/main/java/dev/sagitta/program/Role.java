package dev.sagitta.program;

import java.util.Arrays;

/** What belongs to a program once, whatever its network: {@link ParameterRole} is what belongs to every parameter. */
public enum Role {
    /** Features or ids of a batch, [B, ...]: the input that data sets fill. */
    INPUT("input"),
    /** Labels or targets of a batch. */
    TARGET("target"),
    /** The network's output, [B, ...]. */
    OUTPUT("output"),
    /** Mean loss of the batch, [1]. */
    LOSS("loss"),
    /** Sum of losses, number of counted examples and of correct ones, [3]. */
    METRICS("metrics"),
    /** v'Hv or v'Gv, [K]. */
    QUADRATIC("quadratic"),
    /** Seed and step of the random counters, u32 [4]. */
    RANDOM("random");

    private final String tensor;

    Role(String tensor) {
        this.tensor = tensor;
    }

    /** Whether a value of this name belongs to a role. */
    public static boolean isTensor(String name) {
        return Arrays.stream(values()).anyMatch(role -> role.tensor.equals(name));
    }

    /** The name of its value. */
    String tensor() {
        return tensor;
    }
}
