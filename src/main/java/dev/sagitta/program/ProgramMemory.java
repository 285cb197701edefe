package dev.sagitta.program;

import dev.sagitta.device.MemoryCategory;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Device memory of a program, measured on its plan. What it allocates is {@code arenaBytes} and the sum of {@code persistent}; memory that
 * the caller brought is not in it.
 *
 * @param arenaBytes the shared arena of all transient values
 * @param persistent by category: what was allocated beside the arena, for as long as the program lives
 * @param peak by category: the most that values of it take at one time, over all computations, persistent ones included
 * @param saved what is kept from the forward to a later pass, in order, in the computation that keeps most
 * @param maskBytes of {@code saved}: sign masks, a bit per element whatever the policy
 */
public record ProgramMemory(
        long arenaBytes,
        Map<MemoryCategory, Long> persistent,
        Map<MemoryCategory, Long> peak,
        List<SavedBytes> saved,
        long maskBytes) {

    public ProgramMemory {
        persistent = Collections.unmodifiableMap(new EnumMap<>(persistent));
        peak = Collections.unmodifiableMap(new EnumMap<>(peak));
    }

    /** One saved tensor as it is stored. */
    public record SavedBytes(String name, long bytes) {}

    /** Bytes of all saved activations at their peak. */
    public long savedBytes() {
        return peak.getOrDefault(MemoryCategory.SAVED_ACTIVATIONS, 0L);
    }
}
