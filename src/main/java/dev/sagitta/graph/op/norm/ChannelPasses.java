package dev.sagitta.graph.op.norm;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.norm.ChannelNorm;
import dev.sagitta.kernel.norm.ChannelNorm.Kind;
import dev.sagitta.kernel.norm.ChannelNorm.Masks;
import dev.sagitta.kernel.norm.ChannelTerms.Sets;
import dev.sagitta.tensor.Shape;

/** The passes over memory that {@link ChannelNormOp} is made of, and how they see its values. */
final class ChannelPasses {
    private ChannelPasses() {}

    static Value of(Pass pass, Parameter parameter) {
        return parameter == null ? null : pass.parameter(parameter);
    }

    /** [1, segments, rows, channels] or, of values of one copy, without the first axis. */
    static Value viewed(Value v, Sets sets, long copies) {
        return v == null ? null : v.view(copies, sets.segments(), sets.rows(), sets.channels());
    }

    static Value viewed(Value v, Sets sets) {
        return v == null ? null : v.view(sets.segments(), sets.rows(), sets.channels());
    }

    static Shape partials(Pass pass, Sets sets, long copies) {
        return ChannelNorm.partials(pass.emitter().device(), copies, sets.segments(), sets.rows(), sets.channels());
    }

    /** Emits sums; the value of their partial sums. */
    static Value sums(
            Pass p,
            String what,
            Kind kind,
            Value u,
            Value v,
            Value z,
            Value x,
            Value mean,
            Value r,
            Value mask,
            Shape partials) {
        Value out = p.scratch(what + ".sums", partials);
        p.emit(
                what + ".sums",
                values(u, v, z, x, mean, r, mask),
                values(out),
                t -> new ChannelNorm.Sums(
                        kind,
                        t.tensor(u),
                        t.tensor(v),
                        t.tensor(z),
                        t.tensor(x),
                        t.tensor(mean),
                        t.tensor(r),
                        t.tensor(mask),
                        t.tensor(out)));
        return out;
    }

    /** @param mask null for none, and then {@code masks} is none too */
    static void apply(
            Pass p,
            String what,
            Value u,
            Value v,
            Value z,
            Value x,
            Value mean,
            Value terms,
            Masks masks,
            Value mask,
            Value y) {
        Value centre = x == null ? null : mean;
        boolean writes = masks == Masks.WRITE && mask != null;
        p.emit(
                what,
                values(u, v, z, x, centre, terms, writes ? null : mask),
                values(y, writes ? mask : null),
                t -> new ChannelNorm.Apply(
                        t.tensor(u),
                        t.tensor(v),
                        t.tensor(z),
                        t.tensor(x),
                        t.tensor(centre),
                        t.tensor(terms),
                        mask == null ? Masks.NONE : masks,
                        t.tensor(mask),
                        t.tensor(y)));
    }

    /** Sums of the cotangent itself, cut as those of K tangents. */
    static Value cotangentSums(
            Pass p, String what, Sets sets, Value dy, Value x, Value mean, Value r, Value mask, Shape partials) {
        Shape one = Shape.of(partials.extent(0), 1, sets.segments(), ChannelNorm.SUMS, sets.channels());
        return sums(p, what, Kind.BOTH, dy, null, null, x, mean, r, mask, one);
    }
}
