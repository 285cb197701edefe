package dev.sagitta.program;

import dev.sagitta.device.MemoryCategory;
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
 * @param tasks in the order they run
 * @param arenaBytes of all values that live within a run
 * @param peak bytes of those by what they are, at the task that needs most
 */
public record Explanation(
        List<Rewrites.Outcome> rewrites,
        List<Kept> kept,
        List<Task> tasks,
        long arenaBytes,
        Map<MemoryCategory, Long> peak) {

    /**
     * A value that is kept.
     *
     * @param name of the wire that gives it, or what an op made
     * @param readers layers that read it later
     * @param bits by element as it is stored; 32 where it is kept as it is
     * @param bytes it takes, 0 for memory that stays anyway
     * @param linear whether all of its readers are linear in it
     */
    public record Kept(String name, List<String> readers, double bits, long bytes, boolean linear) {}

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
        double bits = elements == 0 ? Float.SIZE : 8.0 * bytes / elements;
        return new Kept(value.name(), value.readers().stream().map(Node::name).toList(), bits, bytes, value.linear());
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
