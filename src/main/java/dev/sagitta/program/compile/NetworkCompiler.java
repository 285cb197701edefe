package dev.sagitta.program.compile;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Saved;
import dev.sagitta.graph.loss.Loss;
import dev.sagitta.graph.op.elementwise.Add;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.SavedStore;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Emits the passes of one computation over a graph.
 *
 * <pre>
 * gradient    forward                 loss    backward
 * Hv          forward | tangent       loss    backward | tangentBackward
 * Gv          forward | tangent       loss               tangentBackward
 * v'Hv        forward                 loss    backward (cotangents only), then tangent | curvature
 * v'Gv        forward | tangent       loss
 * </pre>
 *
 * "a | b" run node by node together, so that each primal value is read while it is there: tangents see the exact activations, and only
 * what a later pass needs is kept.
 */
public final class NetworkCompiler {
    private final Graph graph;
    private final ProgramOptions options;
    private final ProgramValues program;
    private final Computation computation;
    private final Schedule e;
    private final Map<Node, Value> outputs = new IdentityHashMap<>();
    private final Map<Node, Value> tangents = new IdentityHashMap<>();
    private final Map<Node, SavedStore.Kept> kept = new IdentityHashMap<>();
    private final Map<Value, SavedStore.Kept> keptByValue = new IdentityHashMap<>();
    private final Map<Node, List<Value>> cotangents = new IdentityHashMap<>();
    private final Map<Node, List<Value>> cotangentTangents = new IdentityHashMap<>();
    private final Map<Node, Boolean> trained = new IdentityHashMap<>();
    private long maskBytes;
    private final Set<String> written = new HashSet<>();
    /** Roots of what forward passes of ops wrote, and stand-ins for it: nothing that a later pass may read unless it was kept. */
    private final Set<Value> forwardOnly = Collections.newSetFromMap(new IdentityHashMap<>());

    public NetworkCompiler(
            Graph graph, ProgramOptions options, ProgramValues program, Computation computation, Schedule e) {
        this.graph = graph;
        this.options = options;
        this.program = program;
        this.computation = computation;
        this.e = e;
        for (Node node : graph.nodes()) {
            boolean below = node.inputs().stream().anyMatch(trained::get);
            trained.put(
                    node, below || (!node.isInput() && !node.op().parameters().isEmpty()));
        }
    }

    /** Of all sign masks that are kept. */
    public long maskBytes() {
        return maskBytes;
    }

    public void compile() {
        boolean lockstep = computation.usesProbes() && computation != Computation.HESSIAN_QUADRATIC;
        forward(lockstep);
        Loss.LossContext loss = lossContext();
        e.emitter("loss", value -> false);
        switch (computation) {
            case PREDICT -> copy("output", outputs.get(graph.output()), program.output());
            case EVALUATE -> graph.loss().metrics(e, loss, program.metrics());
            case GRADIENT -> {
                seedCotangent(loss);
                backward(true, false);
            }
            case HESSIAN_VECTOR -> {
                seedCotangent(loss);
                seedCotangentTangent(loss);
                backward(true, true);
            }
            case GAUSS_NEWTON_VECTOR -> {
                seedCotangentTangent(loss);
                backward(false, true);
            }
            case HESSIAN_QUADRATIC -> {
                seedCotangent(loss);
                backward(true, false);
                curvaturePass(loss);
            }
            case GAUSS_NEWTON_QUADRATIC ->
                graph.loss().quadratic(e, loss, tangents.get(graph.output()), program.quadratic());
        }
    }

    // ---- forward ----

    private void forward(boolean withTangents) {
        outputs.put(graph.input(), program.input());
        for (Node node : graph.nodes()) {
            if (node.isInput()) {
                continue;
            }
            Value mask = null;
            if (node.op().saved() == Saved.SIGN_MASK) {
                Shape words = Shape.of((exactInput(node).elements() + 31) / 32);
                mask = e.value(node.name() + ".mask", DType.U32, words, MemoryCategory.WORKSPACE);
            }
            int before = e.tasks().size();
            e.emitter(layer(node), value -> false);
            List<Value> inputs = node.inputs().stream().map(outputs::get).toList();
            outputs.put(node, node.op().forward(e, context(node, inputs, mask, null, null)));
            for (Schedule.Task task : e.tasks().subList(before, e.tasks().size())) {
                task.writes().forEach(value -> forwardOnly.add(value.root()));
            }
            keep(node, mask);
            if (withTangents) {
                Value primal =
                        switch (node.op().saved()) {
                            case NOTHING -> null;
                            case INPUT -> exactInput(node);
                            case SIGN_MASK -> mask;
                        };
                tangents.put(node, node.op().tangent(e, laterContext(node, primal, null, null)));
            }
        }
    }

    private static String layer(Node node) {
        return "layer '" + node.name() + "' (" + node.op().type() + ")";
    }

    private Value exactInput(Node node) {
        return outputs.get(node.inputs().get(0));
    }

    private void keep(Node node, Value mask) {
        // of several inputs any one may be what is trained
        if (!computation.keepsActivations() || !trained.get(node)) {
            return;
        }
        if (node.op().saved() == Saved.SIGN_MASK) {
            mask.markSaved();
            maskBytes += mask.bytes();
            kept.put(node, emitter -> mask);
        } else if (node.op().saved() == Saved.INPUT) {
            Value input = exactInput(node);
            if (input.isPersistent()) {
                // the network's own input stays in memory anyway
                kept.put(node, emitter -> input);
            } else {
                // a value that several ops read is kept once
                kept.put(node, keptByValue.computeIfAbsent(input.root(), root -> {
                    SavedStore.SavedTensor tensor = new SavedStore.SavedTensor(
                            node.name(),
                            node.op().isLinearInSaved(),
                            2 * node.index() + 1,
                            program.random(),
                            options.batch(),
                            input.elements());
                    return options.store().keep(e, tensor, input);
                }));
            }
        }
    }

    // ---- loss ----

    private Loss.LossContext lossContext() {
        return new Loss.LossContext(
                options.batch(),
                options.probes(),
                graph.output().shape(),
                outputs.get(graph.output()),
                program.target());
    }

    private void seedCotangent(Loss.LossContext loss) {
        Value cotangent = e.value("loss.cotangent", DType.F32, loss.output().shape(), MemoryCategory.WORKSPACE);
        graph.loss().forward(e, loss, program.loss(), cotangent);
        contribute(cotangents, graph.output(), cotangent);
    }

    private void seedCotangentTangent(Loss.LossContext loss) {
        Value tangent = tangents.get(graph.output());
        Value out = e.value("loss.cotangent.tangent", DType.F32, tangent.shape(), MemoryCategory.TANGENTS);
        graph.loss().hessianVector(e, loss, tangent, out);
        contribute(cotangentTangents, graph.output(), out);
    }

    // ---- backward ----

    private void backward(boolean primal, boolean probes) {
        List<Node> reversed = new ArrayList<>(graph.nodes());
        Collections.reverse(reversed);
        for (Node node : reversed) {
            if (node.isInput() || !trained.get(node)) {
                continue;
            }
            e.emitter(layer(node), value -> false);
            Value dy = primal ? sum(cotangents, node, false) : null;
            Value dyt = probes ? sum(cotangentTangents, node, true) : null;
            if (dy == null && dyt == null) {
                continue; // feeds nothing that the loss sees
            }
            SavedStore.Kept saved = kept.get(node);
            Value restored = saved == null ? null : saved.restore(e);
            OpContext context = laterContext(node, restored, dy, dyt);
            // tangents first: they read what the gradients of this node read, while it is in the cache
            Value[] dxt = probes ? node.op().tangentBackward(e, context) : null;
            Value[] dx = primal ? node.op().backward(e, context) : null;
            if (saved != null && computation == Computation.GRADIENT) {
                saved.observe(e, context);
            }
            for (int i = 0; i < node.inputs().size(); i++) {
                contribute(cotangents, node.inputs().get(i), dx == null ? null : dx[i]);
                contribute(cotangentTangents, node.inputs().get(i), dxt == null ? null : dxt[i]);
            }
            node.op().parameters().forEach(parameter -> written.add(parameter.name()));
        }
    }

    private static void contribute(Map<Node, List<Value>> to, Node node, Value value) {
        if (value != null) {
            to.computeIfAbsent(node, key -> new ArrayList<>()).add(value);
        }
    }

    /** The cotangent of a node that feeds several: the sum of what they sent back. */
    private Value sum(Map<Node, List<Value>> contributions, Node node, boolean ofTangents) {
        List<Value> list = contributions.get(node);
        if (list == null) {
            return null;
        }
        Value total = list.get(0);
        for (Value next : list.subList(1, list.size())) {
            MemoryCategory category = ofTangents ? MemoryCategory.TANGENTS : MemoryCategory.WORKSPACE;
            Value out = e.value(node.name() + ".cotangent.sum", DType.F32, total.shape(), category);
            total = Add.sum(e, out.name(), total, next, out);
        }
        contributions.put(node, List.of(total));
        return total;
    }

    // ---- v'Hv: tangents forward against the cotangents of one backward pass ----

    private void curvaturePass(Loss.LossContext loss) {
        Value total = null;
        for (Node node : graph.nodes()) {
            if (node.isInput()) {
                continue;
            }
            e.emitter(layer(node), value -> false);
            SavedStore.Kept saved = kept.get(node);
            Value restored = saved == null ? null : saved.restore(e);
            OpContext context = laterContext(node, restored, sum(cotangents, node, false), null);
            tangents.put(node, node.op().tangent(e, context));
            if (context.cotangent() != null && node.op().curvature(e, context)) {
                total = plus(total, context.curvatureSlot());
            }
        }
        e.emitter("loss", value -> false);
        Value last = newSlot();
        int before = e.tasks().size();
        graph.loss().quadratic(e, loss, tangents.get(graph.output()), last);
        for (Schedule.Task task : e.tasks().subList(before, e.tasks().size())) {
            // the output, if the loss reads it once more: it was kept that long
            task.reads().stream()
                    .filter(value -> forwardOnly.contains(value.root()))
                    .forEach(Value::markSaved);
        }
        copy("curvature", plus(total, last), program.quadratic());
    }

    private Value plus(Value total, Value term) {
        return total == null ? term : Add.sum(e, "curvature.sum", total, term, newSlot());
    }

    /** K numbers of one node. */
    private Value newSlot() {
        return e.value("curvature.slot", DType.F32, Shape.of(options.probes()), MemoryCategory.TANGENTS);
    }

    private void copy(String label, Value from, Value to) {
        e.emit(label, values(from), values(to), t -> Arithmetic.scale(1, t.tensor(from), t.tensor(to)));
    }

    // ---- contexts ----

    /**
     * The context of every mode but forward: stand-ins for the inputs, which have a shape and nothing else, and no leave to read what a
     * forward pass wrote besides the kept value. Otherwise an op could hold activations that no policy compresses and no figure counts.
     */
    private OpContext laterContext(Node node, Value saved, Value dy, Value dyt) {
        List<Value> inputs =
                node.inputs().stream().map(outputs::get).map(this::standIn).toList();
        Value readable = saved == null ? null : saved.root();
        e.emitter(layer(node), value -> value.root() != readable && forwardOnly.contains(value.root()));
        return context(node, inputs, saved, dy, dyt);
    }

    private Value standIn(Value input) {
        if (input.isPersistent()) {
            return input;
        }
        Value shape = e.value(input.name(), input.dtype(), input.shape(), input.category());
        forwardOnly.add(shape);
        return shape;
    }

    private OpContext context(Node node, List<Value> inputs, Value saved, Value dy, Value dyt) {
        boolean gradients = computation == Computation.GRADIENT;
        boolean products = computation == Computation.HESSIAN_VECTOR || computation == Computation.GAUSS_NEWTON_VECTOR;
        boolean curvature = computation == Computation.HESSIAN_QUADRATIC;
        Function<Parameter, Value> none = parameter -> null;
        return new OpContext(
                node.name(),
                options.batch(),
                options.probes(),
                options.training(),
                node.shape(),
                inputs,
                saved,
                program::parameter,
                Arrays.asList(node.inputs().stream().map(tangents::get).toArray(Value[]::new)),
                computation.usesProbes() ? program::vector : none,
                dy,
                dyt,
                node.inputs().stream().map(trained::get).toList(),
                gradients ? program::gradient : none,
                products ? program::product : none,
                parameter -> written.contains(parameter.name()),
                curvature && dy != null ? newSlot() : null,
                program.random(),
                2 * node.index());
    }
}
