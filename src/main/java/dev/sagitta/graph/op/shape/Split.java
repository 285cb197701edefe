package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Zero;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** An axis cut into parts of these sizes, an output for each: {@code NAME}, {@code NAME.1}, ... The cotangent is what came back, one behind the other. */
public record Split(long axis, List<Long> sizes) implements LinearOp {
    private static final long MOST_PARTS = 1024;
    private static final Field<Long> PARTS =
            Field.integer("parts", null, 1, MOST_PARTS, "into so many of equal length, in place of sizes");
    private static final Field<List<Long>> SIZES =
            Field.integers("sizes", null, 1, 1L << 40, "lengths of the parts, which sum to the axis's");

    public static final OpType TYPE = OpType.of(
                    "split",
                    1,
                    "an axis cut into parts, outputs `NAME.0`, `NAME.1`, ...",
                    Split::make,
                    Axes.AXIS,
                    PARTS,
                    SIZES)
            .check(Split::problem);

    private static String problem(Map<String, Object> given) {
        boolean parts = given.containsKey("parts");
        if (parts == given.containsKey("sizes")) {
            return "expected either 'parts' or 'sizes', found " + (parts ? "both" : "neither");
        }
        return Axes.missing(given);
    }

    private static Op make(OpType.Making m) {
        if (m.has(SIZES)) {
            return new Split(m.get(Axes.AXIS), m.get(SIZES));
        }
        Shape x = m.input(0).shown();
        long extent = x.extent(Axes.of("split", m.get(Axes.AXIS), x));
        long parts = m.get(PARTS);
        if (extent % parts != 0) {
            throw new IllegalArgumentException("split: axis " + m.get(Axes.AXIS) + " of " + x + " has " + extent
                    + " positions, which " + parts + " parts do not divide; give their 'sizes'");
        }
        return new Split(m.get(Axes.AXIS), Collections.nCopies((int) parts, extent / parts));
    }

    public Split {
        sizes = List.copyOf(sizes);
    }

    @Override
    public String type() {
        return "split";
    }

    @Override
    public Images images() {
        return Images.EITHER;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Axes.requireFloat("split", inputs.get(0));
        ArrayType x = inputs.get(0);
        int at = Axes.of("split", axis, x);
        long sum = sizes.stream().mapToLong(Long::longValue).sum();
        if (sizes.isEmpty() || sum != x.shape().extent(at)) {
            throw new IllegalArgumentException("split: sizes " + sizes + " sum to " + sum + ", expected "
                    + x.shape().extent(at) + ", axis " + axis + " of " + x.shown());
        }
        return sizes.stream().map(size -> Axes.with(x, at, size)).toList();
    }

    private int axisOf(View a) {
        return Axes.of("split", axis, a.pass().input(0));
    }

    @Override
    public void apply(Apply a) {
        int at = axisOf(a);
        Value x = Axes.around(a.in(0), a.pass().input(0).shape(), at);
        long begin = 0;
        for (int i = 0; i < sizes.size(); i++) {
            Value to = Axes.around(a.out(i), a.pass().output(i).shape(), at);
            long first = begin;
            a.pass()
                    .emit(
                            (a.suffix().isEmpty() ? "forward" : "tangent") + "." + i,
                            values(x),
                            values(to),
                            t -> dev.sagitta.kernel.shape.Slice.take(t.tensor(x), first, t.tensor(to)));
            begin += sizes.get(i);
        }
    }

    @Override
    public void transpose(Transpose a) {
        if (!a.wants(0)) {
            return;
        }
        int at = axisOf(a);
        List<Value> parts = new ArrayList<>();
        for (int i = 0; i < sizes.size(); i++) {
            // null of an output that nobody reads
            Value dy = a.cotangent(i);
            parts.add(dy == null ? null : Axes.around(dy, a.pass().output(i).shape(), at));
        }
        Value dx = Axes.around(a.cotangentOf(0), a.pass().input(0).shape(), at);
        a.pass().emit("input.cotangent" + a.suffix(), values(parts.toArray(Value[]::new)), values(dx), t -> {
            List<Preparable> work = new ArrayList<>();
            if (parts.contains(null)) {
                work.add(new Zero(t.tensor(dx)));
            }
            long begin = 0;
            for (int i = 0; i < parts.size(); i++) {
                if (parts.get(i) != null) {
                    work.add(dev.sagitta.kernel.shape.Slice.put(t.tensor(parts.get(i)), begin, t.tensor(dx)));
                }
                begin += sizes.get(i);
            }
            return Preparable.sequence(work.toArray(Preparable[]::new));
        });
    }
}
