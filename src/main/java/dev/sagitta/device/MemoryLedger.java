package dev.sagitta.device;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** Counts a device's allocations by category. Touched only by allocate and close, never by a warm step. */
final class MemoryLedger {
    private static final int LARGEST = 5;

    private final Map<Object, MemoryStats.Holder> live = new IdentityHashMap<>();
    private final Map<MemoryCategory, Long> current = new EnumMap<>(MemoryCategory.class);
    private final Map<MemoryCategory, Long> peak = new EnumMap<>(MemoryCategory.class);
    private long currentBytes;
    private long peakBytes;

    synchronized void add(Object key, String label, MemoryCategory category, long bytes) {
        live.put(key, new MemoryStats.Holder(label, category, bytes));
        currentBytes += bytes;
        peakBytes = Math.max(peakBytes, currentBytes);
        long now = current.merge(category, bytes, Long::sum);
        peak.merge(category, now, Math::max);
    }

    synchronized void remove(Object key) {
        MemoryStats.Holder holder = live.remove(key);
        if (holder != null) {
            currentBytes -= holder.bytes();
            current.merge(holder.category(), -holder.bytes(), Long::sum);
        }
    }

    synchronized long currentBytes() {
        return currentBytes;
    }

    synchronized MemoryStats stats() {
        List<MemoryStats.Holder> largest = new ArrayList<>(live.values());
        largest.sort(Comparator.comparingLong(MemoryStats.Holder::bytes)
                .reversed()
                .thenComparing(MemoryStats.Holder::label));
        return new MemoryStats(
                currentBytes,
                peakBytes,
                Collections.unmodifiableMap(new EnumMap<>(current)),
                Collections.unmodifiableMap(new EnumMap<>(peak)),
                List.copyOf(largest.subList(0, Math.min(LARGEST, largest.size()))));
    }

    /** Sets the peak back to what is allocated now, so that the next phase can be measured by itself. */
    synchronized void resetPeak() {
        peakBytes = currentBytes;
        peak.clear();
        peak.putAll(current);
    }
}
