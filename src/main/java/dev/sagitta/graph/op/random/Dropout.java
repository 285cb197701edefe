package dev.sagitta.graph.op.random;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y = x m / (1 - p), m the mask of (seed, stream, step, element): regenerated in every mode, never stored. Linear in x, so all modes are
 * the same product; K probes share the mask. Outside training it is the identity.
 */
public record Dropout(float probability) implements Op {

    public Dropout {
        if (!(probability >= 0 && probability < 1)) {
            throw new IllegalArgumentException("dropout: probability " + probability + ", expected 0 <= p < 1");
        }
    }

    @Override
    public String type() {
        return "dropout";
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        return inputs.get(0);
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        return isIdentity(c) ? c.input() : drop(e, c, c.input(), c.newOutput(e));
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        if (!c.wantsInput().get(0)) {
            return new Value[] {null};
        }
        return new Value[] {isIdentity(c) ? c.cotangent() : drop(e, c, c.cotangent(), c.newCotangent(e, 0))};
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        if (c.tangent() == null) {
            return null;
        }
        return isIdentity(c) ? c.tangent() : drop(e, c, c.tangent(), c.newTangent(e));
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        if (!c.wantsInput().get(0)) {
            return new Value[] {null};
        }
        return new Value[] {
            isIdentity(c) ? c.cotangentTangent() : drop(e, c, c.cotangentTangent(), c.newCotangentTangent(e, 0))
        };
    }

    private boolean isIdentity(OpContext c) {
        return !c.training() || probability == 0;
    }

    private Value drop(Emitter e, OpContext c, Value in, Value out) {
        Value random = c.random();
        long period = c.batch() * c.outputShape().elements();
        e.emit(
                out.name(),
                values(in, random),
                values(out),
                t -> Random.dropout(t.tensor(random), c.stream(), probability, period, t.tensor(in), t.tensor(out)));
        return out;
    }
}
