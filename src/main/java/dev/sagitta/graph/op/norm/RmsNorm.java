package dev.sagitta.graph.op.norm;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;

/** y = w x / sqrt(mean x^2 + epsilon) over the last axis. Zhang and Sennrich, "Root mean square layer normalization", 2019. */
public record RmsNorm(Parameter weight, double epsilon) implements NormOp {
    private static final Field<Double> EPSILON = Field.number("epsilon", 1e-5, 1e-30, 1, "is added to the mean square");
    private static final Field<Boolean> WEIGHT = Field.flag("weight", true, "whether w is there");

    public static final OpType TYPE = OpType.of(
            "rms_norm", 1, "y = w x / sqrt(mean x^2 + epsilon) over the last axis", RmsNorm::make, EPSILON, WEIGHT);

    private static Op make(OpType.Making m) {
        Parameter weight = m.get(WEIGHT) ? m.vector("weight", LayerNorm.columns(m), Init.ONES) : null;
        return new RmsNorm(weight, m.get(EPSILON));
    }

    @Override
    public String type() {
        return "rms_norm";
    }

    @Override
    public Parameter bias() {
        return null;
    }

    @Override
    public boolean centred() {
        return false;
    }
}
