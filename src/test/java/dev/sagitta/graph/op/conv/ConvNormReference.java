package dev.sagitta.graph.op.conv;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.kernel.Window;
import dev.sagitta.program.Computation;
import dev.sagitta.tensor.Shape;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The convolution, then the norm of each element. The variance is some 0.3 off 1, so that it is positive. */
public final class ConvNormReference implements OpReference {
    private static final double EPSILON = 2;

    @Override
    public List<Sample> samples() {
        Window window = new Window(3, 2, 1, 2, 1, 0, 1, 1);
        return List.of(sample(4, 3, 1, window, true, true), sample(6, 4, 2, window, false, false));
    }

    private static Sample sample(long out, long in, int groups, Window window, boolean bias, boolean affine) {
        Parameter weight =
                Parameter.weight("op.weight", Shape.of(out, in / groups, window.height(), window.width()), Init.ZEROS);
        Conv conv = new Conv(weight, bias ? vector("op.bias", out) : null, groups, window);
        ConvNorm op = new ConvNorm(
                conv,
                affine ? vector("norm.weight", out) : null,
                affine ? vector("norm.bias", out) : null,
                vector("norm.mean", out),
                vector("norm.variance", out),
                EPSILON);
        return Sample.of(op, Shape.of(in, 4, 5));
    }

    private static Parameter vector(String name, long n) {
        return Parameter.vector(name, Shape.of(n), Init.ZEROS);
    }

    @Override
    public Set<Computation> computations() {
        return EnumSet.of(Computation.PREDICT, Computation.EVALUATE);
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        ConvNorm op = at.op(ConvNorm.class);
        Conv conv = op.conv();
        int next = conv.bias() == null ? 2 : 3;
        Jet[] y = ConvReference.convolve(
                at,
                in[0],
                in[1],
                conv.bias() == null ? null : in[2],
                conv.weight().shape(),
                conv.groups(),
                conv.window());
        Jet[] gamma = op.gamma() == null ? null : in[next++];
        Jet[] beta = op.beta() == null ? null : in[next++];
        int channels = (int) conv.weight().shape().extent(0);
        for (int i = 0; i < y.length; i++) {
            int c = i % channels;
            Jet s = in[next + 1][c].plus(op.epsilon()).power(-0.5);
            s = gamma == null ? s : s.times(gamma[c]);
            y[i] = y[i].minus(in[next][c]).times(s);
            y[i] = beta == null ? y[i] : y[i].plus(beta[c]);
        }
        return new Jet[][] {y};
    }
}
