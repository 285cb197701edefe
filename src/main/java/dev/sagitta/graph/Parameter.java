package dev.sagitta.graph;

import dev.sagitta.tensor.Shape;

/**
 * A trained tensor, fp32.
 *
 * @param name as PyTorch names it: {@code fc1.weight}
 * @param initialDeviation bound of the uniform distribution it is initialised from (PyTorch's default for its layer); 0 for zeros
 * @param isMatrix a weight matrix: decayed by the optimiser and eligible for low-bit storage
 */
public record Parameter(String name, Shape shape, double initialDeviation, boolean isMatrix) {
    public long elements() {
        return shape.elements();
    }
}
