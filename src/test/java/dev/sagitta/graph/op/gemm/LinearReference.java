package dev.sagitta.graph.op.gemm;

import static dev.sagitta.fixture.Sample.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Op;
import java.util.List;

/** y = x W' + b. */
public final class LinearReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'linear','out':1}", 1, shape(1)),
                Sample.of("{'type':'linear','out':3,'bias':false}", 2, shape(5)),
                Sample.of("{'type':'linear','out':7}", 3, shape(2, 33)));
    }

    @Override
    public Jet[][] forward(Op op, Scene scene, Jet[][] in) {
        Jet[] x = in[0];
        Jet[] w = in[1];
        int features = (int) ((Linear) op).weight().shape().extent(1);
        int out = w.length / features;
        int rows = x.length / features;
        Jet[] y = new Jet[rows * out];
        for (int row = 0; row < rows; row++) {
            for (int o = 0; o < out; o++) {
                Jet sum = Jet.dot(x, row * features, 1, w, o * features, 1, features);
                y[row * out + o] = in.length > 2 ? sum.plus(in[2][o]) : sum;
            }
        }
        return new Jet[][] {y};
    }
}
