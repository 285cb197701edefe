package dev.sagitta.graph.op.conv;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.BilinearOp.Product;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.conv.Fold;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * A convolution and the batch norm behind it with given statistics, as one convolution: the norm's affine map per channel goes into weight and bias, anew in each
 * run, which costs a pass over the weight in place of one over all images. Of a forward pass alone.
 *
 * @param gamma null for 1
 * @param beta null for 0
 */
public record ConvNorm(Conv conv, Parameter gamma, Parameter beta, Parameter mean, Parameter variance, double epsilon)
        implements Op {

    @Override
    public String type() {
        return conv.type() + "+batch_norm";
    }

    @Override
    public Images images() {
        return Images.CHANNELS_LAST;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        return conv.outputs(inputs);
    }

    @Override
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(conv.parameters());
        for (Parameter p : new Parameter[] {gamma, beta, mean, variance}) {
            if (p != null) {
                all.add(p);
            }
        }
        return List.copyOf(all);
    }

    @Override
    public void forward(Forward f) {
        Value x = f.in(0);
        Value y = f.out(0);
        Value w = f.parameter(conv.weight());
        Value b = parameter(f, conv.bias());
        Value g = parameter(f, gamma);
        Value s = parameter(f, beta);
        Value m = f.parameter(mean);
        Value v = f.parameter(variance);
        Value folded = f.scratch("weight", w.shape());
        Value bias = f.scratch("bias", Shape.of(mean.elements()));
        f.emit(
                "fold",
                values(w, b, g, s, m, v),
                values(folded, bias),
                t -> new Fold(
                        t.tensor(w),
                        t.tensor(b),
                        t.tensor(g),
                        t.tensor(s),
                        t.tensor(m),
                        t.tensor(v),
                        (float) epsilon,
                        t.tensor(folded),
                        t.tensor(bias)));
        long bytes = conv.scratch(f.emitter().device(), Product.FORWARD, x.shape(), w.shape(), y.shape());
        Value scratch = bytes == 0 ? null : f.workspace("forward", bytes);
        f.emit(
                "forward",
                values(x, folded, bias),
                values(y, scratch),
                t -> conv.product(
                        t.tensor(x), t.tensor(folded), t.tensor(bias), t.tensor(y), 1, false, t.tensor(scratch)));
    }

    private static Value parameter(Forward f, Parameter p) {
        return p == null ? null : f.parameter(p);
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
