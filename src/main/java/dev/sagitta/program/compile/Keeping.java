package dev.sagitta.program.compile;

import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.RandomNames;
import dev.sagitta.graph.pass.Kept;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.program.Computation;
import dev.sagitta.program.SavedStore;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Carries out a {@link KeepPlan} in one schedule: packs each value after its last reader of the forward pass, brings it back where it is read. */
final class Keeping {
    private final Flow flow;
    private final KeepPlan plan;
    private final boolean withTangents;
    private final Map<KeptValue, SavedStore.Kept> stored = new IdentityHashMap<>();
    private final Map<KeptValue, SavedStore.Kept> storedTangents = new IdentityHashMap<>();
    private final Map<KeptValue, Value> made = new IdentityHashMap<>();
    private final Map<KeptValue, Value> madeTangents = new IdentityHashMap<>();
    /** The copies that this pass has unpacked, by the run of readers they serve. */
    private final Map<List<Node>, Value> restored = new IdentityHashMap<>();

    private final Map<List<Node>, Value> restoredTangents = new IdentityHashMap<>();

    /** @param withTangents whether tangentBackward will read tangents of what is kept */
    Keeping(Flow flow, KeepPlan plan, boolean withTangents) {
        this.flow = flow;
        this.plan = plan;
        this.withTangents = withTangents;
    }

    List<KeptValue> plan() {
        return plan.values();
    }

    KeptValue of(Node node, Keep keep) {
        return plan.of(node, keep);
    }

    /** A value of an op's own, as its forward pass asked for it. */
    void made(KeptValue kept, Value value) {
        value.markSaved();
        made.put(kept, value);
    }

    /** The tangents of a value of an op's own, where tangentBackward may read them. */
    void madeTangent(Node node, Keep keep, Value value) {
        KeptValue kept = plan.of(node, keep);
        if (withTangents && kept != null) {
            madeTangents.put(kept, value);
        }
    }

    long maskBytes() {
        return made.entrySet().stream()
                .filter(entry -> entry.getKey().source() == Keep.Source.BITS)
                .mapToLong(entry -> entry.getValue().bytes())
                .sum();
    }

    /** Packs what no forward pass behind this node reads. */
    void after(Node node) {
        for (KeptValue kept : plan.values()) {
            if (kept.packedAfter() == node.index() && kept.wire() != null && !kept.free()) {
                flow.schedule.emitter("layer '" + kept.name() + "', kept", value -> false);
                stored.put(kept, store(kept, flow.values.get(kept.wire()), false));
                Value tangent = withTangents ? flow.tangents.get(kept.wire()) : null;
                if (tangent != null) {
                    storedTangents.put(kept, store(kept, tangent, true));
                }
            }
        }
    }

    private SavedStore.Kept store(KeptValue kept, Value value, boolean tangent) {
        SavedStore store = kept.exact() ? SavedStore.EXACT : flow.options.store();
        RandomNames.Use use = tangent ? RandomNames.Use.KEPT_TANGENT : RandomNames.Use.KEPT;
        int copies = tangent ? flow.options.probes() : 1;
        return store.keep(
                flow.schedule,
                new SavedStore.SavedTensor(
                        kept.name(),
                        tangent,
                        flow.computation == Computation.MEASURED_GRADIENT,
                        kept.linear(),
                        RandomNames.stream(use, kept.name()),
                        flow.program.random(),
                        (long) copies * flow.options.batch(),
                        value.elements()),
                value);
    }

    /** A new pass unpacks anew. */
    void nextPass() {
        restored.clear();
        restoredTangents.clear();
    }

    /**
     * What a later pass reads.
     *
     * @param readable told the roots that the node may read
     * @param tangents whether the pass may read tangents of it
     */
    Kept read(Node node, Keep keep, Set<Value> readable, boolean tangents) {
        KeptValue kept = plan.of(node, keep);
        if (kept == null) {
            throw new IllegalStateException(node.layer() + " reads '" + keep
                    + "', which is kept only where its condition holds: declare when it is needed");
        }
        return new Kept() {
            @Override
            public Value value() {
                Value value = kept.wire() == null
                        ? made.get(kept)
                        : kept.free() ? flow.values.get(kept.wire()) : restore(kept, node, stored, restored);
                readable.add(value.root());
                return keep.isMade() ? value : value.view(flow.shape(KeepPlan.wire(node, keep), false));
            }

            @Override
            public Codes codes() {
                SavedStore.Kept store = stored.get(kept);
                return store == null ? null : store.codes();
            }

            @Override
            public Value tangent() {
                if (!tangents) {
                    return Kept.super.tangent();
                }
                if (keep.isMade()) {
                    return madeTangents.get(kept);
                }
                if (kept.free()) {
                    return flow.tangents.get(kept.wire());
                }
                // none in Gauss-Newton products, which need none
                if (!storedTangents.containsKey(kept)) {
                    return null;
                }
                Value value = restore(kept, node, storedTangents, restoredTangents);
                readable.add(value.root());
                return value.view(flow.shape(KeepPlan.wire(node, keep), true));
            }
        };
    }

    private Value restore(
            KeptValue kept, Node node, Map<KeptValue, SavedStore.Kept> from, Map<List<Node>, Value> copies) {
        for (List<Node> run : kept.runs()) {
            if (run.contains(node)) {
                Value value = copies.get(run);
                if (value == null) {
                    value = from.get(kept).restore(flow.schedule);
                    copies.put(run, value);
                }
                return value;
            }
        }
        throw new IllegalStateException(node.layer() + " is no reader of " + kept.name());
    }

    /** Of a forward pass that tangents run beside: the exact values. */
    Kept exact(Node node, Keep keep, Map<String, Value> ofItsOwn, Set<Value> readable) {
        Value value = keep.isMade() ? ofItsOwn.get(keep.name()) : flow.values.get(KeepPlan.wire(node, keep));
        readable.add(value.root());
        return () -> value;
    }

    /** What a policy measures where a reader's cotangents are known. */
    void observe(Node node) {
        Set<KeptValue> read = new LinkedHashSet<>();
        for (Keep keep : node.op().keeps()) {
            read.add(plan.of(node, keep));
        }
        for (KeptValue kept : read) {
            SavedStore.Kept store = stored.get(kept);
            for (int i = 0; store != null && i < node.outputs().size(); i++) {
                Value cotangent = node.op().readsKept(i) ? flow.cotangents.sum(node.out(i)) : null;
                if (cotangent != null) {
                    store.observe(flow.schedule, node.out(i).name(), cotangent);
                }
            }
        }
    }

    /** What was kept, in the order of the network: for policies and reports. */
    List<SavedStore.SavedTensor> saved() {
        List<SavedStore.SavedTensor> all = new ArrayList<>();
        for (KeptValue kept : plan.values()) {
            if (stored.containsKey(kept) && kept.isCompressible()) {
                Value value = flow.values.get(kept.wire());
                all.add(new SavedStore.SavedTensor(
                        kept.name(),
                        false,
                        false,
                        kept.linear(),
                        0,
                        flow.program.random(),
                        flow.options.batch(),
                        value.elements()));
            }
        }
        return all;
    }
}
