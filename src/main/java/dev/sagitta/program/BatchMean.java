package dev.sagitta.program;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Gather;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The mean over all rows of what a computation leaves in a tensor, on the device: each batch counts by the labels in it that count, so the batch size
 * changes memory and rounding, not the mean. A warm {@link #compute} prepares and allocates nothing.
 */
public final class BatchMean implements AutoCloseable {
    private final Batches batches;
    private final Computation computation;
    private final Buffer sum;
    private final Tensor mean;
    private final Gather losses;
    private final List<Step> accumulate = new ArrayList<>();
    private double loss;

    /**
     * @param batches compiled for the computation; stay the caller's
     * @param role of parameters, itself a mean over the counted rows of a batch
     * @throws dev.sagitta.io.file.DataException if no label counts at all
     */
    public BatchMean(Batches batches, Computation computation, ParameterRole role) {
        this.batches = batches;
        this.computation = computation;
        Tensor part = batches.program().flat(role);
        double[] shares = new double[batches.count()];
        for (int i = 0; i < shares.length; i++) {
            shares[i] = batches.share(i);
        }
        this.sum = batches.program().device().allocate(part.bytes(), role.category(), "mean of " + part.name());
        this.mean = new Tensor("mean of " + part.name(), sum, DType.F32, part.shape());
        try {
            this.losses = new Gather(batches.program().stream(), (long) Float.BYTES * shares.length);
        } catch (RuntimeException | Error e) {
            sum.close();
            throw e;
        }
        try {
            prepare(part, shares);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private void prepare(Tensor part, double[] shares) {
        boolean first = true;
        for (double share : shares) {
            // a batch of left out labels has no mean
            Step step = null;
            if (share > 0) {
                step = (first
                                ? Arithmetic.scale((float) share, part, mean)
                                : Arithmetic.axpy((float) share, part, mean))
                        .prepare(batches.program().device());
                first = false;
            }
            accumulate.add(step);
        }
    }

    /** Runs over all batches. */
    public void compute() {
        Stream stream = batches.program().stream();
        for (int i = 0; i < accumulate.size(); i++) {
            if (accumulate.get(i) != null) {
                batches.run(i, computation);
                accumulate.get(i).enqueue(stream);
            }
        }
    }

    /** The same with the mean loss, which is waited for at the end. */
    public void computeWithLoss() {
        Stream stream = batches.program().stream();
        for (int i = 0; i < accumulate.size(); i++) {
            if (accumulate.get(i) != null) {
                batches.run(i, computation);
                accumulate.get(i).enqueue(stream);
                losses.add(batches.program(i).tensor(Role.LOSS));
            }
        }
        ByteBuffer read = losses.read();
        double total = 0;
        for (int i = 0; i < accumulate.size(); i++) {
            if (accumulate.get(i) != null) {
                total += batches.share(i) * read.getFloat();
            }
        }
        loss = total;
    }

    /** Of the last {@link #computeWithLoss}. */
    public double loss() {
        return loss;
    }

    /** Of the last {@link #compute}, in the shape of the tensor. */
    public Tensor mean() {
        return mean;
    }

    @Override
    public void close() {
        for (Step step : accumulate) {
            if (step != null) {
                step.close();
            }
        }
        losses.close();
        sum.close();
    }
}
