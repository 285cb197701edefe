package dev.sagitta.graph.op.attention;

import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.attention.AttentionProblem;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;

/** The modes of {@link Attention} that go backwards: gradients of queries, keys and values, and the tangents of those. */
record AttentionGradients(Attention op) {
    /**
     * o and the log-sum-exp as a backward pass reads them: what was kept, or, where queries, keys or values were kept in few bits, made again from those. The
     * softmax of scores with noise in them is one of sum 1 then; with the exact log-sum-exp it would not be, and trained scores are large enough to ruin it.
     */
    private record Primal(Value o, Value lse, boolean again) {
        Value[] made(Value... more) {
            Value[] all = Arrays.copyOf(more, more.length + 2);
            all[more.length] = again ? o : null;
            all[more.length + 1] = again ? lse : null;
            return all;
        }

        Value readO() {
            return again ? null : o;
        }

        Value readLse() {
            return again ? null : lse;
        }
    }

    private Primal primal(Backward b, Turned in, String suffix) {
        boolean again = b.kept(Attention.ALL).codes() != null
                || !op.packed()
                        && (b.kept(Attention.K).codes() != null
                                || b.kept(Attention.V).codes() != null);
        AttentionProblem p = in.problem();
        return again
                ? new Primal(
                        b.scratch("o.again" + suffix, Shape.of(p.batch(), p.t(), p.heads(), p.d())),
                        b.scratch("lse.again" + suffix, Attention.statistics(p)),
                        true)
                : new Primal(b.kept(Attention.O).value(), b.kept(Attention.LSE).value(), false);
    }

    private Preparable primal(Primal primal, Turned in, AttentionProblem.Inputs inputs, Emitter.Binder t) {
        return primal.again()
                ? op.served(new dev.sagitta.kernel.attention.Attention.Forward(
                        in.inner(), inputs, t.tensor(primal.o()), t.tensor(primal.lse())))
                : Preparable.sequence();
    }

    /** Of so many copies of a cotangent. */
    void of(Backward b, Value dO, int copies, String suffix) {
        Turned in = op.turned(b);
        Turned.Gradients to = in.gradients(b, op.packed(), copies, suffix);
        if (to == null) {
            return;
        }
        Primal primal = primal(b, in, suffix);
        Value delta =
                b.scratch("delta" + suffix, Attention.statistics(in.problem()).prepend(copies));
        Value[] turned = in.operands(suffix);
        AttentionProblem p = in.problem();
        b.emit(
                "input.cotangent" + suffix,
                in.reads(primal.readO(), primal.readLse(), dO),
                to.writes(in.writes(turned, primal.made(delta))),
                t -> Preparable.sequence(
                        in.sequence(
                                t,
                                turned,
                                inputs -> Preparable.sequence(
                                        primal(primal, in, inputs, t),
                                        new dev.sagitta.kernel.attention.Attention.Delta(
                                                p,
                                                copies,
                                                t.tensor(primal.o()),
                                                null,
                                                null,
                                                t.tensor(dO),
                                                t.tensor(delta)),
                                        op.served(new dev.sagitta.kernel.attention.Attention.Backward(
                                                in.inner(),
                                                copies,
                                                inputs,
                                                t.tensor(primal.lse()),
                                                t.tensor(delta),
                                                t.tensor(dO),
                                                t.tensor(to.dq()),
                                                t.tensor(to.dk()),
                                                t.tensor(to.dv()))))),
                        to.back(t)));
    }

    /** Tangents of what {@link #of} gives. */
    void tangents(TangentBackward b) {
        Value dO = b.cotangent(0);
        Value dOt = b.cotangentTangent(0);
        Value mu = dO == null ? null : b.kept(Attention.LSE).tangent();
        if (mu == null) { // Gauss-Newton, or inputs without tangents: what is left is linear in the cotangent's
            if (dOt != null) {
                of(b, dOt, b.probes(), ".tangent");
            }
            return;
        }
        Turned in = op.turned(b);
        int copies = b.probes();
        Turned.Gradients to = in.gradients(b, op.packed(), copies, ".tangent");
        if (to == null) {
            return;
        }
        Primal primal = primal(b, in, ".tangent");
        Value ot = b.kept(Attention.O).tangent();
        Value qt = b.kept(Attention.ALL).tangent();
        Value kt = op.packed() ? qt : b.kept(Attention.K).tangent();
        Value vt = op.packed() ? qt : b.kept(Attention.V).tangent();
        Value delta = b.scratch("delta.again", Attention.statistics(in.problem()));
        Value deltaT =
                b.scratch("delta.tangent", Attention.statistics(in.problem()).prepend(copies));
        Value[] turned = in.operands(".tangent");
        Turned.Tangents tangents = in.tangents(qt, kt, vt, copies, ".tangent.again");
        AttentionProblem p = in.problem();
        b.emit(
                "input.cotangent.tangent",
                in.reads(primal.readO(), ot, primal.readLse(), mu, dO, dOt, qt, kt, vt),
                to.writes(tangents.writes(in.writes(turned, primal.made(delta, deltaT)))),
                t -> Preparable.sequence(
                        tangents.turn(t),
                        in.sequence(
                                t,
                                turned,
                                inputs -> Preparable.sequence(
                                        primal(primal, in, inputs, t),
                                        new dev.sagitta.kernel.attention.Attention.Delta(
                                                p, 1, t.tensor(primal.o()), null, null, t.tensor(dO), t.tensor(delta)),
                                        new dev.sagitta.kernel.attention.Attention.Delta(
                                                p,
                                                copies,
                                                t.tensor(primal.o()),
                                                t.tensor(ot),
                                                t.tensor(dO),
                                                t.tensor(dOt),
                                                t.tensor(deltaT)),
                                        op.served(new dev.sagitta.kernel.attention.Attention.TangentBackward(
                                                in.inner(),
                                                copies,
                                                inputs,
                                                t.tensor(primal.lse()),
                                                t.tensor(mu),
                                                t.tensor(delta),
                                                t.tensor(deltaT),
                                                t.tensor(dO),
                                                t.tensor(tangents.qt()),
                                                t.tensor(tangents.kt()),
                                                t.tensor(tangents.vt()),
                                                t.tensor(dOt),
                                                t.tensor(to.dq()),
                                                t.tensor(to.dk()),
                                                t.tensor(to.dv()))))),
                        to.back(t)));
    }
}
