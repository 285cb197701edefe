package dev.sagitta.graph.op.norm;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.norm.ChannelTerms.Sets;
import java.util.List;

/**
 * y = max(norm(x), 0), a norm over channels that is rectified in the pass that writes it. It comes from a rewrite and from no file. What is kept is the norm's, and a
 * bit per element for relu.
 */
public record NormRelu(ChannelNormOp norm) implements ChannelNormOp {
    @Override
    public String type() {
        return norm.type() + "+relu";
    }

    @Override
    public boolean rectifies() {
        return true;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        return norm.outputs(inputs);
    }

    @Override
    public List<Parameter> parameters() {
        return norm.parameters();
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
    public double momentum() {
        return norm.momentum();
    }

    @Override
    public Sets sets(Pass pass) {
        return norm.sets(pass);
    }

    @Override
    public boolean given(Forward f, Value mean, Value r, Value terms) {
        return norm.given(f, mean, r, terms);
    }

    @Override
    public Value[] running(Forward f) {
        return norm.running(f);
    }
}
