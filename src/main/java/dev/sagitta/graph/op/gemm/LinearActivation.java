package dev.sagitta.graph.op.gemm;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Function;
import java.util.List;

/**
 * y = s(x W' + b), the function in the product's epilogue. It comes from a rewrite and from no file, and only where no other pass follows: z = x W' + b, which
 * every derivative needs, is never in memory.
 */
public record LinearActivation(Linear linear, Function function) implements Op {

    @Override
    public String type() {
        return linear.type() + "+" + function.symbol();
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        return linear.outputs(inputs);
    }

    @Override
    public List<Parameter> parameters() {
        return linear.parameters();
    }

    @Override
    public void forward(Forward f) {
        Value x = f.in(0);
        Value w = f.parameter(linear.weight());
        Value b = linear.bias() == null ? null : f.parameter(linear.bias());
        Value y = f.out(0);
        f.emit("forward", values(x, w, b), values(y), t -> linear.gemm(
                        t.tensor(x), t.tensor(w), t.tensor(b), t.tensor(y))
                .then(function));
    }

    @Override
    public void backward(Backward b) {
        throw noDerivative(b.name());
    }

    @Override
    public void tangent(Tangent t) {
        throw noDerivative(t.name());
    }

    @Override
    public void tangentBackward(TangentBackward b) {
        throw noDerivative(b.name());
    }

    private IllegalStateException noDerivative(String name) {
        return new IllegalStateException("layer '" + name + "' (" + type()
                + ") is fused for a forward pass alone; its rewrite refuses where another pass follows");
    }
}
