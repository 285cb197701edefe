package dev.sagitta.curvature;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.kernel.Arithmetic;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Loss and gradient of a network's mean loss over all rows of a data set; each batch counts by its share of the rows. */
public final class NetworkGradient implements AutoCloseable {
    private final Batches batches;
    private final Buffer sum;
    private final Tensor gradient;
    private final List<Step> accumulate = new ArrayList<>();
    private double loss;

    /**
     * @param batches compiled for {@link Computation#GRADIENT}; stay the caller's
     * @throws IllegalArgumentException if the loss leaves out every label
     */
    public NetworkGradient(Batches batches) {
        NetworkOperator.requireCounted(batches);
        this.batches = batches;
        Program program = batches.program();
        Tensor part = program.tensor("parameters.gradient");
        this.sum = program.device().allocate(part.bytes(), MemoryCategory.GRADIENTS, "mean gradient");
        this.gradient = new Tensor("mean gradient", sum, DType.F32, part.shape());
        for (int i = 0; i < batches.count(); i++) {
            float share = (float) batches.share(i);
            accumulate.add((i == 0 ? Arithmetic.scale(share, part, gradient) : Arithmetic.axpy(share, part, gradient))
                    .prepare(program.device()));
        }
    }

    /** Runs over all batches. */
    public void compute() {
        loss = 0;
        if (batches.share(0) == 0) {
            // the first batch would have written the sum
            batches.program().stream().fill(sum, 0, sum.bytes(), (byte) 0);
        }
        for (int i = 0; i < batches.count(); i++) {
            if (batches.share(i) > 0) {
                batches.run(i, Computation.GRADIENT);
                accumulate.get(i).enqueue(batches.program().stream());
                loss += batches.share(i) * batches.program(i).loss();
            }
        }
    }

    /** Of the last {@link #compute}. */
    public double loss() {
        return loss;
    }

    /** f32 [length] in the layout of the program's parameters; gaps hold zeros. */
    public Tensor gradient() {
        return gradient;
    }

    @Override
    public void close() {
        accumulate.forEach(Step::close);
        sum.close();
    }
}
