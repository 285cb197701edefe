package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Zero;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Inputs one behind the other along an axis, of images as users count it: 0 for channels. Each receives its part of the cotangent. */
public record Concat(long axis) implements LinearOp {
    public static final OpType TYPE = OpType.of(
                    "concat",
                    2,
                    Integer.MAX_VALUE,
                    "inputs one behind the other along an axis",
                    m -> new Concat(m.get(Axes.AXIS)),
                    Axes.AXIS)
            .check(Axes::missing);

    @Override
    public String type() {
        return "concat";
    }

    @Override
    public Images images() {
        return Images.EITHER;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape first = inputs.get(0).shape();
        int at = Axes.of("concat", axis, inputs.get(0));
        long extent = 0;
        for (int i = 0; i < inputs.size(); i++) {
            Axes.requireFloat("concat", inputs.get(i));
            Shape shape = inputs.get(i).shape();
            if (shape.rank() != first.rank()
                    || !Axes.with(shape, at, first.extent(at)).equals(first)) {
                throw new IllegalArgumentException(
                        "concat: input " + i + " has shape " + inputs.get(i).shown() + ", input 0 "
                                + inputs.get(0).shown() + "; expected equal extents on all axes but axis " + axis);
            }
            extent += shape.extent(at);
        }
        return List.of(Axes.with(inputs.get(0), at, extent));
    }

    private int axisOf(View a) {
        return Axes.of("concat", axis, a.pass().input(0));
    }

    @Override
    public void apply(Apply a) {
        int at = axisOf(a);
        Value y = Axes.around(a.out(0), a.pass().output(0).shape(), at);
        List<Value> parts = new ArrayList<>();
        for (int i = 0; i < a.pass().inputs(); i++) {
            Value x = a.in(i);
            parts.add(x == null ? null : Axes.around(x, a.pass().input(i).shape(), at));
        }
        a.pass()
                .emit(
                        a.suffix().isEmpty() ? "forward" : "tangent",
                        values(parts.toArray(Value[]::new)),
                        values(y),
                        t -> {
                            List<Preparable> work = new ArrayList<>();
                            if (parts.contains(null)) {
                                work.add(new Zero(t.tensor(y)));
                            }
                            long begin = 0;
                            for (int i = 0; i < parts.size(); i++) {
                                if (parts.get(i) != null) {
                                    work.add(dev.sagitta.kernel.shape.Slice.put(
                                            t.tensor(parts.get(i)), begin, t.tensor(y)));
                                }
                                begin += a.pass().input(i).shape().extent(at);
                            }
                            return Preparable.sequence(work.toArray(Preparable[]::new));
                        });
    }

    @Override
    public void transpose(Transpose a) {
        int at = axisOf(a);
        Value dy = Axes.around(a.cotangent(0), a.pass().output(0).shape(), at);
        long begin = 0;
        for (int i = 0; i < a.pass().inputs(); i++) {
            Shape shape = a.pass().input(i).shape();
            Value dx = a.cotangentOf(i);
            if (dx != null) {
                Value to = Axes.around(dx, shape, at);
                long first = begin;
                a.pass()
                        .emit(
                                "input" + i + ".cotangent" + a.suffix(),
                                values(dy),
                                values(to),
                                t -> dev.sagitta.kernel.shape.Slice.take(t.tensor(dy), first, t.tensor(to)));
            }
            begin += shape.extent(at);
        }
    }
}
