package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.kernel.elementwise.Zero;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y[..., t, :] = x[..., t, :] + table[t, :]: learned positions, of which the first are read where there are more than x has. Linear in both; the rows of the table's
 * gradient that are not read are zero.
 */
public record Position(Parameter table) implements LinearOp {
    /** GPT-2's deviation. */
    private static final double DEVIATION = 0.02;

    private static final Field<Long> ROWS =
            Field.positions("rows", Integer.MAX_VALUE, "rows of the table; as many as the input has where absent");

    public static final OpType TYPE =
            OpType.of("position", 1, "y = x + a row of a table for each position", Position::make, ROWS);

    private static Op make(OpType.Making m) {
        Shape x = m.input(0).shape();
        requireRows(x);
        long rows = m.has(ROWS) ? m.get(ROWS) : x.extent(-2);
        return new Position(m.matrix("weight", Shape.of(rows, x.extent(-1)), Init.uniform(DEVIATION * Math.sqrt(3))));
    }

    private static void requireRows(Shape x) {
        if (x.rank() < 2) {
            throw new IllegalArgumentException("position: input has shape " + x + ", expected [..., positions, width]");
        }
    }

    @Override
    public String type() {
        return "position";
    }

    private long rows() {
        return table.shape().extent(0);
    }

    private long width() {
        return table.shape().extent(1);
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Axes.requireFloat("position", inputs.get(0));
        Shape x = inputs.get(0).shape();
        requireRows(x);
        if (x.extent(-1) != width()) {
            throw new IllegalArgumentException(
                    "position '" + table.name() + "': input has shape " + x + ", expected last axis " + width());
        }
        if (x.extent(-2) > rows()) {
            throw new IllegalArgumentException("position '" + table.name() + "': input has " + x.extent(-2)
                    + " positions, the table " + rows() + " rows; expected at most that many positions");
        }
        return List.of(inputs.get(0));
    }

    @Override
    public Op decoding(int longest) {
        if (longest > rows()) {
            throw new IllegalArgumentException(
                    longest + " positions, the table '" + table.name() + "' has " + rows() + " rows");
        }
        return new PositionOfOne(table);
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(table);
    }

    private long used(View view) {
        return view.pass().input(0).shape().extent(-2) * width();
    }

    private long all() {
        return rows() * width();
    }

    @Override
    public void apply(Apply a) {
        Value x = a.in(0);
        Value w = a.of(table);
        if (w == null) {
            a.pass(0, x);
            return;
        }
        String what = a.suffix().isEmpty() ? "forward" : "tangent";
        long used = used(a);
        Value read = first(a, what, w.view(a.copies(), all(), 1), used);
        Value y = a.out(0);
        Value rows = y.view(a.copies(), y.elements() / a.copies() / used, used);
        Value source = x == null ? null : x.view(rows.shape());
        a.pass()
                .emit(
                        what,
                        values(source, read),
                        values(rows),
                        t -> Preparable.sequence(
                                source == null
                                        ? new Zero(t.tensor(rows))
                                        : Arithmetic.scale(1, t.tensor(source), t.tensor(rows)),
                                Bias.add(t.tensor(rows), t.tensor(read))));
    }

    /** [copies, used]: of each copy of the table what is read. */
    private Value first(View view, String what, Value tables, long used) {
        if (used == all()) {
            return tables.view(view.copies(), used);
        }
        Value part = view.pass().scratch(what + ".rows", Shape.of(view.copies(), used, 1));
        view.pass()
                .emit(
                        what + ".rows",
                        values(tables),
                        values(part),
                        t -> dev.sagitta.kernel.shape.Slice.take(t.tensor(tables), 0, t.tensor(part)));
        return part.view(view.copies(), used);
    }

    @Override
    public void transpose(Transpose a) {
        Value dy = a.cotangent(0);
        Backward.Gradient gradient = a.gradient(table);
        if (gradient != null) {
            long used = used(a);
            String what = "gradient" + a.suffix();
            String label = a.pass().name() + "." + what;
            Value rows = dy.view(a.copies(), dy.elements() / a.copies() / used, used);
            if (used == all()) {
                Value into = gradient.value().view(a.copies(), used);
                Sums.columns(a.pass().emitter(), label, rows, into, gradient.accumulate());
            } else {
                Value sums = a.pass().scratch(what + ".sums", Shape.of(a.copies(), used));
                Sums.columns(a.pass().emitter(), label + ".sums", rows, sums, false);
                pad(a, what, sums.view(a.copies(), used, 1), gradient);
            }
        }
        a.send(0, dy);
    }

    private void pad(View view, String what, Value sums, Backward.Gradient gradient) {
        Value into = gradient.value().view(view.copies(), all(), 1);
        if (!gradient.accumulate()) {
            view.pass()
                    .emit(
                            what,
                            values(sums),
                            values(into),
                            t -> dev.sagitta.kernel.shape.Slice.pad(t.tensor(sums), 0, t.tensor(into)));
            return;
        }
        Value padded = view.pass().scratch(what + ".padded", into.shape());
        view.pass()
                .emit(
                        what,
                        values(sums),
                        values(into, padded),
                        t -> Preparable.sequence(
                                dev.sagitta.kernel.shape.Slice.pad(t.tensor(sums), 0, t.tensor(padded)),
                                Arithmetic.axpy(1, t.tensor(padded), t.tensor(into))));
    }
}
