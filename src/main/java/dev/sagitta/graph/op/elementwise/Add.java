package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = a + b, as in a residual connection. Both inputs receive the output's cotangent itself, not a copy. */
public record Add() implements Op {

    @Override
    public String type() {
        return "add";
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        if (inputs.size() != 2 || !inputs.get(0).equals(inputs.get(1))) {
            throw new IllegalArgumentException(
                    "add: inputs have shapes " + inputs + ", expected two of the same shape");
        }
        return inputs.get(0);
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        return sum(e, c.name() + ".forward", c.inputs().get(0), c.inputs().get(1), c.newOutput(e));
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        return new Value[] {c.cotangent(), c.cotangent()};
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        Value a = c.tangents().get(0);
        Value b = c.tangents().get(1);
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        return sum(e, c.name() + ".tangent", a, b, c.newTangent(e));
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        return new Value[] {c.cotangentTangent(), c.cotangentTangent()};
    }

    /** Emits out = a + b. */
    public static Value sum(Emitter e, String label, Value a, Value b, Value out) {
        e.emit(label, values(a, b), values(out), t -> Arithmetic.add(t.tensor(a), t.tensor(b), t.tensor(out)));
        return out;
    }
}
