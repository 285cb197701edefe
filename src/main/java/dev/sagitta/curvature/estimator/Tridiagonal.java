package dev.sagitta.curvature.estimator;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.ojalgo.matrix.decomposition.Eigenvalue;
import org.ojalgo.matrix.store.MatrixStore;
import org.ojalgo.matrix.store.R064Store;

/** What one Krylov space tells of an operator: the symmetric tridiagonal matrix of a Lanczos process, in fp64, and its eigenvalues. */
final class Tridiagonal {
    private final List<Double> alphas = new ArrayList<>();
    private final List<Double> betas = new ArrayList<>();
    private Integer[] ascending = {};
    private double[] values = {};
    private MatrixStore<Double> vectors;

    /** @param beta length of what is left of the product: the next off-diagonal element, should the process go on */
    void add(double alpha, double beta) {
        alphas.add(alpha);
        betas.add(beta);
    }

    int size() {
        return alphas.size();
    }

    /** To be called before any of the following. */
    void solve() {
        int m = size();
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
        vectors = eigen.getV();
        ascending = IntStream.range(0, m).boxed().toArray(Integer[]::new);
        java.util.Arrays.sort(ascending, Comparator.comparingDouble(i -> all[i]));
        values = IntStream.range(0, m).mapToDouble(i -> all[ascending[i]]).toArray();
    }

    /** Ritz values, ascending. */
    double[] nodes() {
        return values.clone();
    }

    /** Squared first component of each Ritz vector. */
    double[] weights() {
        return IntStream.range(0, values.length)
                .mapToDouble(i -> Math.pow(vectors.doubleValue(0, ascending[i]), 2))
                .toArray();
    }

    double largest() {
        return values[values.length - 1];
    }

    double magnitude() {
        return Math.max(Math.abs(values[0]), Math.abs(largest()));
    }

    double value(int i) {
        return values[i];
    }

    /** {@code ||A x - value x||} of Ritz pair i, within the space that the process runs in. */
    double bound(int i) {
        return Math.abs(betas.get(values.length - 1) * vectors.doubleValue(values.length - 1, ascending[i]));
    }

    /** Components of Ritz vector i in the basis. */
    double[] vector(int i) {
        return IntStream.range(0, values.length)
                .mapToDouble(row -> vectors.doubleValue(row, ascending[i]))
                .toArray();
    }

    /**
     * Above it, no eigenvector that the process has not found has a component of {@code component} or more in the start vector (of length 1).
     * For an eigenvalue t above all Ritz values the component is at most {@code prod beta_i / prod (t - theta_i)}: the process's
     * characteristic polynomial, applied to the start vector, leaves a vector of length prod beta_i.
     */
    double seenAbove(double component) {
        double logBetas = betas.stream().mapToDouble(Math::log).sum();
        double scale = Math.max(magnitude(), Double.MIN_NORMAL);
        if (excess(0, logBetas, component) <= 0) {
            return largest();
        }
        double high = 1e-12 * scale;
        while (excess(high, logBetas, component) > 0) {
            high *= 2;
        }
        double low = 0;
        for (int i = 0; i < 50; i++) {
            double middle = (low + high) / 2;
            if (excess(middle, logBetas, component) > 0) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return largest() + high;
    }

    /** Logarithm of the largest component of an eigenvector of largest() + above, less that of {@code component}. */
    private double excess(double above, double logBetas, double component) {
        double excess = logBetas - Math.log(component);
        for (double value : values) {
            excess -= Math.log(largest() + above - value);
        }
        // a process that came to its end has seen all that its start vector holds: -infinity less -infinity
        return logBetas == Double.NEGATIVE_INFINITY ? logBetas : excess;
    }
}
