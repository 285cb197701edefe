package dev.sagitta.graph.op.shape;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Positions begin to before end of an axis. Negative ones count from the end; an end of {@link #WHOLE} is the axis's. */
public record Slice(long axis, long begin, long end) implements LinearOp {
    /** To the end of the axis. */
    public static final long WHOLE = Long.MAX_VALUE;

    private static final long FAR = 1L << 40;
    private static final Field<Long> BEGIN =
            Field.integer("begin", 0L, -FAR, FAR, "the first position; negative from the end");
    private static final Field<Long> END =
            Field.integer("end", null, -FAR, FAR, "the position behind the last; the axis's end where absent");

    public static final OpType TYPE = OpType.of(
                    "slice",
                    1,
                    "positions begin to before end of an axis",
                    m -> new Slice(m.get(Axes.AXIS), m.get(BEGIN), m.has(END) ? m.get(END) : WHOLE),
                    Axes.AXIS,
                    BEGIN,
                    END)
            .check(Axes::missing);

    @Override
    public String type() {
        return "slice";
    }

    @Override
    public Images images() {
        return Images.EITHER;
    }

    private Part part(ArrayType x) {
        Axes.requireFloat("slice", x);
        Shape shape = x.shape();
        int at = Axes.of("slice", axis, x);
        long extent = shape.extent(at);
        long first = begin < 0 ? begin + extent : begin;
        long last = end == WHOLE ? extent : end < 0 ? end + extent : end;
        if (first < 0 || last > extent || first >= last) {
            throw new IllegalArgumentException("slice: positions " + begin + " to " + (end == WHOLE ? extent : end)
                    + " of axis " + axis + " of " + x.shown() + ", expected at least one within its " + extent);
        }
        return new Part(shape, at, first, last - first);
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        Part part = part(x);
        return List.of(Axes.with(x, part.axis(), part.length()));
    }

    @Override
    public void apply(Apply a) {
        part(a.pass().input(0)).apply(a);
    }

    @Override
    public void transpose(Transpose a) {
        part(a.pass().input(0)).transpose(a);
    }
}
