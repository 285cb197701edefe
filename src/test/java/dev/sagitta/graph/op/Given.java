package dev.sagitta.graph.op;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/** A parameter [B, ...] as a layer's output: whatever value, tangent and cotangent an input of an op shall have. */
record Given(Parameter value, Shape shape) implements LinearOp {
    private static final Field<String> SHAPE = Field.text("shape", null, "of one example");
    private static final Field<Long> BATCH = Field.integer("batch", null, 1, 1 << 20, "examples");

    static final OpType TYPE = OpType.of(
            "given",
            1,
            "a parameter as an output",
            m -> {
                long[] extents = Arrays.stream(m.get(SHAPE).split(","))
                        .mapToLong(Long::parseLong)
                        .toArray();
                Shape shape = Shape.of(extents);
                return new Given(m.vector("value", shape.prepend(m.get(BATCH)), Parameter.Init.ZEROS), shape);
            },
            SHAPE,
            BATCH);

    @Override
    public String type() {
        return "given";
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        return List.of(ArrayType.f32(shape));
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(value);
    }

    @Override
    public void apply(Apply a) {
        copy(a, a.of(value), a.out(0));
    }

    @Override
    public void transpose(Transpose a) {
        copy(
                a,
                a.cotangent(0),
                a.gradient(value) == null ? null : a.gradient(value).value());
    }

    private static void copy(View view, Value from, Value to) {
        if (to != null) {
            Value source = from.view(to.shape());
            view.pass()
                    .emit(
                            "copy" + view.suffix(),
                            values(from),
                            values(to),
                            t -> Arithmetic.scale(1, t.tensor(source), t.tensor(to)));
        }
    }
}
