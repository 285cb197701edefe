package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * y's axis i is x's axis axes[i]. Axes that stay together are one; what is left is a sequence of exchanges of neighbours, of which most orders need one and each
 * is a pass over memory.
 */
public record Permute(List<Long> axes) implements LinearOp {
    private static final Field<List<Long>> AXES = Field.integers(
            "axes",
            null,
            -Axes.MOST,
            Axes.MOST - 1,
            "which axis of the input each of the output's is; the batch left out");

    public static final OpType TYPE = OpType.of(
                    "transpose", 1, "axes in another order", m -> new Permute(m.get(AXES)), AXES)
            .check(given -> given.containsKey("axes") ? null : "field 'axes' is missing");

    public Permute {
        axes = List.copyOf(axes);
    }

    @Override
    public String type() {
        return "transpose";
    }

    /** Each axis once, counted from the front. */
    private List<Integer> order(Shape shape) {
        List<Integer> order = new ArrayList<>();
        for (long axis : axes) {
            order.add(Axes.of("transpose", axis, shape));
        }
        if (order.size() != shape.rank() || order.stream().distinct().count() != order.size()) {
            throw new IllegalArgumentException("transpose: axes " + axes + " of " + shape + ", expected each of its "
                    + shape.rank() + " axes once");
        }
        return order;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Axes.requireFloat("transpose", inputs.get(0));
        Shape x = inputs.get(0).shape();
        long[] extents = order(x).stream().mapToLong(x::extent).toArray();
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    /** [outer, a, b, inner] to [outer, b, a, inner], outer of one example. */
    record Exchange(long outer, long a, long b, long inner) {}

    /** What brings axes into an order, one after the other. */
    static List<Exchange> exchanges(Shape shape, List<Integer> order) {
        List<Integer> now = new ArrayList<>();
        List<Integer> wanted = new ArrayList<>(order);
        for (int i = 0; i < shape.rank(); i++) {
            now.add(i);
        }
        // an axis of one position is everywhere
        now.removeIf(axis -> shape.extent(axis) == 1);
        wanted.removeIf(axis -> shape.extent(axis) == 1);
        List<Exchange> exchanges = new ArrayList<>();
        for (int i = 0; i < wanted.size(); i++) {
            int from = now.indexOf(wanted.get(i));
            if (from == i) {
                continue;
            }
            int to = from;
            while (to < now.size() && now.get(to).equals(wanted.get(i + to - from))) {
                to++;
            }
            exchanges.add(new Exchange(
                    extent(shape, now.subList(0, i)),
                    extent(shape, now.subList(i, from)),
                    extent(shape, now.subList(from, to)),
                    extent(shape, now.subList(to, now.size()))));
            List<Integer> moved = List.copyOf(now.subList(from, to));
            now.subList(from, to).clear();
            now.addAll(i, moved);
        }
        return exchanges;
    }

    private static long extent(Shape shape, List<Integer> axes) {
        return axes.stream().mapToLong(shape::extent).reduce(1, (a, b) -> a * b);
    }

    /** One pass over memory for each exchange; a copy where there is none. */
    static void emit(View view, String what, Value from, Value to, List<Exchange> exchanges) {
        if (exchanges.isEmpty()) {
            view.pass().emit(what, values(from), values(to), t -> Arithmetic.scale(1, t.tensor(from), t.tensor(to)));
            return;
        }
        long examples =
                from.elements() == 0 ? 0 : view.copies() * (long) view.pass().batch();
        Value now = from;
        for (int i = 0; i < exchanges.size(); i++) {
            Exchange e = exchanges.get(i);
            boolean last = i == exchanges.size() - 1;
            String step = last ? what : what + "." + i;
            Value next = last ? to : view.pass().scratch(step, to.shape());
            Value x = now.view(examples * e.outer(), e.a(), e.b(), e.inner());
            Value y = next.view(examples * e.outer(), e.b(), e.a(), e.inner());
            view.pass()
                    .emit(
                            step,
                            values(x),
                            values(y),
                            t -> dev.sagitta.kernel.shape.Transpose.of(t.tensor(x), t.tensor(y)));
            now = next;
        }
    }

    @Override
    public void apply(Apply a) {
        Shape x = a.pass().input(0).shape();
        emit(a, a.suffix().isEmpty() ? "forward" : "tangent", a.in(0), a.out(0), exchanges(x, order(x)));
    }

    @Override
    public void transpose(Transpose a) {
        Value dx = a.cotangentOf(0);
        if (dx == null) {
            return;
        }
        List<Integer> order = order(a.pass().input(0).shape());
        List<Integer> back = new ArrayList<>();
        for (int i = 0; i < order.size(); i++) {
            back.add(order.indexOf(i));
        }
        emit(
                a,
                "input.cotangent" + a.suffix(),
                a.cotangent(0),
                dx,
                exchanges(a.pass().output(0).shape(), back));
    }
}
