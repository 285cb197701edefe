package dev.sagitta.graph.op.packed;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.kernel.elementwise.Zero;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.kernel.packed.PackedWeights.Layout;
import dev.sagitta.kernel.packed.QMatmul;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y = x W' + b over the last axis with W [out, in] packed in low bits, read by the product as it is stored. W is fixed: it is no parameter
 * and has neither gradient nor tangent, so that y is linear in x and b, and what lies below or beside can be trained and measured.
 *
 * <p>The packed tensors are persistent values in {@link Layout#PANELS}, named {@code WEIGHT.packed}, {@code .scales} and {@code .zeros};
 * layers that share a weight share them.
 */
public record PackedLinear(String weight, QuantFormat format, long out, long in, Parameter bias) implements LinearOp {

    @Override
    public String type() {
        return "packed_linear";
    }

    @Override
    public boolean ofRows() {
        return true;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape x = inputs.get(0).shape();
        if (x.rank() < 1 || x.extent(-1) != in) {
            throw new IllegalArgumentException(
                    "packed linear '" + weight + "': input has " + x + " features, weight expects " + in);
        }
        long[] extents = x.toArray();
        extents[extents.length - 1] = out;
        return List.of(ArrayType.f32(Shape.of(extents)));
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
    public void apply(Apply a) {
        Value x = a.in(0);
        Value b = bias == null ? null : a.of(bias);
        Value y = a.out(0);
        String what = a.copies() == 1 && a.suffix().isEmpty() ? "forward" : "tangent";
        if (x == null) {
            Value rows = y.rows(a.copies());
            a.pass()
                    .emit(
                            what,
                            values(b),
                            values(y),
                            t -> Preparable.sequence(new Zero(t.tensor(rows)), Bias.add(t.tensor(rows), t.tensor(b))));
            return;
        }
        Packed w = packed(a.pass().emitter());
        Value rows = x.rows();
        Value flat = y.rows();
        // the product adds one bias to all rows; K tangents have one each
        boolean own = b != null && b.shape().rank() == 1;
        Value byProbe = y.rows(a.copies());
        a.pass().emit(what, values(x, w.words, w.scales, w.zeros, b), values(y), t -> {
            Preparable product = QMatmul.forward(t.tensor(rows), bind(w, t), own ? t.tensor(b) : null, t.tensor(flat));
            return b == null || own ? product : Preparable.sequence(product, Bias.add(t.tensor(byProbe), t.tensor(b)));
        });
    }

    @Override
    public void transpose(Transpose a) {
        Value dy = a.cotangent(0);
        Backward.Gradient db = bias == null ? null : a.gradient(bias);
        if (db != null) {
            Value rows = a.suffix().isEmpty() ? dy.rows() : dy.rows(a.copies());
            Sums.columns(a.pass().emitter(), a.pass().name() + ".bias" + a.suffix(), rows, db.value(), db.accumulate());
        }
        Value dx = a.cotangentOf(0);
        if (dx != null) {
            Packed w = packed(a.pass().emitter());
            Value rows = dy.rows();
            Value flat = dx.rows();
            a.pass()
                    .emit(
                            "input.cotangent" + a.suffix(),
                            values(dy, w.words, w.scales, w.zeros),
                            values(dx),
                            t -> QMatmul.backward(t.tensor(rows), bind(w, t), t.tensor(flat)));
        }
    }
}
