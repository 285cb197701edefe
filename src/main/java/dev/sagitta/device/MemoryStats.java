package dev.sagitta.device;

import java.util.List;
import java.util.Map;

/**
 * Bytes of device memory now and at peak.
 *
 * @param currentBytes allocated now
 * @param peakBytes the most that was allocated at one time
 * @param current bytes by category, now
 * @param peak the most bytes each category ever held (the sum may exceed {@code peakBytes}: peaks need not coincide)
 * @param largest the largest live allocations, largest first
 */
public record MemoryStats(
        long currentBytes,
        long peakBytes,
        Map<MemoryCategory, Long> current,
        Map<MemoryCategory, Long> peak,
        List<Holder> largest) {

    /** One live allocation. */
    public record Holder(String label, MemoryCategory category, long bytes) {}
}
