package dev.sagitta.program;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Mean, deviation and largest element of what each layer gives. What a layer gives for left out labels counts too. */
public final class StatisticsObserver implements Observer {
    private static final List<Reduce.Operation> OPERATIONS =
            List.of(Reduce.Operation.SUM, Reduce.Operation.SUM_OF_SQUARES, Reduce.Operation.MAX);

    /** By name: the two programs of a data set show the same ones. */
    private final Map<String, Wire> wires = new LinkedHashMap<>();

    /**
     * Of all elements of a layer's output, for all rows. NaN where one of them is.
     *
     * @param wire what the layer gives: its name, with {@code .OUTPUT} behind it where it gives several
     * @param deviation standard deviation, of the elements themselves
     */
    public record Statistics(String wire, double mean, double deviation, double largest) {}

    private static String result(Reduce.Operation operation, String wire) {
        return "statistics." + operation + "." + wire;
    }

    @Override
    public void value(Emitter e, Wire wire, Value value) {
        if (wire.dtype() != DType.F32) {
            return;
        }
        wires.put(wire.name(), wire);
        Value flat = value.view(value.elements());
        for (Reduce.Operation operation : OPERATIONS) {
            String name = result(operation, wire.name());
            Value out = e.persistent(name, DType.F32, Shape.of(1), MemoryCategory.WORKSPACE);
            Shape shape = Reduce.partials(e.device(), 1, value.elements());
            Value partials = e.value(name + ".partials", DType.F32, shape, MemoryCategory.WORKSPACE);
            e.emit(
                    name,
                    values(value),
                    values(out, partials),
                    t -> Reduce.of(operation, t.tensor(flat), t.tensor(out), t.tensor(partials)));
        }
    }

    private List<Tensor> results(Program program) {
        List<Tensor> all = new ArrayList<>();
        for (String wire : wires.keySet()) {
            OPERATIONS.forEach(operation -> all.add(program.tensor(result(operation, wire))));
        }
        return all;
    }

    /**
     * Of a data set, in the order of the network.
     *
     * @param batches compiled for {@link Computation#EVALUATE} with this observer
     */
    public List<Statistics> of(Batches batches) {
        float[][] parts = batches.each(Computation.EVALUATE, this::results);
        List<Statistics> all = new ArrayList<>();
        for (Wire wire : wires.values()) {
            int at = OPERATIONS.size() * all.size();
            double sum = 0;
            double squares = 0;
            double largest = Double.NEGATIVE_INFINITY;
            for (float[] part : parts) {
                sum += part[at];
                squares += part[at + 1];
                // a NaN is larger than any number
                largest = Math.max(largest, part[at + 2]);
            }
            double n = (double) batches.totalRows() * wire.shape().elements();
            double mean = sum / n;
            all.add(new Statistics(wire.name(), mean, Math.sqrt(Math.max(0, squares / n - mean * mean)), largest));
        }
        return all;
    }
}
