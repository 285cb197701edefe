package dev.sagitta.graph.op;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
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
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.kernel.elementwise.Zero;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Locale;

/**
 * y = B(x, w) + b, linear in the input x and in the weight w; b, where there is one, is added along the last axis. Three products give every mode:
 *
 * <pre>
 * forward          B(x, w) + b
 * backward         dx = X(dy, w)                  dw = W(dy, x)               db = sum over rows of dy
 * tangent          B(xt, w) + B(x, wt) + bt
 * tangentBackward  dxt = X(dyt, w) + X(dy, wt)    dwt = W(dyt, x) + W(dy, xt)  dbt = sum over rows of dyt
 * curvature        2 &lt;dy, B(xt, wt)&gt;
 * </pre>
 *
 * In the products, what has K copies in front has them, what has not is shared by them.
 */
public interface BilinearOp extends Op {
    Keep X = Keep.input(0).linear().when(needs -> needs.parameter(0));

    Parameter weight();

    /** Null for none. */
    Parameter bias();

    /**
     * out = scale B(x, w) + b, or added to out.
     *
     * @param b null for none
     * @param scratch as {@link #scratch} says; null for none
     */
    Preparable product(Tensor x, Tensor w, Tensor b, Tensor out, double scale, boolean add, Tensor scratch);

    /** dx = X(dy, w), or added to dx. */
    Preparable towardsInput(Tensor dy, Tensor w, Tensor dx, boolean add, Tensor scratch);

    /** dw = W(dy, x), or added to dw. */
    Preparable towardsWeight(Tensor dy, Tensor x, Tensor dw, boolean add, Tensor scratch);

    /** The three products. */
    enum Product {
        FORWARD,
        TOWARDS_INPUT,
        TOWARDS_WEIGHT
    }

    /**
     * Bytes of scratch memory that a product needs.
     *
     * @param factor x of FORWARD, else dy
     * @param other w, or x of TOWARDS_WEIGHT
     */
    default long scratch(Device device, Product product, Shape factor, Shape other, Shape result) {
        return 0;
    }

    @Override
    default List<Parameter> parameters() {
        return bias() == null ? List.of(weight()) : List.of(weight(), bias());
    }

    @Override
    default List<Keep> keeps() {
        return List.of(X);
    }

    @Override
    default void forward(Forward f) {
        Value x = f.in(0);
        Value w = f.parameter(weight());
        Value b = bias() == null ? null : f.parameter(bias());
        Value y = f.out(0);
        Value scratch = scratch(f, Product.FORWARD, y, pair(x, w));
        f.emit(
                "forward",
                values(x, w, b),
                values(y, scratch),
                t -> product(t.tensor(x), t.tensor(w), t.tensor(b), t.tensor(y), 1, false, t.tensor(scratch)));
    }

    @Override
    default void backward(Backward b) {
        Value dy = b.cotangent(0);
        Backward.Gradient dw = b.gradient(weight());
        if (dw != null) {
            Value x = b.kept(X).value();
            Value scratch = scratch(b, Product.TOWARDS_WEIGHT, dw.value(), pair(dy, x));
            b.emit(
                    "weight.gradient",
                    values(dy, x),
                    values(dw.value(), scratch),
                    t -> towardsWeight(
                            t.tensor(dy), t.tensor(x), t.tensor(dw.value()), dw.accumulate(), t.tensor(scratch)));
        }
        biasGradient(b, "bias", dy.rows());
        Value dx = b.cotangentOf(0);
        if (dx != null) {
            Value w = b.parameter(weight());
            Value scratch = scratch(b, Product.TOWARDS_INPUT, dx, pair(dy, w));
            b.emit(
                    "input.cotangent",
                    values(dy, w),
                    values(dx, scratch),
                    t -> towardsInput(t.tensor(dy), t.tensor(w), t.tensor(dx), false, t.tensor(scratch)));
        }
    }

    /** Two factors of one product. */
    private static Value[] pair(Value factor, Value other) {
        return new Value[] {factor, other};
    }

    /** Scratch memory for one product, or for several into one result, one after the other; pairs with a null are left out. Null for none. */
    private Value scratch(Pass pass, Product product, Value result, Value[]... pairs) {
        long bytes = 0;
        for (Value[] pair : pairs) {
            if (pair[0] != null && pair[1] != null) {
                Device device = pass.emitter().device();
                bytes = Math.max(bytes, scratch(device, product, pair[0].shape(), pair[1].shape(), result.shape()));
            }
        }
        return bytes == 0 ? null : pass.workspace(product.name().toLowerCase(Locale.ROOT), bytes);
    }

    private void biasGradient(Backward b, String what, Value rows) {
        Backward.Gradient db = bias() == null ? null : b.gradient(bias());
        if (db != null) {
            Sums.columns(b.emitter(), b.name() + "." + what, rows, db.value(), db.accumulate());
        }
    }

    @Override
    default void tangent(Tangent t) {
        Value xt = t.tangentIn(0);
        Value wt = t.tangentOf(weight());
        Value bt = bias() == null ? null : t.tangentOf(bias());
        if (xt == null && wt == null) {
            if (bt != null) {
                Value yt = t.tangentOut(0);
                Value rows = yt.rows(t.probes());
                t.emit(
                        "tangent",
                        values(bt),
                        values(yt),
                        b -> Preparable.sequence(new Zero(b.tensor(rows)), Bias.add(b.tensor(rows), b.tensor(bt))));
            }
            return;
        }
        Value x = wt == null ? null : t.kept(X).value();
        Value w = xt == null ? null : t.parameter(weight());
        Value yt = t.tangentOut(0);
        Value scratch = scratch(t, Product.FORWARD, yt, pair(xt, w), pair(x, wt));
        t.emit("tangent", values(xt, x, w, wt, bt), values(yt, scratch), b -> {
            Tensor s = b.tensor(scratch);
            if (wt == null) {
                return product(b.tensor(xt), b.tensor(w), b.tensor(bt), b.tensor(yt), 1, false, s);
            }
            Preparable fromWeight = product(b.tensor(x), b.tensor(wt), b.tensor(bt), b.tensor(yt), 1, xt != null, s);
            return xt == null
                    ? fromWeight
                    : Preparable.sequence(
                            product(b.tensor(xt), b.tensor(w), null, b.tensor(yt), 1, false, s), fromWeight);
        });
    }

    @Override
    default void tangentBackward(TangentBackward b) {
        // null in Gauss-Newton products: only the terms in dyt are left
        Value dy = b.cotangent(0);
        Value dyt = b.cotangentTangent(0);
        Backward.Gradient dwt = b.gradient(weight());
        if (dwt != null) {
            Value x = b.kept(X).value();
            Value xt = dy == null ? null : b.kept(X).tangent();
            Value into = dwt.value();
            Value scratch = scratch(b, Product.TOWARDS_WEIGHT, into, pair(dyt, x), pair(dy, xt));
            b.emit("weight.gradient.tangent", values(dy, dyt, x, xt), values(into, scratch), t -> {
                Tensor s = t.tensor(scratch);
                Preparable first = towardsWeight(t.tensor(dyt), t.tensor(x), t.tensor(into), dwt.accumulate(), s);
                return xt == null
                        ? first
                        : Preparable.sequence(
                                first, towardsWeight(t.tensor(dy), t.tensor(xt), t.tensor(into), true, s));
            });
        }
        biasGradient(b, "bias.tangent", dyt.rows(b.probes()));
        Value dxt = b.cotangentOf(0);
        if (dxt != null) {
            Value w = b.parameter(weight());
            Value wt = dy == null ? null : b.tangentOf(weight());
            Value scratch = scratch(b, Product.TOWARDS_INPUT, dxt, pair(dyt, w), pair(dy, wt));
            b.emit("input.cotangent.tangent", values(dy, dyt, w, wt), values(dxt, scratch), t -> {
                Tensor s = t.tensor(scratch);
                Preparable first = towardsInput(t.tensor(dyt), t.tensor(w), t.tensor(dxt), false, s);
                return wt == null
                        ? first
                        : Preparable.sequence(first, towardsInput(t.tensor(dy), t.tensor(wt), t.tensor(dxt), true, s));
            });
        }
    }

    @Override
    default void curvature(Curvature c) {
        Value xt = c.tangentIn(0);
        Value wt = c.tangentOf(weight());
        if (xt == null || wt == null) {
            return;
        }
        Value dy = c.cotangent(0);
        Value product = c.emitter()
                .value(c.name() + ".curvature", DType.F32, dy.shape().prepend(c.probes()), MemoryCategory.TANGENTS);
        Value scratch = scratch(c, Product.FORWARD, product, pair(xt, wt));
        c.emit(
                "curvature.product",
                values(xt, wt),
                values(product, scratch),
                t -> product(t.tensor(xt), t.tensor(wt), null, t.tensor(product), 2, false, t.tensor(scratch)));
        Sums.products(c.emitter(), c.name() + ".curvature", product.view(c.probes(), dy.elements()), dy, c.sum());
    }
}
