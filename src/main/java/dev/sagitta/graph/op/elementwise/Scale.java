package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.tensor.DType;
import java.util.List;

/** y = c x, c a number of the model. */
public record Scale(double by) implements LinearOp {
    private static final double MOST = 1e9;
    private static final Field<Double> BY = Field.number("by", null, -MOST, MOST, "the factor");

    public static final OpType TYPE = OpType.of("scale", 1, "y = by x", m -> new Scale(m.get(BY)), BY)
            .check(given -> given.containsKey("by") ? null : "field 'by' is missing");

    @Override
    public String type() {
        return "scale";
    }

    @Override
    public Images images() {
        return Images.BY_ELEMENTS;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        if (x.dtype() != DType.F32) {
            throw new IllegalArgumentException(
                    "scale: input has dtype " + x.dtype().suffix() + ", expected f32");
        }
        return List.of(x);
    }

    @Override
    public void apply(Apply a) {
        scaled(a, a.suffix().isEmpty() ? "forward" : "tangent", a.in(0), a.out(0));
    }

    @Override
    public void transpose(Transpose a) {
        if (a.wants(0)) {
            scaled(a, "input.cotangent" + a.suffix(), a.cotangent(0), a.cotangentOf(0));
        }
    }

    private void scaled(View view, String what, Value from, Value to) {
        view.pass()
                .emit(what, values(from), values(to), t -> Arithmetic.scale((float) by, t.tensor(from), t.tensor(to)));
    }
}
