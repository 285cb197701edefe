package dev.sagitta.graph.op.norm;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.norm.ChannelTerms;
import dev.sagitta.kernel.norm.ChannelTerms.Sets;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Batch norm, as PyTorch's {@code BatchNorm1d} and {@code 2d}: per channel, with the mean and biased variance of all pixels of a batch, or with running ones. A training
 * step uses the batch's and moves the running ones, the variance unbiased; what the network is for uses the running ones. Ioffe and Szegedy, "Batch Normalization", 2015.
 *
 * @param weight null for ones, and then so is the bias
 * @param mean state
 * @param variance state
 */
public record BatchNorm(
        Parameter weight, Parameter bias, Parameter mean, Parameter variance, double epsilon, double momentum)
        implements ChannelNormOp {
    private static final Field<Double> EPSILON = Field.number("epsilon", 1e-5, 0, 1, "added to the variance");
    private static final Field<Double> MOMENTUM =
            Field.number("momentum", 0.1, 0, 1, "by how much running statistics move towards a batch's");
    private static final Field<Boolean> AFFINE = Field.flag("affine", true, "whether weight and bias are there");

    public static final OpType TYPE = OpType.of(
            "batch_norm",
            1,
            "y = weight (x - mean) / sqrt(variance + epsilon) + bias per channel, over the batch and all pixels",
            BatchNorm::make,
            EPSILON,
            MOMENTUM,
            AFFINE);

    private static Op make(OpType.Making m) {
        Shape shown = m.input(0).shown();
        if (shown.rank() < 1) {
            throw new IllegalArgumentException("batch_norm: the input is a scalar, expected [channels, ...]");
        }
        Shape channels = Shape.of(shown.extent(0));
        boolean affine = m.get(AFFINE);
        return new BatchNorm(
                affine ? m.vector("weight", channels, Init.ONES) : null,
                affine ? m.vector("bias", channels, Init.ZEROS) : null,
                m.state("running_mean", channels, Init.ZEROS),
                m.state("running_var", channels, Init.ONES),
                m.get(EPSILON),
                m.get(MOMENTUM));
    }

    @Override
    public String type() {
        return "batch_norm";
    }

    @Override
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(ChannelNormOp.super.parameters());
        all.add(mean);
        all.add(variance);
        return List.copyOf(all);
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        if (x.shape().rank() < 1 || x.shape().extent(-1) != mean.elements()) {
            throw new IllegalArgumentException("batch_norm '" + mean.name() + "': the input has shape " + x.shown()
                    + ", expected " + mean.elements() + " channels");
        }
        return List.of(x);
    }

    @Override
    public Sets sets(Pass pass) {
        Shape x = pass.input(0).shape();
        long channels = x.extent(-1);
        long rows = pass.batch() * (x.elements() / channels);
        if (pass.batchStatistics() && rows < 2) {
            throw new IllegalArgumentException(
                    "layer '" + pass.name() + "' (batch_norm): a batch has one value per channel,"
                            + " which has no variance; expected at least two: a larger batch, or running statistics");
        }
        return new Sets(1, rows, channels, channels, !pass.batchStatistics());
    }

    @Override
    public boolean given(Forward f, Value batchMean, Value r, Value terms) {
        if (f.batchStatistics()) {
            return false;
        }
        Value m = f.parameter(mean);
        Value v = f.parameter(variance);
        Value w = weight == null ? null : f.parameter(weight);
        Value b = bias == null ? null : f.parameter(bias);
        f.emit(
                "statistics",
                values(m, v, w, b),
                values(batchMean, r, terms),
                t -> new ChannelTerms.Given(
                        t.tensor(m),
                        t.tensor(v),
                        t.tensor(w),
                        t.tensor(b),
                        t.tensor(batchMean),
                        t.tensor(r),
                        t.tensor(terms),
                        (float) epsilon));
        return true;
    }

    @Override
    public Value[] running(Forward f) {
        Value m = f.update(mean);
        return m == null ? null : new Value[] {m, f.update(variance)};
    }
}
