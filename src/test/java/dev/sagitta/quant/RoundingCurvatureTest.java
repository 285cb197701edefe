package dev.sagitta.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.program.Rows;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RoundingCurvatureTest {
    private static final int ROWS = 13;
    private static final int[] WIDTHS = {9, 12, 10, 5};
    private static final List<Integer> BITS = List.of(2, 3, 4, 8);

    /** A chain of linear layers with a squared error: as a function of one layer the loss is a parabola. Twelve choices: two passes. */
    private static final ModelSpec CHAIN = ModelSpec.parse("""
            {"input": {"shape": [9]}, "loss": "mse",
             "layers": [{"type": "linear", "name": "a", "out": 12, "bias": false},
                        {"type": "linear", "name": "b", "out": 10, "bias": false},
                        {"type": "linear", "name": "c", "out": 5, "bias": false}]}
            """, "chain");

    @TempDir
    Path folder;

    static Stream<String> devices() {
        return TestDevices.names().stream();
    }

    private static float[] normals(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void isTheSecondDerivativeAlongEachRoundingError(String name) {
        Device device = TestDevices.get(name);
        float[] inputs = normals(ROWS * WIDTHS[0], 1);
        float[] targets = normals(ROWS * WIDTHS[3], 2);
        DataRows rows = DataRows.of(DataSet.of(
                HostTensor.of("inputs", Shape.of(ROWS, WIDTHS[0]), inputs),
                HostTensor.of("targets", Shape.of(ROWS, WIDTHS[3]), targets)));
        Quantizer.Settings settings = new Quantizer.Settings(BITS, 4, false, 16, 5, 1, false, false);
        try (Checkpoint source = QuantFixture.checkpoint(folder.resolve("c.safetensors"), CHAIN, 3)) {
            Quantizer quantizer = new Quantizer(source, device, settings);
            RoundingCurvature curvature = quantizer.rounding(rows);
            for (int bits : BITS) {
                Path file = folder.resolve(bits + ".safetensors");
                quantizer.pack(quantizer.uniform(bits)).write(file);
                try (Checkpoint packed = Checkpoint.open(file)) {
                    for (int layer = 0; layer < 3; layer++) {
                        double expected = secondDerivative(source, packed, layer, bits, inputs);
                        String weight = source.graph().parameters().get(layer).name();
                        assertThat(curvature.cost(weight, bits))
                                .as(weight + " at " + bits + " bits")
                                .isCloseTo(expected, within(1e-4 * expected));
                    }
                }
            }
            QuantPlan plan = quantizer.byBytes(
                    curvature, quantizer.pack(quantizer.uniform(3)).bytes());
            assertThat(curvature.cost(plan)).isLessThanOrEqualTo(curvature.cost(quantizer.uniform(3)));
            assertThat(quantizer.pack(plan).bytes())
                    .isLessThanOrEqualTo(quantizer.pack(quantizer.uniform(3)).bytes());
        }
    }

    /** Ignored labels crowd into the last rows: batches of all sizes have other shares of labels that count, one or more none. */
    @ParameterizedTest
    @MethodSource("devices")
    void doesNotDependOnTheBatchWhereLabelsAreIgnored(String name) {
        Device device = TestDevices.get(name);
        try (Checkpoint source = QuantFixture.checkpoint(folder.resolve("c.safetensors"), QuantFixture.MLP, 3)) {
            DataSet data = QuantFixture.withIgnored(QuantFixture.data(source.graph(), 64, 8), 30);
            double[] expected = null;
            for (int batch : new int[] {64, 32, 7, 1}) {
                Quantizer quantizer = new Quantizer(source, device, settings(batch, false));
                RoundingCurvature curvature = quantizer.rounding(DataRows.of(data));
                double[] costs = curvature.table().layers().stream()
                        .flatMap(layer -> layer.options().stream())
                        .mapToDouble(BitTable.Option::omega)
                        .toArray();
                expected = expected == null ? costs : expected;
                assertThat(costs).as("batches of %d", batch).hasSize(12);
                for (int i = 0; i < costs.length; i++) {
                    assertThat(costs[i])
                            .as("choice %d in batches of %d", i, batch)
                            .isCloseTo(expected[i], within(1e-4 * Math.abs(expected[i]) + 1e-9));
                }
            }
            DataSet none = QuantFixture.withIgnored(data, 0);
            Quantizer quantizer = new Quantizer(source, device, settings(7, false));
            assertThatThrownBy(() -> quantizer.rounding(DataRows.of(none)))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("all 64 labels are -100");
        }
    }

    private static Quantizer.Settings settings(int batch, boolean gaussNewton) {
        return new Quantizer.Settings(BITS, 16, false, 16, batch, 1, gaussNewton, false);
    }

    /** Random weights are no minimum: along some rounding errors the loss bends down. Such choices are not free. */
    @ParameterizedTest
    @MethodSource("devices")
    void whereTheHessianIsNegativeTheGaussNewtonMatrixCounts(String name) {
        Device device = TestDevices.get(name);
        int negative = 0;
        for (long seed = 0; seed < 8; seed++) {
            Path file = folder.resolve(seed + ".safetensors");
            try (Checkpoint source = QuantFixture.checkpoint(file, QuantFixture.MLP, seed)) {
                Rows rows = QuantFixture.rows(source.graph(), 9, seed);
                RoundingCurvature hessian = new Quantizer(source, device, settings(9, false)).rounding(rows);
                RoundingCurvature gaussNewton = new Quantizer(source, device, settings(9, true)).rounding(rows);
                for (RoundingErrors.Weight weight : hessian.errors().weights()) {
                    String parameter = weight.parameter().name();
                    for (int bits : BITS) {
                        double cost = hessian.cost(parameter, bits);
                        assertThat(cost).isPositive();
                        negative += cost == gaussNewton.cost(parameter, bits) ? 1 : 0;
                    }
                }
            }
        }
        assertThat(negative).as("choices that Gauss-Newton decided").isPositive();
    }

    /** 2 / (rows outputs) times the sum of squares of what the error in one layer does to the outputs. */
    private static double secondDerivative(Checkpoint source, Checkpoint packed, int layer, int bits, float[] inputs) {
        double sum = 0;
        for (int row = 0; row < ROWS; row++) {
            double[] x = new double[WIDTHS[0]];
            for (int i = 0; i < x.length; i++) {
                x[i] = inputs[row * WIDTHS[0] + i];
            }
            for (int l = 0; l < 3; l++) {
                String name = source.graph().parameters().get(l).name();
                float[] w = source.parameter(name).toFloats();
                double[] matrix = new double[w.length];
                float[] rounded =
                        QuantFixture.unpack(packed, name, new QuantFormat(bits, 4, false), WIDTHS[l + 1], WIDTHS[l]);
                for (int i = 0; i < w.length; i++) {
                    matrix[i] = l == layer ? (double) rounded[i] - w[i] : w[i];
                }
                x = times(matrix, x, WIDTHS[l + 1]);
            }
            for (double y : x) {
                sum += y * y;
            }
        }
        return 2 * sum / (ROWS * WIDTHS[3]);
    }

    private static double[] times(double[] matrix, double[] x, int n) {
        double[] y = new double[n];
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < x.length; k++) {
                y[i] += matrix[i * x.length + k] * x[k];
            }
        }
        return y;
    }
}
