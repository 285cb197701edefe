package dev.sagitta.curvature.estimator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sagitta.device.Device;
import dev.sagitta.fixture.DenseOperator;
import dev.sagitta.fixture.TestDevices;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.ojalgo.matrix.decomposition.Eigenvalue;
import org.ojalgo.matrix.store.R064Store;

/** The largest eigenvalues of matrices that are known, each as often as it is there. */
class LanczosTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    private static double[] eigenvalues(double[][] matrix) {
        Eigenvalue<Double> eigen = Eigenvalue.R064.make(matrix.length, true);
        eigen.decompose(R064Store.FACTORY.rows(matrix));
        double[] values = eigen.getEigenvalues().toRawCopy1D();
        java.util.Arrays.sort(values);
        return values;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void lanczosFindsTheLargestEigenvalues(String name) {
        Device device = TestDevices.get(name);
        double[][] matrix = DenseOperator.random(60, 4);
        double[] exact = eigenvalues(matrix);
        try (DenseOperator operator = new DenseOperator(device, matrix, 1, 13, 47)) {
            Lanczos.Result result = Lanczos.DEFAULT.largest(operator, 5, 9);
            assertThat(result.converged()).isTrue();
            for (int i = 0; i < 5; i++) {
                double error = Math.abs(result.values()[i] - exact[59 - i]);
                assertThat(error)
                        .as("eigenvalue %d", i)
                        .isLessThanOrEqualTo(result.residualBounds()[i] + 1e-5 * exact[59]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void lanczosExhaustsASmallSpace(String name) {
        Device device = TestDevices.get(name);
        try (DenseOperator operator = new DenseOperator(device, DenseOperator.diagonal(1, 2, 3, 4, 5), 1, 5)) {
            Lanczos.Result result = new Lanczos(100, 1e-9).largest(operator, 5, 2);
            assertThat(result.steps()).isEqualTo(5);
            for (int i = 0; i < 5; i++) {
                assertThat(result.nodes()[i]).isCloseTo(i + 1, within(1e-4));
            }
            assertThat(java.util.Arrays.stream(result.weights()).sum()).isCloseTo(1, within(1e-9));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void lanczosStopsCleanlyOnTwoClusters(String name) {
        Device device = TestDevices.get(name);
        try (DenseOperator operator = new DenseOperator(device, DenseOperator.diagonal(1, 5, 1, 5, 1, 5), 1, 6)) {
            Lanczos.Result result = Lanczos.DEFAULT.largest(operator, 3, 2);
            assertThat(result.steps()).isEqualTo(2);
            assertThat(result.nodes()[0]).isCloseTo(1, within(1e-4));
            assertThat(result.nodes()[1]).isCloseTo(5, within(1e-4));
        }
    }

    /** Q diag(values) Q' for a random orthogonal Q: nothing is aligned with the parameters. */
    private static double[][] rotated(long seed, double... values) {
        int n = values.length;
        Random random = new Random(seed);
        double[][] q = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                q[i][j] = random.nextGaussian();
            }
            for (int pass = 0; pass < 2; pass++) {
                for (int before = 0; before < i; before++) {
                    double dot = 0;
                    for (int j = 0; j < n; j++) {
                        dot += q[i][j] * q[before][j];
                    }
                    for (int j = 0; j < n; j++) {
                        q[i][j] -= dot * q[before][j];
                    }
                }
            }
            double norm = Math.sqrt(Arrays.stream(q[i]).map(x -> x * x).sum());
            for (int j = 0; j < n; j++) {
                q[i][j] /= norm;
            }
        }
        double[][] matrix = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                for (int k = 0; k < n; k++) {
                    matrix[i][j] += q[k][i] * values[k] * q[k][j];
                }
            }
        }
        return matrix;
    }

    /** Descending values from {@code high} to {@code low}, behind some that are given. */
    private static double[] spectrum(int n, double high, double low, double... first) {
        double[] values = Arrays.copyOf(first, n);
        for (int i = first.length; i < n; i++) {
            values[i] = high + (low - high) * (i - first.length) / Math.max(1, n - first.length - 1);
        }
        return values;
    }

    private static void finds(String name, double[][] matrix, int k, double... expected) {
        Device device = TestDevices.get(name);
        for (int seed = 0; seed < 3; seed++) {
            try (DenseOperator operator = new DenseOperator(device, matrix, 1, matrix.length)) {
                Lanczos.Result result = Lanczos.DEFAULT.largest(operator, k, seed);
                String what = "seed " + seed + ": " + result;
                double scale = Math.max(1e-30, Math.abs(expected[0]));
                assertThat(result.values()).as(what).hasSize(expected.length);
                for (int i = 0; i < expected.length; i++) {
                    assertThat(result.values()[i])
                            .as("%s, value %d", what, i)
                            .isCloseTo(expected[i], within(2e-5 * scale + result.residualBounds()[i]));
                    assertThat(result.residualBounds()[i]).as(what).isLessThanOrEqualTo(2e-4 * scale);
                }
                assertThat(result.converged()).as(what).isTrue();
                assertThat(result.certain()).as(what).isEqualTo(expected.length);
                assertThat(result.products()).as(what).isEqualTo(operator.multiplications());
                assertThat(result.nodes()).hasSize(result.steps());
                assertThat(Arrays.stream(result.weights()).sum()).isCloseTo(1, within(1e-9));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aSixfoldEigenvalueIsThereSixTimes(String name) {
        double[] values = spectrum(60, 2, 0.1, 5, 5, 5, 5, 5, 5);
        finds(name, DenseOperator.diagonal(values), 8, 5, 5, 5, 5, 5, 5, 2, 2 - 1.9 / 53);
        finds(name, rotated(7, values), 4, 5, 5, 5, 5);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void multipleEigenvaluesBelowTheLargest(String name) {
        double[] values = spectrum(80, 1, -3, 9, 4, 4, 4, 2, 2);
        finds(name, rotated(3, values), 6, 9, 4, 4, 4, 2, 2);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theIdentityAndZero(String name) {
        double[] ones = new double[40];
        Arrays.fill(ones, 1);
        finds(name, DenseOperator.diagonal(ones), 4, 1, 1, 1, 1);
        finds(name, DenseOperator.diagonal(new double[20]), 3, 0, 0, 0);
        finds(name, DenseOperator.diagonal(3), 5, 3);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void lowRankAndNegative(String name) {
        finds(name, rotated(5, spectrum(70, 0, 0, 6, 3, 3)), 5, 6, 3, 3, 0, 0);
        finds(name, rotated(5, spectrum(30, -2, -2, -1, -1)), 4, -1, -1, -2, -2);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void equalBlocksOfABlockDiagonalMatrix(String name) {
        double[][] block = DenseOperator.random(15, 4);
        double[] exact = eigenvalues(block);
        double[][] matrix = new double[45][45];
        for (int i = 0; i < 45; i++) {
            System.arraycopy(block[i % 15], 0, matrix[i], i / 15 * 15, 15);
        }
        finds(name, matrix, 6, exact[14], exact[14], exact[14], exact[13], exact[13], exact[13]);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void fewerDimensionsThanWanted(String name) {
        finds(name, rotated(2, 4, 4, 1), 7, 4, 4, 1);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void whatTheBudgetLeavesUncertainIsSaid(String name) {
        Device device = TestDevices.get(name);
        double[] values = spectrum(200, 4, 0.1, 5, 5, 5, 5, 5, 5);
        try (DenseOperator operator = new DenseOperator(device, DenseOperator.diagonal(values), 1, values.length)) {
            // enough for one run, not for the proof that it missed nothing
            Lanczos.Result one = new Lanczos(5, 1e-4).largest(operator, 4, 1);
            assertThat(one.converged()).isFalse();
            assertThat(one.certain()).isZero();
            assertThat(one.missedBelow()).isGreaterThan(5);
            Lanczos.Result some = new Lanczos(32, 1e-2).largest(operator, 8, 1);
            assertThat(some.certain()).isLessThan(8);
            assertThat(some.products()).isLessThanOrEqualTo(4 * 32);
        }
    }

    /** The bound holds for eigenvalues that a run has not locked, whatever they are: none of many seeds misses one. */
    @ParameterizedTest
    @MethodSource("devices")
    void noSeedMissesACopy(String name) {
        Device device = TestDevices.get(name);
        double[][] matrix = rotated(11, spectrum(50, 2.9, -1, 4, 4, 3, 3));
        for (int seed = 0; seed < 40; seed++) {
            try (DenseOperator operator = new DenseOperator(device, matrix, 1, 20, 30)) {
                Lanczos.Result result = Lanczos.DEFAULT.largest(operator, 4, seed);
                assertThat(result.values())
                        .as("seed %d: %s", seed, result)
                        .containsExactly(new double[] {4, 4, 3, 3}, within(1e-3));
                assertThat(result.certain()).isEqualTo(4);
            }
        }
    }
}
