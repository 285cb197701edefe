package dev.sagitta.program;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.graph.rewrite.Rewrites;
import dev.sagitta.program.compile.KeptValue;
import dev.sagitta.program.compile.MemoryPlan;
import dev.sagitta.program.compile.Schedule;
import java.util.List;
import java.util.Map;

/**
 * How one computation was compiled, for people: nothing here decides anything.
 *
 * @param rewrites patterns that were found, replaced or left with the reason
 * @param kept what later passes read of the forward one
 * @param memory the arena's plan, in the order values are written
 * @param tasks in the order they run
 * @param arenaBytes of all values that live within a run
 * @param peak bytes of those by what they are, at the task that needs most
 */
public record Explanation(
        List<Rewrites.Outcome> rewrites,
        List<Kept> kept,
        List<Place> memory,
        List<Task> tasks,
        long arenaBytes,
        Map<MemoryCategory, Long> peak) {

    /**
     * A value that is kept.
     *
     * @param name of the wire that gives it, or what an op made
     * @param readers layers that read it later
     * @param bits by element as it is stored
     * @param bytes it takes, 0 for memory that stays anyway
     * @param linear whether all of its readers are linear in it
     */
    public record Kept(String name, List<String> readers, double bits, long bytes, boolean linear) {}

    /**
     * A value of the arena.
     *
     * @param offset in bytes
     * @param bytes with those that align it
     * @param first task that needs it, counted from 0: others may lie in the same bytes before and after
     * @param last task that needs it
     */
    public record Place(String name, MemoryCategory category, long offset, long bytes, int first, int last) {}

    /**
     * A launch, or a few that belong together.
     *
     * @param who layer or loss
     */
    public record Task(String who, String label, List<String> reads, List<String> writes, long bytes) {}

    Explanation(
            List<Rewrites.Outcome> rewrites,
            List<KeptValue> kept,
            List<SavedStore.SavedTensor> saved,
            Schedule schedule,
            MemoryPlan plan) {
        this(
                rewrites,
                kept.stream().map(value -> kept(value, saved, plan)).toList(),
                plan.places().stream().map(Explanation::place).toList(),
                schedule.tasks().stream().map(Explanation::task).toList(),
                plan.arenaBytes(),
                plan.peakByCategory());
    }

    private static Kept kept(KeptValue value, List<SavedStore.SavedTensor> saved, MemoryPlan plan) {
        long elements = saved.stream()
                .filter(tensor -> tensor.name().equals(value.name()))
                .mapToLong(SavedStore.SavedTensor::elements)
                .sum();
        long bytes = 0;
        for (Value stored : plan.ofCategory(MemoryCategory.SAVED_ACTIVATIONS)) {
            boolean isIt = stored.name().equals(value.name())
                    || stored.name().equals(value.name() + ".codes")
                    || stored.name().equals(value.name() + ".grid");
            bytes += isIt ? stored.bytes() : 0;
        }
        List<String> readers = value.readers().stream().map(Node::name).toList();
        return new Kept(value.name(), readers, bits(value, elements, bytes), bytes, value.linear());
    }

    private static double bits(KeptValue value, long elements, long bytes) {
        if (value.source() == Keep.Source.BITS) {
            return 1;
        }
        // exact, free or an op's own: all kept as they are, in elements of 4 bytes
        return elements == 0 ? Float.SIZE : 8.0 * bytes / elements;
    }

    private static Place place(MemoryPlan.Place place) {
        Value value = place.value();
        return new Place(value.name(), value.category(), place.offset(), place.bytes(), place.first(), place.last());
    }

    private static Task task(Schedule.Task task) {
        long bytes = 0;
        for (List<Value> values : List.of(task.reads(), task.writes())) {
            bytes += values.stream().mapToLong(Value::bytes).sum();
        }
        return new Task(
                task.emitter(),
                task.label(),
                task.reads().stream().map(Value::name).toList(),
                task.writes().stream().map(Value::name).toList(),
                bytes);
    }
}
