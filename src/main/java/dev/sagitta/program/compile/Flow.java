package dev.sagitta.program.compile;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.SavedStore;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the passes of one computation hand to each other: the values on wires, and the cotangents that come back. */
final class Flow {
    final Graph graph;
    final ProgramOptions options;
    final ProgramValues program;
    final Computation computation;
    final Schedule schedule;
    final Trained trained;
    final Keeping keeping;
    final Map<Wire, Value> values = new HashMap<>();
    final Map<Wire, Value> tangents = new HashMap<>();
    final Contributions cotangents = new Contributions(false);
    final Contributions cotangentTangents = new Contributions(true);
    /** Parameters whose gradient an earlier task wrote. */
    final Set<String> written;
    /** Roots of what forward passes wrote: nothing that a later pass may read unless it was kept. */
    final Set<Value> forwardOnly = Collections.newSetFromMap(new IdentityHashMap<>());

    Flow(Graph graph, ProgramOptions options, ProgramValues program, Computation computation, Schedule schedule) {
        this(graph, options, program, computation, schedule, new Trained(graph, false), new HashSet<>());
    }

    private Flow(
            Graph graph,
            ProgramOptions options,
            ProgramValues program,
            Computation computation,
            Schedule schedule,
            Trained trained,
            Set<String> written) {
        this.graph = graph;
        this.options = options;
        this.program = program;
        this.computation = computation;
        this.schedule = schedule;
        this.trained = trained;
        this.written = written;
        KeepPlan plan = KeepPlan.of(graph, trained, computation, options.training());
        // a caller may count steps whether or not anything is drawn
        program.random();
        this.keeping = new Keeping(this, plan, computation == Computation.HESSIAN_VECTOR);
    }

    /**
     * Of some rows that a graph of one row goes over, within the same computation: nothing of theirs is packed, and gradients are added to those that are
     * there.
     *
     * @param inputTrained whether its input has tangents, and use for cotangents
     */
    Flow ofRows(Graph ofOne, int count, boolean inputTrained) {
        ProgramOptions inside = options.batch(count).store(SavedStore.EXACT);
        return new Flow(ofOne, inside, program, computation, schedule, new Trained(ofOne, inputTrained), written);
    }

    /** [B, ...], or [K, B, ...] of tangents. */
    Shape shape(Wire wire, boolean tangents) {
        Shape shape = wire.shape().prepend(options.batch());
        return tangents ? shape.prepend(options.probes()) : shape;
    }

    /** What comes back to wires: where an output feeds several nodes, the sum of what they sent. */
    final class Contributions {
        private final Map<Wire, List<Value>> sent = new HashMap<>();
        private final boolean tangents;

        Contributions(boolean tangents) {
            this.tangents = tangents;
        }

        void send(Wire wire, Value value) {
            sent.computeIfAbsent(wire, key -> new ArrayList<>()).add(value);
        }

        /** Null if nothing came back. */
        Value sum(Wire wire) {
            List<Value> list = sent.get(wire);
            if (list == null) {
                return null;
            }
            Value total = list.get(0);
            for (Value next : list.subList(1, list.size())) {
                MemoryCategory category = tangents ? MemoryCategory.TANGENTS : MemoryCategory.WORKSPACE;
                Value out = schedule.value(wire.name() + ".cotangent.sum", total.dtype(), total.shape(), category);
                total = Sums.add(schedule, out.name(), total, next, out);
            }
            sent.put(wire, List.of(total));
            return total;
        }

        boolean any(Node node) {
            for (int i = 0; i < node.outputs().size(); i++) {
                if (sent.containsKey(node.out(i))) {
                    return true;
                }
            }
            return false;
        }
    }
}
