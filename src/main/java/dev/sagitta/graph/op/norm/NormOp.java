package dev.sagitta.graph.op.norm;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.norm.Norm;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * The five modes of layer norm and RMS norm, which differ in whether the mean is taken off; formulas in {@code norm/norm.gpu.cl}. What is normalised is the input, or
 * the sum of two inputs that the same passes make ({@link AddNorm}).
 */
public interface NormOp extends Op {
    Keep X = Keep.input(0);
    Keep MEAN = Keep.own("mean");
    Keep R = Keep.own("r");

    /** Null for ones. */
    Parameter weight();

    /** Null for zeros. */
    Parameter bias();

    double epsilon();

    boolean centred();

    /** Whether it normalises the sum of two inputs. */
    default boolean adds() {
        return false;
    }

    /** The output that is normalised; the one before it is the sum. */
    default int normed() {
        return 0;
    }

    /** What is normalised. */
    default Keep x() {
        return X;
    }

    @Override
    default List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape x = inputs.get(0).shape();
        if (x.rank() < 1) {
            throw new IllegalArgumentException(type() + ": the input is a scalar, expected features");
        }
        for (Parameter parameter : parameters()) {
            if (x.extent(-1) != parameter.elements()) {
                throw new IllegalArgumentException(type() + " '" + parameter.name() + "': input has shape " + x
                        + ", expected last axis " + parameter.elements());
            }
        }
        return List.of(inputs.get(0));
    }

    @Override
    default List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>();
        if (weight() != null) {
            all.add(weight());
        }
        if (bias() != null) {
            all.add(bias());
        }
        return all;
    }

    @Override
    default List<Keep> keeps() {
        return centred() ? List.of(x(), MEAN, R) : List.of(x(), R);
    }

    private static Value of(Pass pass, Parameter parameter) {
        return parameter == null ? null : pass.parameter(parameter);
    }

    private Value mean(Backward b) {
        return centred() ? b.kept(MEAN).value() : null;
    }

    @Override
    default void forward(Forward f) {
        Value x = f.in(0);
        Value z = adds() ? f.in(1) : null;
        Value w = of(f, weight());
        Value b = of(f, bias());
        Value sum = normed() > 0 ? f.out(0) : null;
        Value y = f.out(normed());
        Shape rows = Shape.of(x.elements() / x.shape().extent(-1));
        Value mean = centred() ? f.keep(MEAN, DType.F32, rows) : null;
        Value r = f.keep(R, DType.F32, rows);
        f.emit(
                "forward",
                values(x, z, w, b),
                values(sum, y, mean, r),
                t -> new Norm.Forward(
                        t.tensor(x),
                        t.tensor(z),
                        t.tensor(w),
                        t.tensor(b),
                        t.tensor(sum),
                        t.tensor(y),
                        t.tensor(mean),
                        t.tensor(r),
                        (float) epsilon(),
                        centred()));
    }

    @Override
    default void backward(Backward b) {
        cotangents(b, 1, "", b.cotangent(normed()), adds() ? b.cotangent(0) : null);
    }

    /** Where the cotangent goes of what is normalised: of a sum it is that of both summands. */
    private Value towardsInput(Backward b) {
        Value dx = b.cotangentOf(0);
        if (!adds()) {
            return dx;
        }
        if (dx == null) {
            return b.cotangentOf(1);
        }
        b.send(1, dx);
        return dx;
    }

    /**
     * Of one cotangent or of K, to the input and the parameters.
     *
     * @param ds what came back to the sum from elsewhere
     */
    private void cotangents(Backward b, int copies, String suffix, Value dy, Value ds) {
        if (dy == null) {
            // nobody reads what is normalised
            b.send(0, ds);
            b.send(1, ds);
            return;
        }
        Value x = b.kept(x()).value();
        Value mean = mean(b);
        Value r = b.kept(R).value();
        Value w = of(b, weight());
        Value dx = towardsInput(b);
        if (dx != null) {
            b.emit(
                    "input.cotangent" + suffix,
                    values(x, mean, r, w, dy, ds),
                    values(dx),
                    t -> new Norm.Backward(
                            t.tensor(x),
                            t.tensor(mean),
                            t.tensor(r),
                            t.tensor(w),
                            t.tensor(dy),
                            t.tensor(ds),
                            t.tensor(dx)));
        }
        gradients(b, copies, suffix, dy, null, null, null);
    }

    /** @param u cotangents, or tangents of them; dy, xt and stats: for the tangents, else null */
    private void gradients(Backward b, int copies, String suffix, Value u, Value dy, Value xt, Value stats) {
        Backward.Gradient dw = weight() == null ? null : b.gradient(weight());
        Backward.Gradient db = bias() == null ? null : b.gradient(bias());
        if (dw == null && db == null) {
            return;
        }
        Value x = b.kept(x()).value();
        Value mean = mean(b);
        Value r = b.kept(R).value();
        long c = x.shape().extent(-1);
        Shape splits = Norm.splits(x.elements() / c, c, copies);
        Value scales = dw == null ? null : b.scratch("weight.partials" + suffix, splits);
        Value shifts = db == null ? null : b.scratch("bias.partials" + suffix, splits);
        b.emit(
                "gradient" + suffix,
                values(x, mean, r, u, dy, xt, stats),
                values(scales, shifts),
                t -> new Norm.Gradient(
                        t.tensor(x),
                        t.tensor(mean),
                        t.tensor(r),
                        t.tensor(u),
                        t.tensor(dy),
                        t.tensor(xt),
                        t.tensor(stats),
                        t.tensor(scales),
                        t.tensor(shifts),
                        copies));
        if (dw != null) {
            Sums.columns(b.emitter(), b.name() + ".weight.gradient" + suffix, scales, dw.value(), dw.accumulate());
        }
        if (db != null) {
            Sums.columns(b.emitter(), b.name() + ".bias.gradient" + suffix, shifts, db.value(), db.accumulate());
        }
    }

    @Override
    default void tangent(Tangent t) {
        Value first = t.tangentIn(0);
        Value second = adds() ? t.tangentIn(1) : null;
        Value xt = first == null ? second : first;
        Value zt = first == null ? null : second;
        Value wt = weight() == null ? null : t.tangentOf(weight());
        Value bt = bias() == null ? null : t.tangentOf(bias());
        if (xt == null && wt == null && bt == null) {
            return;
        }
        Value x = t.kept(x()).value();
        Value mean = centred() ? t.kept(MEAN).value() : null;
        Value r = t.kept(R).value();
        Value w = of(t, weight());
        Value st = zt == null ? null : t.tangentOut(0);
        if (adds() && xt != null && zt == null) {
            t.pass(0, xt);
        }
        Value yt = t.tangentOut(normed());
        t.emit(
                "tangent",
                values(x, mean, r, w, xt, zt, wt, bt),
                values(st, yt),
                to -> new Norm.Tangent(
                        to.tensor(x),
                        to.tensor(mean),
                        to.tensor(r),
                        to.tensor(w),
                        to.tensor(xt),
                        to.tensor(zt),
                        to.tensor(wt),
                        to.tensor(bt),
                        to.tensor(st),
                        to.tensor(yt)));
    }

    @Override
    default void tangentBackward(TangentBackward b) {
        int copies = b.probes();
        Value dy = b.cotangent(normed());
        Value dyt = b.cotangentTangent(normed());
        Value dst = adds() ? b.cotangentTangent(0) : null;
        Value xt = dy == null ? null : b.kept(x()).tangent();
        Value wt = dy == null || weight() == null ? null : b.tangentOf(weight());
        if (xt == null && wt == null) {
            cotangents(b, copies, ".tangent", dyt, dst);
            return;
        }
        Value x = b.kept(x()).value();
        Value mean = mean(b);
        Value r = b.kept(R).value();
        Value w = of(b, weight());
        Value dxt = towardsInput(b);
        long rows = x.elements() / x.shape().extent(-1);
        boolean isWanted = xt != null && weight() != null && b.gradient(weight()) != null;
        Value stats = isWanted ? b.scratch("stats", Shape.of(copies, rows, 2)) : null;
        if (dxt != null || stats != null) {
            b.emit(
                    "input.cotangent.tangent",
                    values(x, mean, r, w, dy, xt, wt, dyt, dst),
                    values(dxt, stats),
                    t -> new Norm.TangentBackward(
                            t.tensor(x),
                            t.tensor(mean),
                            t.tensor(r),
                            t.tensor(w),
                            t.tensor(dy),
                            t.tensor(xt),
                            t.tensor(wt),
                            t.tensor(dyt),
                            t.tensor(dst),
                            t.tensor(dxt),
                            t.tensor(stats),
                            copies));
        }
        gradients(b, copies, ".tangent", dyt, stats == null ? null : dy, stats == null ? null : xt, stats);
    }

    @Override
    default void curvature(Curvature c) {
        Value xt = adds() ? c.outputTangent(0) : c.tangentIn(0);
        Value dy = c.cotangent(normed());
        if (xt == null || dy == null) {
            return;
        }
        Value wt = weight() == null ? null : c.tangentOf(weight());
        Value x = c.kept(x()).value();
        Value mean = centred() ? c.kept(MEAN).value() : null;
        Value r = c.kept(R).value();
        Value w = of(c, weight());
        Value sum = c.sum();
        long width = x.shape().extent(-1);
        Value partials = c.scratch(
                "curvature.partials", Norm.partials(c.emitter().device(), x.elements() / width, width, c.probes()));
        c.emit(
                "curvature",
                values(x, mean, r, w, dy, xt, wt),
                values(sum, partials),
                t -> new Norm.Curvature(
                        t.tensor(x),
                        t.tensor(mean),
                        t.tensor(r),
                        t.tensor(w),
                        t.tensor(dy),
                        t.tensor(xt),
                        t.tensor(wt),
                        t.tensor(sum),
                        t.tensor(partials),
                        (float) epsilon()));
    }
}
