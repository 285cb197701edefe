package dev.sagitta.graph;

import dev.sagitta.tensor.Shape;

/**
 * A tensor of the network, fp32, saved with the model.
 *
 * @param name as PyTorch names it: {@code fc1.weight}
 * @param init what training starts from
 * @param use whether it has a gradient
 * @param isDecayed whether an optimiser's weight decay pulls on it
 * @param isPackable whether it may be stored in few bits: a matrix [out, in] of products along its last axis
 */
public record Parameter(String name, Shape shape, Init init, Use use, boolean isDecayed, boolean isPackable) {
    /** What a parameter is for. */
    public enum Use {
        /** Has a gradient, probe vectors and products. */
        TRAINED,
        /** Is read and never written: has none of them. */
        FROZEN,
        /** Is written by the forward pass of training ({@code Forward.update}): running statistics. */
        STATE
    }

    /**
     * Uniform in centre plus or minus deviation.
     *
     * @param centre 0 for most, 1 for a norm's scale
     * @param deviation 0 for constants
     */
    public record Init(double centre, double deviation) {
        public static final Init ZEROS = new Init(0, 0);
        public static final Init ONES = new Init(1, 0);

        public static Init uniform(double bound) {
            return new Init(0, bound);
        }
    }

    /** A weight matrix: decayed, and eligible for low-bit storage. */
    public static Parameter matrix(String name, Shape shape, Init init) {
        return new Parameter(name, shape, init, Use.TRAINED, true, true);
    }

    /** A weight of more axes: decayed, and kept in fp32. */
    public static Parameter weight(String name, Shape shape, Init init) {
        return new Parameter(name, shape, init, Use.TRAINED, true, false);
    }

    /** A bias or a scale: trained, neither decayed nor packed. */
    public static Parameter vector(String name, Shape shape, Init init) {
        return new Parameter(name, shape, init, Use.TRAINED, false, false);
    }

    /** The same with another use. */
    public Parameter use(Use other) {
        return new Parameter(name, shape, init, other, isDecayed, isPackable);
    }

    public boolean isTrained() {
        return use == Use.TRAINED;
    }

    public long elements() {
        return shape.elements();
    }
}
