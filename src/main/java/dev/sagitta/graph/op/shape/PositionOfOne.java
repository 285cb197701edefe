package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Decoding;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.OfOnePosition;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.embedding.Embedding;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x + the row of a table that {@link Decoding#position} says: {@link Position} of one position at a time, forward only. */
record PositionOfOne(Parameter table) implements OfOnePosition {
    @Override
    public String type() {
        return "position_of_one";
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Axes.requireFloat(type(), inputs.get(0));
        return List.of(inputs.get(0));
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(table);
    }

    @Override
    public void forward(Forward f) {
        long rows = table.shape().extent(0);
        long width = table.shape().extent(1);
        Value x = f.in(0);
        Value y = f.out(0);
        Value tables = f.parameter(table);
        Value source = tables.view(1, rows, width);
        Value position = Decoding.position(f.emitter());
        Value row = f.scratch("row", Shape.of(1, 1, width));
        Value input = x.view(1, 1, width);
        Value result = y.view(1, 1, width);
        f.emit(
                "forward",
                values(x, tables, position),
                values(y, row),
                t -> Preparable.sequence(
                        Embedding.gather(t.tensor(source), t.tensor(position), t.tensor(row)),
                        Arithmetic.add(t.tensor(input), t.tensor(row), t.tensor(result))));
    }
}
