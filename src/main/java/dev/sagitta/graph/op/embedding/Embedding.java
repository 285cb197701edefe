package dev.sagitta.graph.op.embedding;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.embedding.EmbeddingGather;
import dev.sagitta.kernel.embedding.EmbeddingScatter;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y[i] = table[id[i]]; ids are the network's int32 input, so they have no tangent and need no cotangent. Linear in the table: the tangent is
 * a gather from the tangent table, the gradient a deterministic scatter-add.
 */
public record Embedding(Parameter table) implements Op {

    @Override
    public String type() {
        return "embedding";
    }

    private long width() {
        return table.shape().extent(1);
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        long[] ids = inputs.get(0).toArray();
        long[] extents = java.util.Arrays.copyOf(ids, ids.length + 1);
        extents[ids.length] = width();
        return Shape.of(extents);
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(table);
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        return gather(e, c, c.name() + ".forward", c.parameter().apply(table), 1, c.newOutput(e));
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        scatter(e, c, c.name() + ".gradient", c.cotangent(), 1, c.gradient().apply(table));
        return new Value[] {null};
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        return gather(e, c, c.name() + ".tangent", c.parameterTangent().apply(table), c.probes(), c.newTangent(e));
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        scatter(
                e,
                c,
                c.name() + ".gradient.tangent",
                c.cotangentTangent(),
                c.probes(),
                c.gradientTangent().apply(table));
        return new Value[] {null};
    }

    private Value gather(Emitter e, OpContext c, String label, Value source, int probes, Value out) {
        Value ids = c.input();
        Value tables = source.view(probes, table.shape().extent(0), width());
        Value rows = out.view(probes, ids.elements(), width());
        e.emit(
                label,
                values(ids, source),
                values(out),
                t -> EmbeddingGather.of(t.tensor(tables), t.tensor(ids), t.tensor(rows)));
        return out;
    }

    private void scatter(Emitter e, OpContext c, String label, Value dy, int probes, Value gradient) {
        if (gradient != null) {
            Value ids = c.input();
            Value rows = dy.view(probes, ids.elements(), width());
            Value tables = gradient.view(probes, table.shape().extent(0), width());
            boolean add = c.accumulates().apply(table);
            Value workspace = e.workspace(
                    label,
                    EmbeddingScatter.workspaceBytes(
                            ids.elements(), table.shape().extent(0)));
            e.emit(
                    label,
                    values(ids, dy),
                    values(gradient, workspace),
                    t -> EmbeddingScatter.of(
                            t.tensor(ids), t.tensor(rows), t.tensor(tables), t.tensor(workspace), add));
        }
    }
}
