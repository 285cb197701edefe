package dev.sagitta.program;

import dev.sagitta.device.MemoryCategory;
import java.util.List;
import java.util.Map;

/**
 * Device memory of a program, measured on its plan.
 *
 * @param arenaBytes the shared arena of all transient values
 * @param peak by category: the most that values of it take at one time, over all computations
 * @param saved what is kept from the forward to the backward pass, in order, in the computation that keeps most
 */
public record ProgramMemory(long arenaBytes, Map<MemoryCategory, Long> peak, List<SavedBytes> saved) {

    /** One saved tensor as it is stored. */
    public record SavedBytes(String name, long bytes) {}

    /** Bytes of all saved activations at their peak. */
    public long savedBytes() {
        return peak.getOrDefault(MemoryCategory.SAVED_ACTIVATIONS, 0L);
    }
}
