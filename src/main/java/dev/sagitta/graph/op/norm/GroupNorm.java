package dev.sagitta.graph.op.norm;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.kernel.norm.ChannelTerms.Sets;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * Group norm, as PyTorch's {@code GroupNorm}: with the mean and biased variance of all pixels of a group of channels of one example; with a group per channel it is
 * instance norm. Wu and He, "Group Normalization", 2018; Ulyanov et al., "Instance Normalization", 2016.
 *
 * @param type of layer
 * @param weight null for ones, and then so is the bias
 */
public record GroupNorm(String type, Parameter weight, Parameter bias, long channels, long groups, double epsilon)
        implements ChannelNormOp {
    private static final Field<Double> EPSILON = Field.number("epsilon", 1e-5, 0, 1, "added to the variance");
    private static final Field<Long> GROUPS = Field.integer("groups", null, 1, 1 << 24, "groups of channels");
    private static final Field<Boolean> AFFINE = Field.flag("affine", true, "whether weight and bias are there");
    private static final Field<Boolean> INSTANCE_AFFINE =
            Field.flag("affine", false, "whether weight and bias are there");

    public static final OpType TYPE = OpType.of(
                    "group_norm",
                    1,
                    "y = weight (x - mean) / sqrt(variance + epsilon) + bias, over the pixels and a group of channels of an example",
                    m -> make(m, "group_norm", m.get(GROUPS), m.get(AFFINE)),
                    GROUPS,
                    EPSILON,
                    AFFINE)
            .check(given -> given.containsKey("groups") ? null : "field 'groups' is missing");

    public static final OpType INSTANCE_TYPE = OpType.of(
            "instance_norm",
            1,
            "y = (x - mean) / sqrt(variance + epsilon) per channel, over the pixels of an example",
            m -> make(m, "instance_norm", 0, m.get(INSTANCE_AFFINE)),
            EPSILON,
            INSTANCE_AFFINE);

    /** @param groups 0 for one per channel */
    private static Op make(OpType.Making m, String type, long groups, boolean affine) {
        Shape shown = m.input(0).shown();
        if (shown.rank() < 1 || groups == 0 && shown.rank() < 2) {
            throw new IllegalArgumentException(type + ": the input has shape " + shown + ", expected [channels, "
                    + (groups == 0 ? "height, width]" : "...]"));
        }
        long channels = shown.extent(0);
        if (groups > 0 && channels % groups != 0) {
            throw new IllegalArgumentException(
                    "groups is " + groups + ", which does not divide " + channels + " channels; expected a divisor");
        }
        return new GroupNorm(
                type,
                affine ? m.vector("weight", Shape.of(channels), Init.ONES) : null,
                affine ? m.vector("bias", Shape.of(channels), Init.ZEROS) : null,
                channels,
                groups == 0 ? channels : groups,
                m.get(EPSILON));
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        if (x.shape().rank() < 1 || x.shape().extent(-1) != channels) {
            throw new IllegalArgumentException(
                    type + ": the input has shape " + x.shown() + ", expected " + channels + " channels");
        }
        if (x.shape().elements() / groups < 2) {
            throw new IllegalArgumentException(type + ": " + groups + " groups of " + x.shown()
                    + " have one value each, which has no variance; expected at least two");
        }
        return List.of(x);
    }

    @Override
    public Sets sets(Pass pass) {
        Shape x = pass.input(0).shape();
        return new Sets(pass.batch(), x.elements() / channels, channels, groups, false);
    }
}
