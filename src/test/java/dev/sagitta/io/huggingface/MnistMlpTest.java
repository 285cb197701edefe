package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.curvature.estimator.Lanczos;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.data.Data;
import dev.sagitta.data.DataRows;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import java.nio.ByteBuffer;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The same comparison of a network without attention, 256 images of MNIST, against PyTorch in float64. */
class MnistMlpTest {
    private static final int IMAGES = 256;

    static List<String> devices() {
        return TestDevices.names();
    }

    /** From the pattern, divided by the square root of the input width; zero biases. */
    private static ByteBuffer weight(Parameter parameter) {
        float[] values = new float[(int) parameter.elements()];
        if (parameter.shape().rank() == 2) {
            HostTensor pattern = HeldData.pattern(parameter.name(), parameter.shape());
            for (int i = 0; i < values.length; i++) {
                values[i] = (float)
                        (pattern.floatAt(i) / Math.sqrt(parameter.shape().extent(1)));
            }
        }
        return HostTensor.of(parameter.name(), parameter.shape(), values).bytes();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientProductAndEigenvaluesArePyTorchs(String device) {
        Data data = Data.idx(HeldData.file("mnist-6k"));
        JsonNode expected = HeldData.expected("curvature-mnist-mlp.json");
        Graph graph = ModelSpec.parse("""
                {"input": {"shape": [784]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc1", "out": 32},
                 {"type": "gelu"}, {"type": "linear", "name": "fc2", "out": 10}]}""", "mlp").toGraph();
        ProgramOptions options = ProgramOptions.of(IMAGES, Computation.GRADIENT, Computation.HESSIAN_VECTOR);
        DataRows first = DataRows.of(data.train()).first(IMAGES);
        try (Batches batches = new Batches(graph, TestDevices.get(device), options, first)) {
            batches.program().load(MnistMlpTest::weight);
            batches.run(0, Computation.GRADIENT);
            new Held(expected, name -> name).requireSame(batches.program());
            if (!device.equals(TestDevices.one())) {
                return;
            }
            try (NetworkOperator operator = new NetworkOperator(batches, Computation.HESSIAN_VECTOR)) {
                Lanczos lanczos = new Lanczos(60, 1e-5);
                JsonNode eigenvalues = expected.get("lanczos_60_steps");
                assertThat(lanczos.largest(operator, 1, 3).values()[0])
                        .isCloseTo(
                                eigenvalues.get("largest_eigenvalue").doubleValue(), Percentage.withPercentage(0.01));
                assertThat(Negated.smallestEigenvalue(operator, lanczos, 3))
                        .isCloseTo(
                                eigenvalues.get("smallest_eigenvalue").doubleValue(), Percentage.withPercentage(0.01));
            }
        }
    }
}
