package dev.sagitta.graph.op.elementwise;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import java.util.List;

/** y = a + b, as in a residual connection. Both inputs receive the output's cotangent itself, not a copy. */
public record Add() implements LinearOp {
    public static final OpType TYPE = OpType.of("add", 2, "y = a + b", m -> new Add());

    @Override
    public String type() {
        return "add";
    }

    @Override
    public Images images() {
        return Images.BY_ELEMENTS;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        if (inputs.size() != 2 || !inputs.get(0).equals(inputs.get(1))) {
            throw new IllegalArgumentException("add: inputs have shapes "
                    + inputs.stream().map(ArrayType::shape).toList() + ", expected two of the same shape");
        }
        return List.of(inputs.get(0));
    }

    @Override
    public void apply(Apply a) {
        Value first = a.in(0);
        Value second = a.in(1);
        if (first == null || second == null) {
            a.pass(0, first == null ? second : first);
            return;
        }
        String label = a.pass().name() + (a.suffix().isEmpty() ? ".forward" : a.suffix());
        Sums.add(a.pass().emitter(), label, first, second, a.out(0));
    }

    @Override
    public void transpose(Transpose a) {
        a.send(0, a.cotangent(0));
        a.send(1, a.cotangent(0));
    }
}
