package dev.sagitta.graph.op.norm;

import static dev.sagitta.graph.op.norm.ChannelPasses.apply;
import static dev.sagitta.graph.op.norm.ChannelPasses.cotangentSums;
import static dev.sagitta.graph.op.norm.ChannelPasses.of;
import static dev.sagitta.graph.op.norm.ChannelPasses.partials;
import static dev.sagitta.graph.op.norm.ChannelPasses.sums;
import static dev.sagitta.graph.op.norm.ChannelPasses.viewed;
import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.norm.ChannelNorm;
import dev.sagitta.kernel.norm.ChannelNorm.Kind;
import dev.sagitta.kernel.norm.ChannelNorm.Masks;
import dev.sagitta.kernel.norm.ChannelTerms;
import dev.sagitta.kernel.norm.ChannelTerms.Sets;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * The five modes of batch, group and instance norm: y = w (x - mean) r + b per channel, mean and r those of sets of pixels and channels, or given. Every mode is sums over
 * the rows of channels, what follows from them, and an affine map per channel; formulas in {@code norm/channel_terms.gpu.cl}. Their second derivatives go through
 * the statistics. Where the result is rectified, cotangents and tangents meet the mask of what is above 0 on their way.
 */
public interface ChannelNormOp extends Op {
    Keep X = Keep.input(0);
    Keep MEAN = Keep.own("mean");
    Keep R = Keep.own("r");
    Keep MASK = Keep.bits("mask");

    /** Null for ones. */
    Parameter weight();

    /** Null for zeros. */
    Parameter bias();

    double epsilon();

    /** Whether y is max(y, 0): {@link #MASK} says where it is above. */
    default boolean rectifies() {
        return false;
    }

    /** Of what the statistics of a pass are. */
    Sets sets(Pass pass);

    /** Emits the task that writes statistics and terms of forward: of given statistics, or null for those of the input. */
    default boolean given(Forward f, Value mean, Value r, Value terms) {
        return false;
    }

    /** Where running statistics go, mean and variance; null where they stay. */
    default Value[] running(Forward f) {
        return null;
    }

    /** By how much running statistics move towards the batch's. */
    default double momentum() {
        return 0;
    }

    @Override
    default Images images() {
        return Images.CHANNELS_LAST;
    }

    @Override
    default List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>();
        if (weight() != null) {
            all.add(weight());
            all.add(bias());
        }
        return all;
    }

    @Override
    default List<Keep> keeps() {
        return rectifies() ? List.of(X, MEAN, R, MASK) : List.of(X, MEAN, R);
    }

    @Override
    default void forward(Forward f) {
        Sets sets = sets(f);
        Value x = viewed(f.in(0), sets);
        Value y = viewed(f.out(0), sets, 1);
        Shape statistics = Shape.of(sets.segments(), sets.channels());
        Value keptMean = f.keep(MEAN, DType.F32, statistics);
        Value keptR = f.keep(R, DType.F32, statistics);
        Value mean = keptMean == null ? f.scratch("mean", statistics) : keptMean;
        Value r = keptR == null ? f.scratch("r", statistics) : keptR;
        Value terms = f.scratch("terms", sets.terms(1));
        if (!given(f, mean, r, terms)) {
            Value w = of(f, weight());
            Value b = of(f, bias());
            Value all = viewed(f.in(0), sets, 1);
            Value sums =
                    sums(f, "statistics", Kind.SPREAD, all, null, null, null, null, null, null, partials(f, sets, 1));
            Value[] moved = running(f);
            Value runningMean = moved == null ? null : moved[0];
            Value runningVariance = moved == null ? null : moved[1];
            f.emit(
                    "statistics",
                    values(sums, x, w, b, runningMean, runningVariance),
                    values(mean, r, terms, runningMean, runningVariance),
                    t -> new ChannelTerms.Stats(
                            t.tensor(sums),
                            t.tensor(x),
                            t.tensor(w),
                            t.tensor(b),
                            t.tensor(mean),
                            t.tensor(r),
                            t.tensor(terms),
                            t.tensor(runningMean),
                            t.tensor(runningVariance),
                            sets,
                            (float) epsilon(),
                            (float) momentum()));
        }
        apply(f, "forward", null, null, null, x, mean, terms, Masks.WRITE, written(f, sets), y);
    }

    /** Where forward writes the mask; null where nothing is rectified. */
    private Value written(Forward f, Sets sets) {
        if (!rectifies()) {
            return null;
        }
        Shape words = Shape.of(ChannelNorm.words(sets.segments(), sets.rows(), sets.channels()));
        Value kept = f.keep(MASK, DType.U32, words);
        return kept == null ? f.emitter().value(f.name() + ".mask", DType.U32, words, MemoryCategory.WORKSPACE) : kept;
    }

    /** Null where nothing is rectified. */
    private Value mask(Backward b) {
        return rectifies() ? b.kept(MASK).value() : null;
    }

    @Override
    default void backward(Backward b) {
        cotangents(b, 1, "", b.cotangent(0));
    }

    /** Of one cotangent or of K. */
    private void cotangents(Backward b, int copies, String suffix, Value cotangent) {
        Sets sets = sets(b);
        Value dy = viewed(cotangent, sets, copies);
        Backward.Gradient dw = weight() == null ? null : b.gradient(weight());
        Backward.Gradient db = bias() == null ? null : b.gradient(bias());
        Value dx = viewed(b.cotangentOf(0), sets, copies);
        boolean summed = !sets.isFixed() && dx != null || dw != null || db != null;
        Value x = summed ? viewed(b.kept(X).value(), sets) : null;
        Value mean = summed ? b.kept(MEAN).value() : null;
        Value r = b.kept(R).value();
        Value w = of(b, weight());
        Value mask = mask(b);
        Shape partials = partials(b, sets, copies);
        Value sums =
                summed ? sums(b, "backward" + suffix, Kind.BOTH, dy, null, null, x, mean, r, mask, partials) : null;
        Value terms = dx == null ? null : b.scratch("backward.terms" + suffix, sets.terms(copies));
        Value scale = dw == null ? null : dw.value();
        Value shift = db == null ? null : db.value();
        if (terms == null && scale == null && shift == null) {
            return;
        }
        b.emit(
                "gradient" + suffix,
                values(sums, r, w),
                values(terms, scale, shift),
                t -> new ChannelTerms.Backward(
                        t.tensor(sums),
                        t.tensor(r),
                        t.tensor(w),
                        t.tensor(terms),
                        t.tensor(scale),
                        t.tensor(shift),
                        sets,
                        copies,
                        dw != null && dw.accumulate(),
                        db != null && db.accumulate()));
        if (dx != null) {
            Value centred = sets.isFixed() ? null : x;
            apply(b, "input.cotangent" + suffix, dy, null, null, centred, mean, terms, Masks.COTANGENTS, mask, dx);
        }
    }

    @Override
    default void tangent(Tangent t) {
        Value wt = weight() == null ? null : t.tangentOf(weight());
        Value bt = bias() == null ? null : t.tangentOf(bias());
        if (t.tangentIn(0) == null && wt == null && bt == null) {
            return;
        }
        int copies = t.probes();
        Sets sets = sets(t);
        Value xt = viewed(t.tangentIn(0), sets, copies);
        Value yt = viewed(t.tangentOut(0), sets, copies);
        boolean moves = xt != null && !sets.isFixed();
        boolean reads = moves || wt != null;
        Value x = reads ? viewed(t.kept(X).value(), sets) : null;
        Value mean = reads ? t.kept(MEAN).value() : null;
        Value r = t.kept(R).value();
        Value w = of(t, weight());
        Value sums = moves
                ? sums(t, "tangent", Kind.BOTH, xt, null, null, x, mean, r, null, partials(t, sets, copies))
                : null;
        Value mt = moves ? t.keep(MEAN, DType.F32, sets.statistics(copies)) : null;
        Value rt = moves ? t.keep(R, DType.F32, sets.statistics(copies)) : null;
        Value terms = t.scratch("tangent.terms", sets.terms(copies));
        t.emit(
                "tangent.terms",
                values(sums, r, w, wt, bt),
                values(terms, mt, rt),
                to -> new ChannelTerms.Tangent(
                        to.tensor(sums),
                        to.tensor(r),
                        to.tensor(w),
                        to.tensor(wt),
                        to.tensor(bt),
                        to.tensor(terms),
                        to.tensor(mt),
                        to.tensor(rt),
                        sets,
                        copies));
        Value mask = rectifies() ? t.kept(MASK).value() : null;
        apply(t, "tangent", xt, null, null, x, mean, terms, Masks.RESULT, mask, yt);
    }

    @Override
    default void tangentBackward(TangentBackward b) {
        int copies = b.probes();
        Value cotangent = b.cotangent(0);
        Value moved = cotangent == null ? null : b.kept(X).tangent();
        Value wt = cotangent == null || weight() == null ? null : b.tangentOf(weight());
        if (moved == null && wt == null) {
            cotangents(b, copies, ".tangent", b.cotangentTangent(0));
            return;
        }
        Sets sets = sets(b);
        Value dy = viewed(cotangent, sets);
        Value dyt = viewed(b.cotangentTangent(0), sets, copies);
        Value xt = viewed(moved, sets, copies);
        Value x = viewed(b.kept(X).value(), sets);
        Value mean = b.kept(MEAN).value();
        Value r = b.kept(R).value();
        Value w = of(b, weight());
        boolean moves = xt != null && !sets.isFixed();
        Value mt = moves ? b.kept(MEAN).tangent() : null;
        Value rt = moves ? b.kept(R).tangent() : null;
        Value mask = mask(b);
        Shape partials = partials(b, sets, copies);
        Value sums = sums(
                b,
                "backward.tangent",
                xt == null ? Kind.BOTH : Kind.PAIRS,
                dyt,
                xt,
                xt == null ? null : dy,
                x,
                mean,
                r,
                mask,
                partials);
        Value primal = viewed(cotangent, sets, 1);
        Value ofCotangent = cotangentSums(b, "backward.tangent.primal", sets, primal, x, mean, r, mask, partials);
        Backward.Gradient dwt = weight() == null ? null : b.gradient(weight());
        Backward.Gradient dbt = bias() == null ? null : b.gradient(bias());
        Value dxt = viewed(b.cotangentOf(0), sets, copies);
        Value terms = dxt == null ? null : b.scratch("backward.tangent.terms", sets.terms(copies));
        Value scale = dwt == null ? null : dwt.value();
        Value shift = dbt == null ? null : dbt.value();
        b.emit(
                "gradient.tangent",
                values(sums, ofCotangent, r, mt, rt, w, wt),
                values(terms, scale, shift),
                t -> new ChannelTerms.TangentBackward(
                        t.tensor(sums),
                        t.tensor(ofCotangent),
                        t.tensor(r),
                        t.tensor(mt),
                        t.tensor(rt),
                        t.tensor(w),
                        t.tensor(wt),
                        t.tensor(terms),
                        t.tensor(scale),
                        t.tensor(shift),
                        sets,
                        copies,
                        dwt != null && dwt.accumulate(),
                        dbt != null && dbt.accumulate()));
        if (dxt != null) {
            boolean isFixed = sets.isFixed();
            apply(
                    b,
                    "input.cotangent.tangent",
                    dyt,
                    isFixed ? null : xt,
                    dy,
                    isFixed ? null : x,
                    mean,
                    terms,
                    Masks.COTANGENTS,
                    mask,
                    dxt);
        }
    }

    @Override
    default void curvature(Curvature c) {
        Value moved = c.tangentIn(0);
        Value cotangent = c.cotangent(0);
        if (moved == null || cotangent == null) {
            return;
        }
        int copies = c.probes();
        Sets sets = sets(c);
        Value wt = weight() == null ? null : c.tangentOf(weight());
        if (sets.isFixed() && wt == null) {
            return;
        }
        Value xt = viewed(moved, sets, copies);
        Value x = viewed(c.kept(X).value(), sets);
        Value mean = c.kept(MEAN).value();
        Value r = c.kept(R).value();
        Value w = of(c, weight());
        Value mt = sets.isFixed() ? null : c.kept(MEAN).tangent();
        Value rt = sets.isFixed() ? null : c.kept(R).tangent();
        Shape partials = partials(c, sets, copies);
        Value mask = rectifies() ? c.kept(MASK).value() : null;
        Value dy = viewed(cotangent, sets);
        Value sums = sums(c, "curvature", Kind.SQUARES, null, xt, dy, null, null, null, mask, partials);
        Value primal = viewed(cotangent, sets, 1);
        Value ofCotangent = cotangentSums(c, "curvature.primal", sets, primal, x, mean, r, mask, partials);
        Value out = c.sum();
        c.emit(
                "curvature",
                values(sums, ofCotangent, r, mt, rt, w, wt),
                values(out),
                t -> new ChannelTerms.Curvature(
                        t.tensor(sums),
                        t.tensor(ofCotangent),
                        t.tensor(r),
                        t.tensor(mt),
                        t.tensor(rt),
                        t.tensor(w),
                        t.tensor(wt),
                        t.tensor(out),
                        sets,
                        copies));
    }
}
