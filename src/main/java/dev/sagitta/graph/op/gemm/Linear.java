package dev.sagitta.graph.op.gemm;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Saved;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.gemm.Gemm;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y = x W' + b over the last axis; W is [out, in] as PyTorch stores it, b is [out] or absent.
 *
 * <pre>
 * backward         dx = dy W            dW = dy' x               db = column sums of dy
 * tangent          yt = xt W' + x Wt' + bt
 * tangentBackward  dxt = dyt W + dy Wt  dWt = dyt' x + dy' xt    dbt = column sums of dyt
 * curvature        2 &lt;dy, xt Wt'&gt;
 * </pre>
 */
public record Linear(Parameter weight, Parameter bias) implements Op {

    @Override
    public String type() {
        return "linear";
    }

    private long in() {
        return weight.shape().extent(1);
    }

    private long out() {
        return weight.shape().extent(0);
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        Shape x = inputs.get(0);
        if (x.rank() < 1 || x.extent(-1) != in()) {
            throw new IllegalArgumentException(
                    "linear '" + weight.name() + "': input has " + x + " features, weight expects " + in());
        }
        long[] extents = x.toArray();
        extents[extents.length - 1] = out();
        return Shape.of(extents);
    }

    @Override
    public List<Parameter> parameters() {
        return bias == null ? List.of(weight) : List.of(weight, bias);
    }

    @Override
    public Saved saved() {
        return Saved.INPUT;
    }

    @Override
    public boolean isLinearInSaved() {
        return true;
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        Value y = c.newOutput(e);
        Value x = rows(c.input(), in());
        Value w = c.parameter().apply(weight);
        Value b = bias == null ? null : c.parameter().apply(bias);
        Value flat = rows(y, out());
        e.emit(c.name() + ".forward", values(x, w, b), values(y), t -> Gemm.of(
                        t.tensor(x), false, t.tensor(w), true, t.tensor(flat))
                .bias(t.tensor(b)));
        return y;
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        Value dy = rows(c.cotangent(), out());
        Value dw = c.gradient().apply(weight);
        if (dw != null) {
            Value x = rows(c.saved(), in());
            boolean add = c.accumulates().apply(weight);
            e.emit(c.name() + ".weight.gradient", values(dy, x), values(dw), t -> Gemm.of(
                            t.tensor(dy), true, t.tensor(x), false, t.tensor(dw))
                    .accumulate(add));
        }
        if (bias != null) {
            Sums.columns(
                    e,
                    c.name() + ".bias",
                    dy,
                    c.gradient().apply(bias),
                    c.accumulates().apply(bias));
        }
        if (!c.wantsInput().get(0)) {
            return new Value[] {null};
        }
        Value dx = c.newCotangent(e, 0);
        Value flat = rows(dx, in());
        Value w = c.parameter().apply(weight);
        e.emit(
                c.name() + ".input.cotangent",
                values(dy, w),
                values(dx),
                t -> Gemm.of(t.tensor(dy), false, t.tensor(w), false, t.tensor(flat)));
        return new Value[] {dx};
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        Value yt = c.newTangent(e);
        Value xt = c.tangent();
        Value wt = c.parameterTangent().apply(weight);
        Value bt = bias == null ? null : c.parameterTangent().apply(bias);
        Value x = rows(c.saved(), in());
        Value w = c.parameter().apply(weight);
        Value wide = rows(yt, out());
        Value byProbe = probes(c, yt, out());
        Value xtWide = xt == null ? null : rows(xt, in());
        e.emit(c.name() + ".tangent", values(xt, x, w, wt, bt), values(yt), t -> {
            Gemm fromParameters = Gemm.of(t.tensor(x), false, t.tensor(wt), true, t.tensor(byProbe))
                    .bias(t.tensor(bt));
            if (xt == null) {
                return fromParameters;
            }
            Gemm fromInput = Gemm.of(t.tensor(xtWide), false, t.tensor(w), true, t.tensor(wide));
            return Preparable.sequence(fromInput, fromParameters.accumulate(true));
        });
        return yt;
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        Value dy = c.cotangent() == null ? null : rows(c.cotangent(), out());
        Value dyt = probes(c, c.cotangentTangent(), out());
        // with a null primal cotangent (Gauss-Newton) only the terms in dyt are left
        Value xt = dy == null || c.tangent() == null ? null : probes(c, c.tangent(), in());
        Value dwt = c.gradientTangent().apply(weight);
        if (dwt != null) {
            Value x = rows(c.saved(), in());
            boolean add = c.accumulates().apply(weight);
            e.emit(c.name() + ".weight.gradient.tangent", values(dy, dyt, x, xt), values(dwt), t -> {
                Gemm first = Gemm.of(t.tensor(dyt), true, t.tensor(x), false, t.tensor(dwt))
                        .accumulate(add);
                return xt == null
                        ? first
                        : Preparable.sequence(
                                first,
                                Gemm.of(t.tensor(dy), true, t.tensor(xt), false, t.tensor(dwt))
                                        .accumulate(true));
            });
        }
        if (bias != null) {
            Sums.columns(
                    e,
                    c.name() + ".bias.tangent",
                    dyt,
                    c.gradientTangent().apply(bias),
                    c.accumulates().apply(bias));
        }
        if (!c.wantsInput().get(0)) {
            return new Value[] {null};
        }
        Value dxt = c.newCotangentTangent(e, 0);
        Value w = c.parameter().apply(weight);
        Value wt = dy == null ? null : c.parameterTangent().apply(weight);
        Value dytWide = rows(c.cotangentTangent(), out());
        Value wide = rows(dxt, in());
        Value byProbe = probes(c, dxt, in());
        e.emit(c.name() + ".input.cotangent.tangent", values(dy, dyt, w, wt), values(dxt), t -> {
            Gemm first = Gemm.of(t.tensor(dytWide), false, t.tensor(w), false, t.tensor(wide));
            return dy == null
                    ? first
                    : Preparable.sequence(
                            first,
                            Gemm.of(t.tensor(dy), false, t.tensor(wt), false, t.tensor(byProbe))
                                    .accumulate(true));
        });
        return new Value[] {dxt};
    }

    @Override
    public boolean curvature(Emitter e, OpContext c) {
        if (c.tangent() == null) {
            return false;
        }
        Value xt = probes(c, c.tangent(), in());
        Value wt = c.parameterTangent().apply(weight);
        Value dy = c.cotangent();
        Value product = e.value(
                c.name() + ".curvature",
                DType.F32,
                c.outputShape().prepend(c.batch()).prepend(c.probes()),
                MemoryCategory.TANGENTS);
        Value byProbe = probes(c, product, out());
        e.emit(c.name() + ".curvature.product", values(xt, wt), values(product), t -> Gemm.of(
                        t.tensor(xt), false, t.tensor(wt), true, t.tensor(byProbe))
                .scaled(2));
        Sums.products(e, c.name() + ".curvature", product.view(c.probes(), dy.elements()), dy, c.curvatureSlot());
        return true;
    }

    /** [rows, features]. */
    private static Value rows(Value v, long features) {
        return v.view(v.elements() / features, features);
    }

    /** [K, rows, features]. */
    private static Value probes(OpContext c, Value v, long features) {
        return v.view(c.probes(), v.elements() / c.probes() / features, features);
    }
}
