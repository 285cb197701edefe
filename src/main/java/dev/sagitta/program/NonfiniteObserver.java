package dev.sagitta.program;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.reduce.AnyNonfinite;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds the first layer whose output holds an infinity or a NaN. */
public final class NonfiniteObserver implements Observer {
    private final List<Wire> wires = new ArrayList<>();

    /**
     * Where values stopped being finite.
     *
     * @param layer whose output it is
     * @param index of the first such element of [B, ...]
     */
    public record Found(String layer, long index) {}

    private static String flag(Wire wire) {
        return "nonfinite." + wire.name();
    }

    private static String index(Wire wire) {
        return "nonfinite.index." + wire.name();
    }

    @Override
    public void value(Emitter e, Wire wire, Value value) {
        if (wire.dtype() != DType.F32) {
            return;
        }
        if (!wires.contains(wire)) {
            wires.add(wire);
        }
        Value flag = e.persistent(flag(wire), DType.I32, Shape.of(1), MemoryCategory.WORKSPACE);
        Value index = e.persistent(index(wire), DType.I64, Shape.of(1), MemoryCategory.WORKSPACE);
        Value flat = value.view(value.elements());
        Value partials = e.value(
                flag.name() + ".partials",
                DType.F32,
                AnyNonfinite.partials(e.device(), value.elements()),
                MemoryCategory.WORKSPACE);
        e.emit(
                flag.name(),
                values(value),
                values(flag, index, partials),
                t -> new AnyNonfinite(t.tensor(flat), t.tensor(flag), t.tensor(index), t.tensor(partials)));
    }

    /** The first one in the order of the network that the last run found. Waits for the stream. */
    public Optional<Found> first(Program program) {
        for (Wire wire : wires) {
            if (program.tensor(flag(wire)).downloadInts(program.stream())[0] != 0) {
                Tensor index = program.tensor(index(wire));
                return Optional.of(new Found(
                        wire.node().layer(), index.download(program.stream()).getLong(0)));
            }
        }
        return Optional.empty();
    }
}
