package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Saved;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.elementwise.MaskApply;
import dev.sagitta.kernel.elementwise.ReluMask;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = max(z, 0). Everything after the forward pass is a product with the mask [z > 0], which is what is kept: one bit per element. */
public record Relu() implements Op {

    @Override
    public String type() {
        return "relu";
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        return inputs.get(0);
    }

    @Override
    public Saved saved() {
        return Saved.SIGN_MASK;
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        Value z = c.input();
        Value y = c.newOutput(e);
        Value mask = c.saved();
        e.emit(
                c.name() + ".forward",
                values(z),
                values(y, mask),
                t -> ReluMask.of(t.tensor(z), t.tensor(y), t.tensor(mask)));
        return y;
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        return new Value[] {c.wantsInput().get(0) ? masked(e, c, c.cotangent(), c.newCotangent(e, 0)) : null};
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        return c.tangent() == null ? null : masked(e, c, c.tangent(), c.newTangent(e));
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        return new Value[] {
            c.wantsInput().get(0) ? masked(e, c, c.cotangentTangent(), c.newCotangentTangent(e, 0)) : null
        };
    }

    private static Value masked(Emitter e, OpContext c, Value in, Value out) {
        Value mask = c.saved();
        long n = c.input().elements();
        e.emit(
                out.name(),
                values(mask, in),
                values(out),
                t -> MaskApply.of(t.tensor(mask), n, t.tensor(in), t.tensor(out)));
        return out;
    }
}
