package dev.sagitta.graph.op.norm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** s = a + b, and its rows normalised as the formula reads. */
public final class AddNormReference implements OpReference {
    @Override
    public List<Sample> samples() {
        NormOp layer = new LayerNorm(
                Parameter.vector("n.weight", Shape.of(7), Parameter.Init.ONES),
                Parameter.vector("n.bias", Shape.of(7), Parameter.Init.ZEROS),
                1e-5);
        return List.of(Sample.of(new AddNorm(layer, true), Shape.of(3, 7), Shape.of(3, 7)));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        AddNorm op = at.op(AddNorm.class);
        int c = Math.toIntExact(at.inputs().get(0).shape().extent(-1));
        Jet[] w = op.weight() == null ? null : in[2];
        Jet[] b = op.bias() == null ? null : in[3];
        Jet[] s = new Jet[in[0].length];
        for (int i = 0; i < s.length; i++) {
            s[i] = in[0][i].plus(in[1][i]);
        }
        Jet[] y = new Jet[s.length];
        for (int row = 0; row < y.length; row += c) {
            Rows.normalise(s, row, c, op.centred(), op.epsilon(), w, b, y);
        }
        return op.writesSum() ? new Jet[][] {s, y} : new Jet[][] {y};
    }
}
