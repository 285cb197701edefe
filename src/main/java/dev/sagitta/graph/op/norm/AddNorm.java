package dev.sagitta.graph.op.norm;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.elementwise.Add;
import java.util.List;

/**
 * s = a + b and y = norm(s), each written in one pass over memory: a residual connection and the norm behind it. It comes from a rewrite and from no file. What is kept is
 * s, once for the norm and for whoever else reads it; both inputs receive ds + what the norm sends back, without a copy.
 *
 * @param norm of the sum
 * @param writesSum whether the sum is output 0 and y output 1; else y is the only one, which serves where no other pass follows
 */
public record AddNorm(NormOp norm, boolean writesSum) implements NormOp {
    private static final Keep SUM = Keep.output(0);

    @Override
    public String type() {
        return "add+" + norm.type();
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        List<ArrayType> sum = new Add().outputs(inputs);
        ArrayType y = norm.outputs(sum).get(0);
        return writesSum ? List.of(sum.get(0), y) : List.of(y);
    }

    @Override
    public Parameter weight() {
        return norm.weight();
    }

    @Override
    public Parameter bias() {
        return norm.bias();
    }

    @Override
    public double epsilon() {
        return norm.epsilon();
    }

    @Override
    public boolean centred() {
        return norm.centred();
    }

    @Override
    public boolean adds() {
        return true;
    }

    @Override
    public int normed() {
        return writesSum ? 1 : 0;
    }

    @Override
    public Keep x() {
        if (!writesSum) {
            throw new IllegalStateException(
                    type()
                            + " without its sum is fused for a forward pass alone; its rewrite writes it where another follows");
        }
        return SUM;
    }

    @Override
    public List<Keep> keeps() {
        return writesSum ? NormOp.super.keeps() : centred() ? List.of(MEAN, R) : List.of(R);
    }

    @Override
    public boolean readsKept(int output) {
        return output == normed();
    }
}
