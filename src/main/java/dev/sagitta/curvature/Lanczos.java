package dev.sagitta.curvature;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.ojalgo.matrix.decomposition.Eigenvalue;
import org.ojalgo.matrix.store.MatrixStore;
import org.ojalgo.matrix.store.R064Store;

/**
 * The largest eigenvalues of an operator by the Lanczos process (1950) with full reorthogonalisation (twice: Giraud et al. 2005), the basis
 * on the device, the small tridiagonal problem in fp64 on the host.
 *
 * @param steps at most so many products
 * @param tolerance stop when the residual bound of each wanted eigenvalue is below this fraction of the largest magnitude found
 */
public record Lanczos(int steps, double tolerance) {

    /** Defaults that the literature uses: 100 steps; 1e-4 is near what fp32 products can give. */
    public static final Lanczos DEFAULT = new Lanczos(100, 1e-4);

    /**
     * @param values eigenvalues, algebraically largest first
     * @param residualBounds {@code ||A x - value x||} of each Ritz pair
     * @param steps products used
     * @param converged whether every bound met the tolerance, or the Krylov space was exhausted
     * @param weights squared first component of each Ritz vector, for quadrature; one per Ritz value
     * @param nodes all Ritz values, ascending
     */
    public record Result(
            double[] values, double[] residualBounds, int steps, boolean converged, double[] nodes, double[] weights) {}

    /** @param k wanted eigenvalues; fewer are returned if the space has fewer dimensions */
    public Result largest(CurvatureOperator operator, int k, long seed) {
        Device device = operator.device();
        Stream stream = operator.stream();
        if (operator.probes() != 1) {
            throw new IllegalArgumentException("lanczos: the operator has " + operator.probes()
                    + " probes, expected 1; the process" + " multiplies one vector at a time");
        }
        long length = operator.layout().length();
        long dimension = operator.layout().parameters().stream()
                .mapToLong(parameter -> parameter.elements())
                .sum();
        int most = (int) Math.min(steps, dimension);
        try (VectorAlgebra algebra = new VectorAlgebra(device, stream, length);
                Buffer basis = device.allocate(
                        Math.multiplyExact(length, (most + 1L) * Float.BYTES),
                        MemoryCategory.WORKSPACE,
                        "lanczos basis");
                Buffer coefficients =
                        device.allocate((most + 1L) * Float.BYTES, MemoryCategory.WORKSPACE, "lanczos coefficients")) {
            return run(operator, k, seed, most, algebra, basis, coefficients);
        }
    }

    private Result run(
            CurvatureOperator operator,
            int k,
            long seed,
            int most,
            VectorAlgebra algebra,
            Buffer basis,
            Buffer coefficients) {
        Stream stream = operator.stream();
        Tensor v = operator.vectors();
        Tensor w = operator.products();
        long bytes = v.bytes();
        new Probes(operator).normal(seed, 0);
        algebra.scale(1 / algebra.norm(v), v, v);
        List<Double> alphas = new ArrayList<>();
        List<Double> betas = new ArrayList<>();
        double largest = 0;
        for (int j = 0; j < most; j++) {
            stream.copy(basis, j * bytes, v.buffer(), 0, bytes);
            operator.multiply();
            double alpha = algebra.dot(v, w);
            if (!Double.isFinite(alpha)) {
                throw new ArithmeticException(
                        "lanczos: product " + (j + 1) + " is not finite; check weights and inputs for NaN or infinity");
            }
            alphas.add(alpha);
            Tensor q = new Tensor("basis", basis, DType.F32, Shape.of(j + 1, v.elements()));
            Tensor c = new Tensor("coefficients", coefficients, DType.F32, Shape.of(j + 1));
            for (int pass = 0; pass < 2; pass++) {
                algebra.project(q, w, c);
                algebra.subtract(q, c, w);
            }
            double beta = algebra.norm(w);
            largest = Math.max(largest, Math.max(Math.abs(alpha), beta));
            // what is left is rounding of the products: the space is exhausted
            boolean exhausted = beta <= 1e-5 * largest || j + 1 == most && most < steps;
            Result result = solve(alphas, betas, exhausted ? 0 : beta, k);
            if (result.converged() || exhausted || j + 1 == most) {
                return result;
            }
            betas.add(beta);
            algebra.scale(1 / beta, w, v);
        }
        throw new IllegalStateException("lanczos: no step was taken");
    }

    private Result solve(List<Double> alphas, List<Double> betas, double nextBeta, int k) {
        int m = alphas.size();
        R064Store t = R064Store.FACTORY.make(m, m);
        for (int i = 0; i < m; i++) {
            t.set(i, i, alphas.get(i));
            if (i + 1 < m) {
                t.set(i, i + 1, betas.get(i));
                t.set(i + 1, i, betas.get(i));
            }
        }
        Eigenvalue<Double> eigen = Eigenvalue.R064.make(t, true);
        eigen.decompose(t);
        double[] all = eigen.getEigenvalues().toRawCopy1D();
        MatrixStore<Double> vectors = eigen.getV();
        Integer[] order = java.util.stream.IntStream.range(0, m).boxed().toArray(Integer[]::new);
        java.util.Arrays.sort(order, java.util.Comparator.comparingDouble(i -> all[i]));
        double[] nodes = new double[m];
        double[] weights = new double[m];
        double[] bounds = new double[m];
        double magnitude = 0;
        for (int i = 0; i < m; i++) {
            nodes[i] = all[order[i]];
            weights[i] = Math.pow(vectors.doubleValue(0, order[i]), 2);
            bounds[i] = Math.abs(nextBeta * vectors.doubleValue(m - 1, order[i]));
            magnitude = Math.max(magnitude, Math.abs(nodes[i]));
        }
        int count = Math.min(k, m);
        double[] values = new double[count];
        double[] residuals = new double[count];
        boolean converged = nextBeta == 0 || m >= k;
        for (int i = 0; i < count; i++) {
            values[i] = nodes[m - 1 - i];
            residuals[i] = bounds[m - 1 - i];
            converged &= residuals[i] <= tolerance * magnitude;
        }
        return new Result(values, residuals, m, converged, nodes, weights);
    }
}
