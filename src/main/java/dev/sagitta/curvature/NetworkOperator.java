package dev.sagitta.curvature;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Arithmetic;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The Hessian or the Gauss-Newton matrix of a network's mean loss over all rows of a data set, batch by batch: each batch's product counts
 * by its share of the rows (labels that the loss leaves out do not count), so the batch size changes memory and rounding, not the matrix.
 */
public final class NetworkOperator implements CurvatureOperator {
    private final Batches batches;
    private final Computation computation;
    private final Buffer sum;
    private final Tensor products;
    private final List<Step> accumulate = new ArrayList<>();

    /**
     * @param batches compiled for {@link Computation#HESSIAN_VECTOR} or {@link Computation#GAUSS_NEWTON_VECTOR}; closed with the operator
     * @throws IllegalArgumentException if the loss leaves out every label
     */
    public NetworkOperator(Batches batches, Computation computation) {
        if (computation != Computation.HESSIAN_VECTOR && computation != Computation.GAUSS_NEWTON_VECTOR) {
            throw new IllegalArgumentException("network operator: " + computation
                    + " is no product; expected HESSIAN_VECTOR or GAUSS_NEWTON_VECTOR");
        }
        requireCounted(batches);
        this.batches = batches;
        this.computation = computation;
        Tensor part = batches.program().tensor("parameters.product");
        this.sum = device().allocate(part.bytes(), MemoryCategory.TANGENTS, "operator products");
        this.products = new Tensor("operator products", sum, DType.F32, part.shape());
        for (int i = 0; i < batches.count(); i++) {
            float share = (float) batches.share(i);
            accumulate.add((i == 0 ? Arithmetic.scale(share, part, products) : Arithmetic.axpy(share, part, products))
                    .prepare(device()));
        }
    }

    /** A mean over nothing is not zero. */
    static void requireCounted(Batches batches) {
        for (int i = 0; i < batches.count(); i++) {
            if (batches.share(i) > 0) {
                return;
            }
        }
        throw new IllegalArgumentException("the loss leaves out every label of the " + batches.totalRows()
                + " rows: their mean loss is undefined; expected at least one label that counts");
    }

    @Override
    public Device device() {
        return batches.program().device();
    }

    @Override
    public Stream stream() {
        return batches.program().stream();
    }

    @Override
    public ParameterLayout layout() {
        return batches.program().layout();
    }

    @Override
    public int probes() {
        return batches.program().options().probes();
    }

    @Override
    public Tensor vectors() {
        return batches.program().tensor("parameters.vector");
    }

    @Override
    public Tensor products() {
        return products;
    }

    @Override
    public void multiply() {
        if (batches.share(0) == 0) {
            // the first batch would have written the sum
            stream().fill(sum, 0, sum.bytes(), (byte) 0);
        }
        for (int i = 0; i < batches.count(); i++) {
            if (batches.share(i) > 0) {
                batches.run(i, computation);
                accumulate.get(i).enqueue(stream());
            }
        }
    }

    @Override
    public void close() {
        accumulate.forEach(Step::close);
        sum.close();
        batches.close();
    }
}
