package dev.sagitta.graph.op.packed;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.kernel.packed.PackedWeights.Layout;
import dev.sagitta.kernel.packed.QMatmul;
import dev.sagitta.kernel.packed.QMatmulBackward;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y = x W' + b over the last axis with W [out, in] packed in low bits, read by the product as it is stored. W is fixed: it is no parameter
 * and has no gradient; b is one, and the input's cotangent dx = dy W goes through the packed weights, so that what lies below or beside
 * can be trained. Curvature needs the full weights.
 *
 * <p>The packed tensors are persistent values in {@link Layout#PANELS}, named {@code WEIGHT.packed}, {@code .scales} and {@code .zeros};
 * layers that share a weight share them.
 */
public record PackedLinear(String weight, QuantFormat format, long out, long in, Parameter bias) implements Op {

    @Override
    public String type() {
        return "packed_linear";
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        Shape x = inputs.get(0);
        if (x.rank() < 1 || x.extent(-1) != in) {
            throw new IllegalArgumentException(
                    "packed linear '" + weight + "': input has " + x + " features, weight expects " + in);
        }
        long[] extents = x.toArray();
        extents[extents.length - 1] = out;
        return Shape.of(extents);
    }

    @Override
    public List<Parameter> parameters() {
        return bias == null ? List.of() : List.of(bias);
    }

    /** The packed weights of the schedule. */
    private record Packed(Value words, Value scales, Value zeros) {}

    private Packed packed(Emitter e) {
        Shape groups = PackedWeights.groupsShape(format, Layout.PANELS, out, in);
        Shape words = PackedWeights.wordsShape(format, Layout.PANELS, out, in);
        return new Packed(
                e.persistent(weight + ".packed", DType.U32, words, MemoryCategory.WEIGHTS),
                e.persistent(weight + ".scales", DType.F32, groups, MemoryCategory.WEIGHTS),
                format.symmetric() ? null : e.persistent(weight + ".zeros", DType.F32, groups, MemoryCategory.WEIGHTS));
    }

    private PackedWeights bind(Packed p, Emitter.Binder t) {
        return new PackedWeights(
                format, Layout.PANELS, out, in, t.tensor(p.words), t.tensor(p.scales), t.tensor(p.zeros));
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        Value y = c.newOutput(e);
        Value x = rows(c.input(), in);
        Value flat = rows(y, out);
        Value b = bias == null ? null : c.parameter().apply(bias);
        Packed w = packed(e);
        e.emit(
                c.name() + ".forward",
                values(x, w.words, w.scales, w.zeros, b),
                values(y),
                t -> new QMatmul(t.tensor(x), bind(w, t), t.tensor(b), t.tensor(flat)));
        return y;
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        Value dy = rows(c.cotangent(), out);
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
        Value flat = rows(dx, in);
        Packed w = packed(e);
        e.emit(
                c.name() + ".input.cotangent",
                values(dy, w.words, w.scales, w.zeros),
                values(dx),
                t -> new QMatmulBackward(t.tensor(dy), bind(w, t), t.tensor(flat)));
        return new Value[] {dx};
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        throw noCurvature(c);
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        throw noCurvature(c);
    }

    private UnsupportedOperationException noCurvature(OpContext c) {
        return new UnsupportedOperationException(
                "packed linear '" + c.name() + "': the weight '" + weight + "' is packed in " + format.bits()
                        + " bits, which has no tangent; measure curvature on the checkpoint before quantising");
    }

    /** [rows, features]. */
    private static Value rows(Value v, long features) {
        return v.view(v.elements() / features, features);
    }
}
