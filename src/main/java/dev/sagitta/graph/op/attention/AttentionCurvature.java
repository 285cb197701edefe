package dev.sagitta.graph.op.attention;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.attention.AttentionProblem;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

/** {@link Attention}'s curvature. */
final class AttentionCurvature {
    private AttentionCurvature() {}

    static void of(Attention op, Curvature c) {
        Value qt = c.tangentIn(0);
        Value kt = op.packed() ? qt : c.tangentIn(1);
        Value vt = op.packed() ? qt : c.tangentIn(2);
        if (qt == null && kt == null) {
            return; // linear in values alone
        }
        Turned in = op.turned(c);
        AttentionProblem p = in.problem();
        Value o = c.kept(Attention.O).value();
        Value lse = c.kept(Attention.LSE).value();
        Value mu = c.kept(Attention.LSE).tangent();
        Value dO = c.cotangent(0);
        int copies = c.probes();
        Value delta = c.scratch("curvature.delta", Attention.statistics(p));
        Shape partials =
                dev.sagitta.kernel.attention.Attention.partials(c.emitter().device(), p, copies);
        Value partial =
                c.emitter().value(c.name() + ".curvature.partials", DType.F32, partials, MemoryCategory.WORKSPACE);
        Value[] turned = in.operands(".curvature");
        Turned.Tangents tangents = in.tangents(qt, kt, vt, copies, ".curvature");
        Value sum = c.sum();
        c.emit(
                "curvature",
                in.reads(o, lse, mu, dO, qt, kt, vt),
                tangents.writes(in.writes(turned, delta, partial, sum)),
                t -> Preparable.sequence(
                        tangents.turn(t),
                        new dev.sagitta.kernel.attention.Attention.Delta(
                                p, 1, t.tensor(o), null, null, t.tensor(dO), t.tensor(delta)),
                        in.sequence(
                                t,
                                turned,
                                inputs -> op.served(new dev.sagitta.kernel.attention.Attention.Curvature(
                                        in.inner(),
                                        copies,
                                        inputs,
                                        t.tensor(lse),
                                        t.tensor(mu),
                                        t.tensor(delta),
                                        t.tensor(dO),
                                        t.tensor(tangents.qt()),
                                        t.tensor(tangents.kt()),
                                        t.tensor(tangents.vt()),
                                        t.tensor(partial)))),
                        Reduce.finishSum(t.tensor(partial), t.tensor(sum), partials.extent(1))));
    }
}
