package dev.sagitta.graph.op.embedding;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * y[i] = table[id[i]]; ids are int32, so they have no tangent and need no cotangent. Linear in the table: the tangent is
 * a gather from the tangent table, the gradient a deterministic scatter-add.
 */
public record Embedding(Parameter table) implements LinearOp {
    private static final Field<String> VOCABULARY = Field.characters(
            "vocabulary", "the characters that ids stand for, in ascending order; true until a text gives them");
    private static final Field<Long> ROWS =
            Field.extent("rows", Integer.MAX_VALUE, "rows of the table, in place of a vocabulary");
    private static final Field<Long> WIDTH = Field.extent("width", "columns of the table");
    // uniform: PyTorch's N(0, 1) in its first two moments unless another is wanted
    private static final Field<Double> DEVIATION = Field.number(
            "deviation",
            1.0,
            0,
            1e6,
            "standard deviation of the initial rows; 0.02 suits a table that is the output, too");

    public static final OpType TYPE = OpType.of(
                    "embedding", 1, "a row of the table per id", Embedding::make, VOCABULARY, ROWS, WIDTH, DEVIATION)
            .check(Embedding::problem)
            .readsIds(0);

    private static String problem(Map<String, Object> given) {
        boolean rows = given.containsKey("rows");
        if (rows == given.containsKey("vocabulary")) {
            return "expected either 'rows' or 'vocabulary', found " + (rows ? "both" : "neither");
        }
        return given.containsKey("width") ? null : "field 'width' is missing";
    }

    private static Op make(OpType.Making m) {
        Init init = Init.uniform(m.get(DEVIATION) * Math.sqrt(3));
        return new Embedding(m.matrix("weight", Shape.of(m.get(ROWS), m.get(WIDTH)), init));
    }

    private static final Keep IDS = Keep.input(0).exact();

    @Override
    public String type() {
        return "embedding";
    }

    @Override
    public long idLimit() {
        return rows();
    }

    private long rows() {
        return table.shape().extent(0);
    }

    private long width() {
        return table.shape().extent(1);
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        if (inputs.get(0).dtype() != DType.I32) {
            throw new IllegalArgumentException("embedding '" + table.name() + "': input 0 has dtype "
                    + inputs.get(0).dtype().suffix() + ", expected i32: it must read the network's ids");
        }
        long[] ids = inputs.get(0).shape().toArray();
        long[] extents = Arrays.copyOf(ids, ids.length + 1);
        extents[ids.length] = width();
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(table);
    }

    @Override
    public List<Keep> keeps() {
        return List.of(IDS);
    }

    @Override
    public void apply(Apply a) {
        Value ids = a.kept(IDS);
        Value source = a.of(table);
        Value y = a.out(0);
        Value tables = source.view(a.copies(), rows(), width());
        Value result = y.view(a.copies(), ids.elements(), width());
        a.pass()
                .emit(
                        a.suffix().isEmpty() ? "forward" : "tangent",
                        values(ids, source),
                        values(y),
                        t -> dev.sagitta.kernel.embedding.Embedding.gather(
                                t.tensor(tables), t.tensor(ids), t.tensor(result)));
    }

    @Override
    public void transpose(Transpose a) {
        Backward.Gradient gradient = a.gradient(table);
        if (gradient == null) {
            return;
        }
        Value ids = a.kept(IDS);
        Value dy = a.cotangent(0);
        Value result = dy.view(a.copies(), ids.elements(), width());
        Value tables = gradient.value().view(a.copies(), rows(), width());
        String what = "gradient" + a.suffix();
        Value workspace =
                a.pass().workspace(what, dev.sagitta.kernel.embedding.Embedding.workspaceBytes(ids.elements(), rows()));
        a.pass()
                .emit(
                        what,
                        values(ids, dy),
                        values(gradient.value(), workspace),
                        t -> dev.sagitta.kernel.embedding.Embedding.scatter(
                                t.tensor(ids),
                                t.tensor(result),
                                t.tensor(tables),
                                t.tensor(workspace),
                                gradient.accumulate()));
    }
}
