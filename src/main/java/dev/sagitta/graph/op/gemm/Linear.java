package dev.sagitta.graph.op.gemm;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.op.BilinearOp;
import dev.sagitta.graph.op.packed.PackedLinear;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.kernel.gemm.Gemm;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

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
public record Linear(Parameter weight, Parameter bias) implements BilinearOp {
    private static final Field<String> TIED =
            Field.parameter("tied", "a weight of an earlier layer, as `embed.weight`; no bias then");
    private static final Field<Long> OUT = Field.extent("out", "output features; those of the weight where it is tied");
    private static final Field<Boolean> BIAS = Field.flag("bias", true, "whether b is there");

    public static final OpType TYPE = OpType.of(
                    "linear", 1, "y = x W' + b over the last axis", Linear::make, TIED, OUT, BIAS)
            .check(Linear::problem);

    private static String problem(Map<String, Object> given) {
        if (given.containsKey("tied")) {
            return Boolean.TRUE.equals(given.get("bias"))
                    ? "'bias' is true, a tied layer has none; add a layer of type \"bias\" after it"
                    : null;
        }
        return given.containsKey("out") ? null : "field 'out' is missing";
    }

    private static Op make(OpType.Making m) {
        Shape x = m.input(0).shape();
        if (x.rank() < 1) {
            throw new IllegalArgumentException("the input is a scalar, expected features");
        }
        if (m.has(TIED)) {
            Parameter shared = m.shared(m.get(TIED));
            if (m.has(OUT) && m.get(OUT) != shared.shape().extent(0)) {
                throw new IllegalArgumentException("out is " + m.get(OUT) + ", the tied weight has "
                        + shared.shape().extent(0) + " rows");
            }
            return new Linear(shared, null);
        }
        long in = x.extent(-1);
        Init init = Init.uniform(1 / Math.sqrt(Math.max(1, in)));
        Parameter weight = m.matrix("weight", Shape.of(m.get(OUT), in), init);
        return new Linear(weight, m.get(BIAS) ? m.vector("bias", Shape.of(m.get(OUT)), init) : null);
    }

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
    public boolean ofRows() {
        return true;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape x = inputs.get(0).shape();
        if (x.rank() < 1 || x.extent(-1) != in()) {
            throw new IllegalArgumentException(
                    "linear '" + weight.name() + "': input has " + x + " features, weight expects " + in());
        }
        long[] extents = x.toArray();
        extents[extents.length - 1] = out();
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    @Override
    public Parameter packable() {
        return weight;
    }

    @Override
    public Op packed(QuantFormat format) {
        return new PackedLinear(weight.name(), format, out(), in(), bias);
    }

    @Override
    public Preparable product(Tensor x, Tensor w, Tensor b, Tensor y, double scale, boolean add, Tensor scratch) {
        if (b != null && b.shape().rank() > w.shape().rank() - 1) {
            Tensor out = copies(y, b.shape().extent(0), out());
            return Preparable.sequence(product(x, w, null, y, scale, add, scratch), Bias.add(out, b));
        }
        return gemm(x, w, b, y).scaled((float) scale).accumulate(add);
    }

    /** The product itself, for whoever adds to it. */
    public Gemm gemm(Tensor x, Tensor w, Tensor b, Tensor y) {
        return Gemm.of(of(x, w, y, in(), out()), false, w, true, of(y, w, y, out(), out()))
                .bias(b);
    }

    @Override
    public Preparable towardsInput(Tensor dy, Tensor w, Tensor dx, boolean add, Tensor scratch) {
        return Gemm.of(of(dy, w, dx, out(), in()), false, w, false, of(dx, w, dx, in(), in()))
                .accumulate(add);
    }

    @Override
    public Preparable towardsWeight(Tensor dy, Tensor x, Tensor dw, boolean add, Tensor scratch) {
        return Gemm.of(rows(dy, dw, x, out(), in()), true, rows(x, dw, dy, in(), out()), false, dw)
                .accumulate(add);
    }

    /** A factor [..., features] beside a weight: rows, or K times as many rows where the weight has K copies and so has the factor. */
    private static Tensor of(Tensor v, Tensor w, Tensor result, long features, long resultFeatures) {
        if (w.shape().rank() == 2) {
            return v.reshape(Shape.of(v.elements() / features, features));
        }
        long rows = result.elements() / resultFeatures;
        return v.elements() / features == rows
                ? copies(v, w.shape().extent(0), features)
                : v.reshape(Shape.of(v.elements() / features, features));
    }

    /** A factor of a weight's gradient: its K copies apart where the gradient has K and the factor more rows than one batch. */
    private static Tensor rows(Tensor v, Tensor dw, Tensor other, long features, long otherFeatures) {
        long rows = v.elements() / features;
        long least = Math.min(rows, other.elements() / otherFeatures);
        boolean copied = dw.shape().rank() == 3 && (rows > least || dw.shape().extent(0) == 1);
        return copied ? copies(v, dw.shape().extent(0), features) : v.reshape(Shape.of(rows, features));
    }

    private static Tensor copies(Tensor v, long copies, long features) {
        return v.reshape(Shape.of(copies, v.elements() / copies / features, features));
    }
}
