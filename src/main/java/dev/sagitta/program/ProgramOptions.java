package dev.sagitta.program;

import dev.sagitta.graph.rewrite.Rewrites;
import dev.sagitta.tensor.Tensor;
import java.util.Collections;
import java.util.EnumMap;
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
 * @param rewrites fusions that a computation may be compiled with
 * @param partBytes bytes of the last layer's output that are there at a time where the loss takes rows in parts, at least 64 rows; as many again for
 *     its cotangent, and both for each probe
 * @param observer looks on and may add tasks
 * @param training whether dropout drops
 * @param batchStatistics whether batch norm uses those of the batch where it does not train, too
 * @param seed of all random numbers
 * @param arenas memory that the caller brings for all parameters, by role
 * @param external memory that the caller brings, by value name
 */
public record ProgramOptions(
        int batch,
        int probes,
        Set<Computation> computations,
        SavedStore store,
        Rewrites rewrites,
        long partBytes,
        Observer observer,
        boolean training,
        boolean batchStatistics,
        long seed,
        Map<ParameterRole, ParameterArena> arenas,
        Map<String, Tensor> external) {

    /** Of a vocabulary of 128 thousand, 128 rows; what that costs and saves: docs/BENCHMARKS.md. */
    private static final long PART_BYTES = 64L << 20;

    public ProgramOptions {
        if (batch < 1 || probes < 1) {
            throw new IllegalArgumentException(
                    "program: batch " + batch + " and probes " + probes + " must be at least 1");
        }
    }

    public static ProgramOptions of(int batch, Computation first, Computation... more) {
        return new ProgramOptions(
                batch,
                1,
                EnumSet.of(first, more),
                SavedStore.EXACT,
                Rewrites.ALL,
                PART_BYTES,
                Observer.NONE,
                false,
                false,
                0,
                Map.of(),
                Map.of());
    }

    public ProgramOptions batch(int examples) {
        return new ProgramOptions(
                examples,
                probes,
                computations,
                store,
                rewrites,
                partBytes,
                observer,
                training,
                batchStatistics,
                seed,
                arenas,
                external);
    }

    public ProgramOptions probes(int count) {
        return new ProgramOptions(
                batch,
                count,
                computations,
                store,
                rewrites,
                partBytes,
                observer,
                training,
                batchStatistics,
                seed,
                arenas,
                external);
    }

    public ProgramOptions store(SavedStore other) {
        return new ProgramOptions(
                batch,
                probes,
                computations,
                other,
                rewrites,
                partBytes,
                observer,
                training,
                batchStatistics,
                seed,
                arenas,
                external);
    }

    /** {@link Rewrites#NONE} to compile every op as it stands in the graph. */
    public ProgramOptions rewrites(Rewrites other) {
        return new ProgramOptions(
                batch,
                probes,
                computations,
                store,
                other,
                partBytes,
                observer,
                training,
                batchStatistics,
                seed,
                arenas,
                external);
    }

    public ProgramOptions partBytes(long bytes) {
        return new ProgramOptions(
                batch,
                probes,
                computations,
                store,
                rewrites,
                bytes,
                observer,
                training,
                batchStatistics,
                seed,
                arenas,
                external);
    }

    public ProgramOptions observer(Observer other) {
        return new ProgramOptions(
                batch,
                probes,
                computations,
                store,
                rewrites,
                partBytes,
                other,
                training,
                batchStatistics,
                seed,
                arenas,
                external);
    }

    public ProgramOptions training(boolean on) {
        return new ProgramOptions(
                batch,
                probes,
                computations,
                store,
                rewrites,
                partBytes,
                observer,
                on,
                batchStatistics,
                seed,
                arenas,
                external);
    }

    /** Whether batch norm uses those of the batch: in training, and where it is asked for. */
    public boolean usesBatchStatistics() {
        return training || batchStatistics;
    }

    /** Batch norm uses the mean and variance of each batch, as training does, and not the running ones. */
    public ProgramOptions batchStatistics(boolean on) {
        return new ProgramOptions(
                batch,
                probes,
                computations,
                store,
                rewrites,
                partBytes,
                observer,
                training,
                on,
                seed,
                arenas,
                external);
    }

    public ProgramOptions seed(long value) {
        return new ProgramOptions(
                batch,
                probes,
                computations,
                store,
                rewrites,
                partBytes,
                observer,
                training,
                batchStatistics,
                value,
                arenas,
                external);
    }

    /** Uses the caller's memory for all parameters in a role; it has to be of the graph's layout, with K copies where the role has them. */
    public ProgramOptions arena(ParameterRole role, ParameterArena arena) {
        Map<ParameterRole, ParameterArena> more = new EnumMap<>(ParameterRole.class);
        more.putAll(arenas);
        more.put(role, arena);
        return new ProgramOptions(
                batch,
                probes,
                computations,
                store,
                rewrites,
                partBytes,
                observer,
                training,
                batchStatistics,
                seed,
                Collections.unmodifiableMap(more),
                external);
    }

    /** Uses the caller's memory for those parameters alone that the arena has: {@link ParameterLayout#untrained}. */
    public ProgramOptions weights(ParameterArena some) {
        ProgramOptions bound = this;
        for (Map.Entry<String, Tensor> part : some.parts().entrySet()) {
            bound = bound.bind(ParameterRole.WEIGHT, part.getKey(), part.getValue());
        }
        return bound;
    }

    /** Uses the caller's memory for what a program has once. */
    public ProgramOptions bind(Role role, Tensor tensor) {
        return bind(role.tensor(), tensor);
    }

    /** Uses the caller's memory for a parameter. */
    public ProgramOptions bind(ParameterRole role, String parameter, Tensor tensor) {
        return bind(role.of(parameter), tensor);
    }

    /** Uses the caller's memory for a value that an op asks for under this name, such as packed weights. */
    public ProgramOptions bind(String name, Tensor tensor) {
        Map<String, Tensor> more = new LinkedHashMap<>(external);
        more.put(name, tensor);
        return new ProgramOptions(
                batch,
                probes,
                computations,
                store,
                rewrites,
                partBytes,
                observer,
                training,
                batchStatistics,
                seed,
                arenas,
                Collections.unmodifiableMap(more));
    }
}
