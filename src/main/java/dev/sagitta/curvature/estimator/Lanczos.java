package dev.sagitta.curvature.estimator;

import dev.sagitta.curvature.CurvatureOperator;

/**
 * The largest eigenvalues of an operator, each as often as it is there, by the Lanczos process (1950) with full reorthogonalisation (twice:
 * Giraud et al. 2005) and restarts. Vectors stay on the device, the small tridiagonal problem is solved in fp64 on the host.
 *
 * <p>One Krylov space holds one vector of each eigenspace, so it shows a multiple eigenvalue once. When the wanted values have converged, or
 * the space is exhausted, the process starts again from a new random vector orthogonal to the eigenvectors found, until a run finds nothing
 * above the k-th value that was missed. That run is the proof: an eigenvector missed so far has a component in its random start vector, and a
 * component that is not very small would show in the products made (see {@link Result#missedBelow}). The chance that a missed
 * eigenvalue lies above that bound is at most 1 in 1000 per run, whatever the matrix, but for the rounding of the products.
 *
 * @param steps longest Krylov space, eigenvectors found before included: so many vectors are kept. All runs together take at most
 *     {@link #mostProducts} products
 * @param tolerance stop when the residual bound of each wanted eigenvalue is below this fraction of the largest magnitude found
 */
public record Lanczos(int steps, double tolerance) {

    /** Defaults that the literature uses: 100 steps; 1e-4 is near what fp32 products can give. */
    public static final Lanczos DEFAULT = new Lanczos(100, 1e-4);

    private static final int PRODUCTS_PER_STEP = 4;

    public Lanczos {
        if (steps < 1 || !(tolerance >= 0)) {
            throw new IllegalArgumentException(
                    "lanczos: steps " + steps + " (at least 1), tolerance " + tolerance + " (at least 0)");
        }
    }

    /**
     * @param values eigenvalues, algebraically largest first, multiple ones as often as they were found
     * @param residualBounds {@code ||A x - value x||} of each Ritz pair
     * @param steps products of the first run, whose start vector is the quadrature's
     * @param converged whether all wanted eigenvalues are there and every bound met the tolerance or its Krylov space was exhausted
     * @param nodes all Ritz values of the first run, ascending
     * @param weights squared first component of each Ritz vector, for quadrature; one per node
     * @param products of all runs
     * @param certain so many of the values, the largest, are certain: converged, and no other eigenvalue lies among them or above
     * @param missedBelow a missed eigenvalue is at most this, but for a chance of 1 in 1000; negative infinity if the whole space was seen
     */
    public record Result(
            double[] values,
            double[] residualBounds,
            int steps,
            boolean converged,
            double[] nodes,
            double[] weights,
            int products,
            int certain,
            double missedBelow) {}

    /** Products of all runs together, at most. */
    public long mostProducts() {
        return (long) PRODUCTS_PER_STEP * steps;
    }

    /**
     * @param k wanted eigenvalues, at least 1; fewer are returned if the space has fewer dimensions, or steps and products do not suffice
     * @throws ArithmeticException if a product is not finite
     */
    public Result largest(CurvatureOperator operator, int k, long seed) {
        if (operator.probes() != 1) {
            throw new IllegalArgumentException("lanczos: the operator has " + operator.probes()
                    + " probes, expected 1; the process" + " multiplies one vector at a time");
        }
        if (k < 1) {
            throw new IllegalArgumentException("lanczos: " + k + " eigenvalues wanted, expected at least 1");
        }
        try (LanczosSearch search = new LanczosSearch(operator, this, k, seed)) {
            return search.run();
        }
    }
}
