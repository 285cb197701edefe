package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/**
 * Mean over an axis, which goes. With a second input of lengths, int32 and one for each position of the axes before, over the first so many positions; 0 of none.
 *
 * @param lengths whether there is a second input
 */
public record Mean(long axis, boolean lengths) implements LinearOp {
    private static final Keep LENGTHS = Keep.input(1).exact();

    public static final OpType TYPE = OpType.of(
                    "mean",
                    1,
                    2,
                    "mean over an axis, which goes; the second input, int32 lengths, says over how many positions",
                    m -> new Mean(m.get(Axes.AXIS), m.inputs() == 2),
                    Axes.AXIS)
            .check(Axes::missing)
            .readsIds(1);

    @Override
    public String type() {
        return "mean";
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Axes.requireFloat("mean", inputs.get(0));
        Shape x = inputs.get(0).shape();
        int at = Axes.of("mean", axis, x);
        if (x.extent(at) == 0) {
            throw new IllegalArgumentException(
                    "mean: axis " + axis + " of " + x + " has no positions, expected at least one");
        }
        Shape before = Shape.of(Arrays.copyOf(x.toArray(), at));
        if (lengths && !inputs.get(1).equals(ArrayType.i32(before))) {
            throw new IllegalArgumentException("mean: lengths are " + inputs.get(1) + ", expected i32 " + before
                    + ", one for each position of the axes of " + x + " before axis " + axis);
        }
        long[] extents = new long[x.rank() - 1];
        for (int i = 0; i < extents.length; i++) {
            extents[i] = x.extent(i < at ? i : i + 1);
        }
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    @Override
    public List<Keep> keeps() {
        return lengths ? List.of(LENGTHS) : List.of();
    }

    private Value around(View view, Value whole) {
        Shape x = view.pass().input(0).shape();
        return Axes.around(whole, x, Axes.of("mean", axis, x));
    }

    @Override
    public void apply(Apply a) {
        Value counts = lengths ? a.kept(LENGTHS) : null;
        Value x = around(a, a.in(0));
        Value y = a.out(0).view(x.shape().extent(0), x.shape().extent(2));
        a.pass()
                .emit(
                        a.suffix().isEmpty() ? "forward" : "tangent",
                        values(x, counts),
                        values(y),
                        t -> dev.sagitta.kernel.shape.Mean.of(t.tensor(x), t.tensor(counts), t.tensor(y)));
    }

    @Override
    public void transpose(Transpose a) {
        if (!a.wants(0)) {
            return;
        }
        Value counts = lengths ? a.kept(LENGTHS) : null;
        Value dx = around(a, a.cotangentOf(0));
        Value dy = a.cotangent(0).view(dx.shape().extent(0), dx.shape().extent(2));
        a.pass()
                .emit(
                        "input.cotangent" + a.suffix(),
                        values(dy, counts),
                        values(dx),
                        t -> dev.sagitta.kernel.shape.Mean.spread(t.tensor(dy), t.tensor(counts), t.tensor(dx)));
    }
}
