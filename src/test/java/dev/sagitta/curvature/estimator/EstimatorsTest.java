package dev.sagitta.curvature.estimator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.device.Device;
import dev.sagitta.fixture.DenseOperator;
import dev.sagitta.fixture.TestDevices;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Estimators on matrices whose answers are known. */
class EstimatorsTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void rademacherProbesAreExactOnADiagonal(String name) {
        Device device = TestDevices.get(name);
        try (DenseOperator operator = new DenseOperator(device, DenseOperator.diagonal(1, 2, 3, 4, 5), 3, 2, 3)) {
            HutchinsonTrace.Result result = HutchinsonTrace.joint(7).estimate(operator, 5);
            assertThat(result.total().value()).isEqualTo(15);
            assertThat(result.total().standardError()).isZero();
            assertThat(result.total().probes()).isEqualTo(7);
            assertThat(result.blocks()).extracting(Estimate::value).containsExactly(3.0, 12.0);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void confidenceIntervalsCoverTheTrace(String name) {
        Device device = TestDevices.get(name);
        double[][] matrix = DenseOperator.random(12, 3);
        double trace = 0;
        double firstBlock = 0;
        for (int i = 0; i < 12; i++) {
            trace += matrix[i][i];
            firstBlock += i < 5 ? matrix[i][i] : 0;
        }
        for (boolean separate : new boolean[] {false, true}) {
            int covered = 0;
            int blockCovered = 0;
            int runs = 60;
            for (int seed = 0; seed < runs; seed++) {
                try (DenseOperator operator = new DenseOperator(device, matrix, 4, 5, 7)) {
                    HutchinsonTrace.Result result = new HutchinsonTrace(16, 0, 0.9, separate).estimate(operator, seed);
                    covered += Math.abs(result.total().value() - trace)
                                    <= result.total().halfWidth()
                            ? 1
                            : 0;
                    Estimate block = result.blocks().get(0);
                    blockCovered += Math.abs(block.value() - firstBlock) <= block.halfWidth() ? 1 : 0;
                }
            }
            // 90 % of 60 is 54; a binomial this far below has a chance under 1e-4
            assertThat(covered).as("total, separate=%s", separate).isGreaterThanOrEqualTo(44);
            assertThat(blockCovered).as("block, separate=%s", separate).isGreaterThanOrEqualTo(44);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void separateProbesHaveTheSmallerVariancePerBlock(String name) {
        Device device = TestDevices.get(name);
        double[][] matrix = DenseOperator.random(16, 8);
        try (DenseOperator joint = new DenseOperator(device, matrix, 8, 8, 8);
                DenseOperator separate = new DenseOperator(device, matrix, 8, 8, 8)) {
            Estimate a = HutchinsonTrace.joint(256).estimate(joint, 1).blocks().get(1);
            Estimate b =
                    HutchinsonTrace.separate(256).estimate(separate, 1).blocks().get(1);
            assertThat(b.standardError()).isLessThan(a.standardError());
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void stopsOnTheIntervalNotBefore(String name) {
        Device device = TestDevices.get(name);
        double[][] matrix = DenseOperator.random(12, 3);
        try (DenseOperator operator = new DenseOperator(device, matrix, 4, 12)) {
            HutchinsonTrace.Result result = new HutchinsonTrace(4000, 0.05, 0.95, false).estimate(operator, 1);
            assertThat(result.total().probes()).isBetween(8, 3999);
            assertThat(result.total().halfWidth())
                    .isLessThanOrEqualTo(0.05 * result.total().value());
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aProductThatIsNotFiniteIsNamed(String name) {
        Device device = TestDevices.get(name);
        try (DenseOperator one = new DenseOperator(device, DenseOperator.diagonal(1, Double.NaN), 1, 2);
                DenseOperator many = new DenseOperator(device, DenseOperator.diagonal(1, Double.NaN), 4, 2)) {
            assertThatThrownBy(() -> Lanczos.DEFAULT.largest(one, 1, 0)).hasMessageContaining("not finite");
            assertThatThrownBy(() -> HutchinsonTrace.joint(4).estimate(many, 0)).hasMessageContaining("NaN");
            assertThatThrownBy(() -> Lanczos.DEFAULT.largest(many, 1, 0)).hasMessageContaining("4 probes, expected 1");
        }
    }
}
