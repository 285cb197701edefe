package dev.sagitta.program;

import dev.sagitta.tensor.Tensor;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * What a graph is compiled for. Immutable; each method returns a changed copy.
 *
 * @param batch examples per step
 * @param probes K, vectors per curvature product
 * @param computations what the program must be able to compute
 * @param store how saved activations are kept
 * @param training whether dropout drops
 * @param seed of all random numbers
 * @param external memory that the caller brings, by value name
 */
public record ProgramOptions(
        int batch,
        int probes,
        Set<Computation> computations,
        SavedStore store,
        boolean training,
        long seed,
        Map<String, Tensor> external) {

    public ProgramOptions {
        if (batch < 1 || probes < 1) {
            throw new IllegalArgumentException(
                    "program: batch " + batch + " and probes " + probes + " must be at least 1");
        }
    }

    public static ProgramOptions of(int batch, Computation first, Computation... more) {
        return new ProgramOptions(batch, 1, EnumSet.of(first, more), SavedStore.EXACT, false, 0, Map.of());
    }

    public ProgramOptions batch(int examples) {
        return new ProgramOptions(examples, probes, computations, store, training, seed, external);
    }

    public ProgramOptions probes(int count) {
        return new ProgramOptions(batch, count, computations, store, training, seed, external);
    }

    public ProgramOptions store(SavedStore other) {
        return new ProgramOptions(batch, probes, computations, other, training, seed, external);
    }

    public ProgramOptions training(boolean on) {
        return new ProgramOptions(batch, probes, computations, store, on, seed, external);
    }

    public ProgramOptions seed(long value) {
        return new ProgramOptions(batch, probes, computations, store, training, value, external);
    }

    /**
     * Uses the caller's memory for a value: {@code input}, {@code target}, a parameter by its name, and with {@code .gradient},
     * {@code .vector} ([K, ...]) or {@code .product} ([K, ...]) behind it what belongs to that parameter.
     */
    public ProgramOptions bind(String name, Tensor tensor) {
        Map<String, Tensor> more = new LinkedHashMap<>(external);
        more.put(name, tensor);
        return new ProgramOptions(
                batch, probes, computations, store, training, seed, Collections.unmodifiableMap(more));
    }
}
