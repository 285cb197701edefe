package dev.sagitta.graph.op.norm;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.tensor.Shape;

/** y = w (x - mean) / sqrt(variance + epsilon) + b over the last axis. Ba, Kiros and Hinton, "Layer normalization", 2016. */
public record LayerNorm(Parameter weight, Parameter bias, double epsilon) implements NormOp {
    private static final Field<Double> EPSILON = Field.number("epsilon", 1e-5, 1e-30, 1, "is added to the variance");
    private static final Field<Boolean> BIAS = Field.flag("bias", true, "whether b is there");

    public static final OpType TYPE = OpType.of(
            "layer_norm",
            1,
            "y = w (x - mean) / sqrt(variance + epsilon) + b over the last axis",
            LayerNorm::make,
            EPSILON,
            BIAS);

    private static Op make(OpType.Making m) {
        Shape columns = columns(m);
        return new LayerNorm(
                m.vector("weight", columns, Init.ONES),
                m.get(BIAS) ? m.vector("bias", columns, Init.ZEROS) : null,
                m.get(EPSILON));
    }

    static Shape columns(OpType.Making m) {
        Shape x = m.input(0).shape();
        if (x.rank() < 1) {
            throw new IllegalArgumentException("the input is a scalar, expected features");
        }
        return Shape.of(x.extent(-1));
    }

    @Override
    public String type() {
        return "layer_norm";
    }

    @Override
    public boolean centred() {
        return true;
    }
}
