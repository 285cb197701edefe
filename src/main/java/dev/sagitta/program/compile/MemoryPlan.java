package dev.sagitta.program.compile;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.pass.Value;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Places the transient values of a schedule in an arena: two values may share bytes if no task needs both. Largest first, each at the
 * lowest free offset ("greedy by size", Pisarchyk and Lee 2020).
 */
public final class MemoryPlan {
    private final List<Interval> intervals = new ArrayList<>();
    private final long arenaBytes;
    private final Map<Value, Interval> byValue = new IdentityHashMap<>();

    /** A value with the first and last task that needs it and, once placed, its offset. */
    static final class Interval {
        final Value value;
        final long bytes;
        final int first;
        int last;
        long offset = -1;

        Interval(Value value, int first) {
            this.value = value;
            // an empty value still gets an address of its own
            this.bytes = Math.max(1, (value.bytes() + Device.ALIGNMENT - 1) / Device.ALIGNMENT) * Device.ALIGNMENT;
            this.first = first;
            this.last = first;
        }

        boolean overlaps(Interval other) {
            return first <= other.last && other.first <= last;
        }
    }

    public MemoryPlan(Schedule schedule) {
        List<Schedule.Task> tasks = schedule.tasks();
        for (int i = 0; i < tasks.size(); i++) {
            for (Value value : tasks.get(i).writes()) {
                if (!value.isPersistent()) {
                    Interval interval = byValue.get(value.root());
                    if (interval == null) {
                        interval = new Interval(value.root(), i);
                        byValue.put(value.root(), interval);
                        intervals.add(interval);
                    }
                    interval.last = i;
                }
            }
            for (Value value : tasks.get(i).reads()) {
                if (!value.isPersistent()) {
                    Interval interval = byValue.get(value.root());
                    if (interval == null) {
                        throw new IllegalStateException(tasks.get(i) + " reads " + value
                                + ", which no earlier task wrote; the op must emit its writer first");
                    }
                    interval.last = i;
                }
            }
        }
        // stable: of the same size, in the order they are written
        intervals.sort(
                Comparator.comparingLong((Interval interval) -> interval.bytes).reversed());
        long end = 0;
        List<Interval> placed = new ArrayList<>();
        for (Interval interval : intervals) {
            interval.offset = lowestOffset(interval, placed);
            int position = 0;
            while (position < placed.size() && placed.get(position).offset <= interval.offset) {
                position++;
            }
            placed.add(position, interval);
            end = Math.max(end, interval.offset + interval.bytes);
        }
        arenaBytes = end;
    }

    private static long lowestOffset(Interval interval, List<Interval> placedByOffset) {
        long candidate = 0;
        for (Interval other : placedByOffset) {
            if (!other.overlaps(interval)) {
                continue;
            }
            if (other.offset - candidate >= interval.bytes) {
                break;
            }
            candidate = Math.max(candidate, other.offset + other.bytes);
        }
        return candidate;
    }

    public long arenaBytes() {
        return arenaBytes;
    }

    public long offset(Value root) {
        return byValue.get(root).offset;
    }

    public List<Value> values() {
        return intervals.stream().map(interval -> interval.value).toList();
    }

    /**
     * Where a value lies, and when.
     *
     * @param bytes with those that align it
     * @param first task that needs it, counted from 0
     * @param last task that needs it
     */
    public record Place(Value value, long offset, long bytes, int first, int last) {}

    /** Of all values, in the order they are written. */
    public List<Place> places() {
        return intervals.stream()
                .sorted(Comparator.comparingInt(interval -> interval.first))
                .map(i -> new Place(i.value, i.offset, i.bytes, i.first, i.last))
                .toList();
    }

    /** The most bytes that values of each category take at one time, by what they hold (not by alignment). */
    public Map<MemoryCategory, Long> peakByCategory() {
        int tasks = intervals.stream().mapToInt(interval -> interval.last).max().orElse(-1) + 1;
        Map<MemoryCategory, Long> peak = new EnumMap<>(MemoryCategory.class);
        for (MemoryCategory category : MemoryCategory.values()) {
            long[] change = new long[tasks + 1];
            for (Interval interval : intervals) {
                if (interval.value.category() == category) {
                    change[interval.first] += interval.value.bytes();
                    change[interval.last + 1] -= interval.value.bytes();
                }
            }
            long now = 0;
            long most = 0;
            for (long delta : change) {
                now += delta;
                most = Math.max(most, now);
            }
            if (most > 0) {
                peak.put(category, most);
            }
        }
        return peak;
    }

    /** Values of one category with their bytes, in the order they are written. */
    public List<Value> ofCategory(MemoryCategory category) {
        return intervals.stream()
                .filter(interval -> interval.value.category() == category)
                .sorted(Comparator.comparingInt(interval -> interval.first))
                .map(interval -> interval.value)
                .toList();
    }
}
