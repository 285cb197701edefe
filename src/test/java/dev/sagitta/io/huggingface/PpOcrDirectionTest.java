package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.curvature.estimator.Lanczos;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.data.DataRows;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import java.util.List;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A trained MobileNetV3 of 133,628 parameters on photographed text, against ONNX Runtime and PyTorch in float64. */
class PpOcrDirectionTest {
    private static final String EXPECTED = "ppocr-direction.json";

    static List<String> devices() {
        return TestDevices.names();
    }

    private interface Use {
        void with(Batches batches, JsonNode expected);
    }

    private static void run(String device, ProgramOptions options, Use use) {
        JsonNode expected = HeldData.expected(EXPECTED);
        try (SafetensorsFile weights = SafetensorsFile.open(HeldData.file(PpOcrDirection.WEIGHTS));
                Batches batches = new Batches(
                        PpOcrDirection.graph(weights, expected.get("blocks")),
                        TestDevices.get(device),
                        options.batch(expected.get("cases").size()),
                        DataRows.of(PpOcrDirection.crops(expected.get("cases"))))) {
            batches.program().load(parameter -> weights.tensor(parameter.name()).bytes());
            use.with(batches, expected);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void logitsAreOnnxRuntimes(String device) {
        run(device, ProgramOptions.of(1, Computation.PREDICT), (batches, expected) -> {
            batches.run(0, Computation.PREDICT);
            float[] logits = batches.program().tensor(Role.OUTPUT).downloadFloats(batches.program().stream());
            int right = 0;
            JsonNode cases = expected.get("cases");
            for (int i = 0; i < cases.size(); i++) {
                JsonNode theirs = cases.get(i).get("logits");
                for (int k = 0; k < 2; k++) {
                    assertThat((double) logits[2 * i + k])
                            .as("logit %d of case %d", k, i)
                            .isCloseTo(theirs.get(k).doubleValue(), Offset.offset(1e-4));
                }
                boolean upsideDown = logits[2 * i + 1] > logits[2 * i];
                right += upsideDown == cases.get(i).get("upside_down").booleanValue() ? 1 : 0;
            }
            assertThat(right).isEqualTo(21);
        });
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientAndProductsWithTheRunningStatisticsArePyTorchs(String device) {
        ProgramOptions options = ProgramOptions.of(1, Computation.GRADIENT, Computation.HESSIAN_VECTOR);
        run(device, options, (batches, expected) -> {
            batches.run(0, Computation.GRADIENT);
            JsonNode curvature = HeldData.expected("curvature-direction.json");
            new Held(curvature, name -> name).requireSame(batches.program());
            if (!device.equals(TestDevices.one())) {
                return;
            }
            try (NetworkOperator operator = new NetworkOperator(batches, Computation.HESSIAN_VECTOR)) {
                Lanczos lanczos = new Lanczos(60, 1e-5);
                JsonNode eigenvalues = curvature.get("lanczos_60_steps");
                assertThat(lanczos.largest(operator, 1, 3).values()[0])
                        .isCloseTo(
                                eigenvalues.get("largest_eigenvalue").doubleValue(), Percentage.withPercentage(0.01));
                assertThat(Negated.smallestEigenvalue(operator, lanczos, 3))
                        .isCloseTo(
                                eigenvalues.get("smallest_eigenvalue").doubleValue(), Percentage.withPercentage(0.01));
            }
        });
    }
}
