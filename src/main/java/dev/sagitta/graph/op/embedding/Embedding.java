package dev.sagitta.graph.op.embedding;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/**
 * y[i] = table[id[i]]; ids are int32, so they have no tangent and need no cotangent. Linear in the table: the tangent is
 * a gather from the tangent table, the gradient a deterministic scatter-add.
 */
public record Embedding(Parameter table) implements LinearOp {
    private static final Keep IDS = Keep.input(0).exact();

    @Override
    public String type() {
        return "embedding";
    }

    private long rows() {
        return table.shape().extent(0);
    }

    private long width() {
        return table.shape().extent(1);
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
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
                        t -> dev.sagitta.kernel.embedding.Embedding.gather(t.tensor(tables), t.tensor(ids), t.tensor(result)));
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
        Value workspace = a.pass().workspace(what, dev.sagitta.kernel.embedding.Embedding.workspaceBytes(ids.elements(), rows()));
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
