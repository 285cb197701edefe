package dev.sagitta.graph.op.attention;

import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.attention.AttentionProblem;
import dev.sagitta.kernel.rotary.Rotary;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * Queries and keys of one mode as its kernels see them: as they are, or, with rotary positions, turned into scratch memory of their own, from where gradients are turned
 * back. All of a mode is one task, so what is packed in one value is written by one.
 */
final class Turned {
    private final Pass pass;
    private final RotaryPositions rotary;
    private final AttentionProblem problem;
    private final Value q;
    private final Value k;
    private final Value v;
    private final Value lengths;
    private final Value slopes;
    private final Value random;
    /** Of angles; null for none. */
    private final Value table;

    private final Value tableOfQueries;

    Turned(
            Pass pass,
            RotaryPositions rotary,
            AttentionProblem problem,
            Value q,
            Value k,
            Value v,
            Value lengths,
            Value slopes,
            Value random) {
        this.pass = pass;
        this.rotary = rotary;
        this.problem = problem;
        this.q = q;
        this.k = k;
        this.v = v;
        this.lengths = lengths;
        this.slopes = slopes;
        this.random = random;
        // queries end where keys do; where there are more queries than keys, both begin at 0
        this.table = rotary == null ? null : angles(problem.s());
        this.tableOfQueries = rotary == null ? null : angles(first() + problem.t());
    }

    private int first() {
        return Math.max(0, problem.s() - problem.t());
    }

    private Value angles(int places) {
        String name = "angles of " + places + " places, heads of " + problem.d() + ", " + rotary;
        return pass.emitter().constant(name, rotary.table(places, rotary.dims(problem.d())));
    }

    /** As inputs lie. */
    AttentionProblem problem() {
        return problem;
    }

    /** As the kernels see queries, keys and values. */
    AttentionProblem inner() {
        return rotary == null ? problem : problem.turned();
    }

    // ---- values of the task ----

    List<Value> reads(Value... more) {
        List<Value> all = new ArrayList<>(Arrays.asList(q, k, v, lengths, slopes, random, table, tableOfQueries));
        all.addAll(Arrays.asList(more));
        return distinct(all);
    }

    List<Value> writes(Value[] turned, Value... more) {
        List<Value> all = new ArrayList<>(Arrays.asList(more));
        if (rotary != null) {
            all.addAll(Arrays.asList(turned));
        }
        return distinct(all);
    }

    private static List<Value> distinct(List<Value> values) {
        return values.stream().filter(Objects::nonNull).distinct().toList();
    }

    private Value scratch(String what, boolean keys, int copies) {
        long rows = (long) problem.batch() * (keys ? problem.s() : problem.t());
        long width = (long) (keys ? problem.kvHeads() : problem.heads()) * problem.d();
        return pass.scratch(what, Shape.of(copies, rows, width));
    }

    /** Queries and keys as the kernels read them. */
    Value[] operands(String suffix) {
        return rotary == null
                ? new Value[] {q, k}
                : new Value[] {scratch("queries" + suffix, false, 1), scratch("keys" + suffix, true, 1)};
    }

    // ---- launches ----

    private Preparable turn(Emitter.Binder t, Value from, Value to, boolean keys, boolean inverse) {
        Rotary.Place packed = keys
                ? new Rotary.Place(problem.kFrom(), problem.kRow())
                : new Rotary.Place(problem.qFrom(), problem.qRow());
        int heads = keys ? problem.kvHeads() : problem.heads();
        Rotary.Place alone = new Rotary.Place(0, (long) heads * problem.d());
        return new Rotary.Turn(
                t.tensor(from),
                inverse ? alone : packed,
                t.tensor(keys ? table : tableOfQueries),
                t.tensor(to),
                inverse ? packed : alone,
                keys ? problem.s() : problem.t(),
                heads,
                problem.d(),
                rotary.dims(problem.d()),
                rotary.interleaved(),
                keys ? 0 : first(),
                inverse);
    }

    /** Queries and keys turned, then the work over them. */
    Preparable sequence(
            Emitter.Binder t, Value[] turned, Function<AttentionProblem.Inputs, ? extends Preparable> work) {
        AttentionProblem.Inputs inputs = new AttentionProblem.Inputs(
                t.tensor(turned[0]),
                t.tensor(turned[1]),
                t.tensor(v),
                t.tensor(lengths),
                t.tensor(slopes),
                t.tensor(random));
        Preparable last = work.apply(inputs);
        return rotary == null
                ? last
                : Preparable.sequence(turn(t, q, turned[0], false, false), turn(t, k, turned[1], true, false), last);
    }

    private static Preparable sequence(List<Preparable> steps) {
        return Preparable.sequence(steps.toArray(Preparable[]::new));
    }

    /** Tangents of queries and keys: {@code qt} and {@code kt} are what the kernels read. */
    Tangents tangents(Value fromQ, Value fromK, Value vt, int copies, String suffix) {
        boolean as = rotary == null;
        Value qt = as || fromQ == null ? fromQ : scratch("queries" + suffix + ".turned", false, copies);
        Value kt = as || fromK == null ? fromK : scratch("keys" + suffix + ".turned", true, copies);
        return new Tangents(this, fromQ, fromK, qt, kt, vt);
    }

    record Tangents(Turned in, Value fromQ, Value fromK, Value qt, Value kt, Value vt) {
        List<Value> writes(List<Value> more) {
            List<Value> all = new ArrayList<>(more);
            if (in.rotary != null) {
                all.add(qt);
                all.add(kt);
            }
            return distinct(all);
        }

        Preparable turn(Emitter.Binder t) {
            List<Preparable> steps = new ArrayList<>();
            if (in.rotary != null && qt != null) {
                steps.add(in.turn(t, fromQ, qt, false, false));
            }
            if (in.rotary != null && kt != null) {
                steps.add(in.turn(t, fromK, kt, true, false));
            }
            return sequence(steps);
        }
    }

    /** Where gradients go; null where none is wanted. */
    Gradients gradients(Backward b, boolean packed, int copies, String suffix) {
        Value toQ = b.cotangentOf(0);
        Value toK = packed ? toQ : b.cotangentOf(1);
        Value toV = packed ? toQ : b.cotangentOf(2);
        if (toQ == null && toK == null && toV == null) {
            return null;
        }
        boolean as = rotary == null;
        Value dq = as || toQ == null ? toQ : scratch("queries.cotangent" + suffix, false, copies);
        Value dk = as || toK == null ? toK : scratch("keys.cotangent" + suffix, true, copies);
        return new Gradients(this, toQ, toK, dq, dk, toV);
    }

    /** {@code dq}, {@code dk} and {@code dv} are what the kernels write. */
    record Gradients(Turned in, Value toQ, Value toK, Value dq, Value dk, Value dv) {
        List<Value> writes(List<Value> more) {
            List<Value> all = new ArrayList<>(Arrays.asList(toQ, toK, dq, dk, dv));
            all.addAll(more);
            return distinct(all);
        }

        Preparable back(Emitter.Binder t) {
            List<Preparable> steps = new ArrayList<>();
            if (in.rotary != null && dq != null) {
                steps.add(in.turn(t, dq, toQ, false, true));
            }
            if (in.rotary != null && dk != null) {
                steps.add(in.turn(t, dk, toK, true, true));
            }
            return sequence(steps);
        }
    }
}
