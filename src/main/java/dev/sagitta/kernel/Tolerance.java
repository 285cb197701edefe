package dev.sagitta.kernel;

/**
 * How far a kernel's result may be from an fp64 reference.
 *
 * @param relative of the magnitude of the terms that were summed: the reference supplies that magnitude per element where cancellation
 *     can occur, else it is the reference value itself
 * @param absolute floor
 */
public record Tolerance(double relative, double absolute) {
    /** A short chain of fp32 operations: a few units in the last place. */
    public static final Tolerance FLOAT = new Tolerance(2e-6, 1e-30);

    /** Bit for bit. */
    public static final Tolerance EXACT = new Tolerance(0, 0);
}
