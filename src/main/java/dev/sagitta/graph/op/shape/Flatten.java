package dev.sagitta.graph.op.shape;

import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** All axes of an example in one. A view: it costs nothing in any mode. */
public record Flatten() implements Op {

    @Override
    public String type() {
        return "flatten";
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        return Shape.of(inputs.get(0).elements());
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        return c.input().view(c.batch(), c.outputShape().elements());
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        return new Value[] {
            c.wantsInput().get(0) ? c.cotangent().view(c.inputs().get(0).shape().toArray()) : null
        };
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        return c.tangent() == null
                ? null
                : c.tangent().view(c.probes(), c.batch(), c.outputShape().elements());
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        Shape input = c.inputs().get(0).shape().prepend(c.probes());
        return new Value[] {c.wantsInput().get(0) ? c.cotangentTangent().view(input.toArray()) : null};
    }
}
