package dev.sagitta.graph.op.norm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The norm, then what is above 0 of it. */
public final class NormReluReference implements OpReference {
    private static final double EPSILON = 0.1;

    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of(new NormRelu(batchNorm(32, true)), Shape.of(32, 3, 2)).ofImages(),
                Sample.of(new NormRelu(batchNorm(16, false)), Shape.of(16, 3, 3))
                        .ofImages(),
                Sample.of(new NormRelu(batchNorm(48, true)), Shape.of(48, 5)).ofImages(),
                Sample.of(new NormRelu(groupNorm(32, 4)), Shape.of(32, 2, 3)).ofImages());
    }

    private static BatchNorm batchNorm(long channels, boolean affine) {
        return new BatchNorm(
                affine ? vector("op.weight", channels) : null,
                affine ? vector("op.bias", channels) : null,
                vector("op.running_mean", channels).use(Parameter.Use.STATE),
                Parameter.vector("op.running_var", Shape.of(channels), Init.ONES)
                        .use(Parameter.Use.STATE),
                EPSILON,
                0.1);
    }

    private static GroupNorm groupNorm(long channels, long groups) {
        return new GroupNorm(
                "group_norm", vector("op.weight", channels), vector("op.bias", channels), channels, groups, EPSILON);
    }

    private static Parameter vector(String name, long n) {
        return Parameter.vector(name, Shape.of(n), Init.ZEROS);
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        ChannelNormOp norm = at.op(NormRelu.class).norm();
        OpReference reference = norm instanceof BatchNorm ? new BatchNormReference() : new GroupNormReference();
        Jet[] y = reference.forward(new At(norm, at.batch(), at.inputs(), at.draws()), in)[0];
        for (int i = 0; i < y.length; i++) {
            y[i] = y[i].v() > 0 ? y[i] : Jet.of(0);
        }
        return new Jet[][] {y};
    }
}
