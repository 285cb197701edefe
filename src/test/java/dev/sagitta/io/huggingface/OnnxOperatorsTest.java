package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** ONNX's conformance cases of the operators that ours are: each is met, or stands with its reason in {@code docs/onnx-operators.md}, and no other does. */
class OnnxOperatorsTest {
    private static final Path LISTED = Path.of("docs/onnx-operators.md");
    private static final Pattern ROW = Pattern.compile("(?m)^\\| `([a-z0-9_]+)` \\| (.*\\S) \\|$");

    private static final Set<String> OPERATORS = Set.of(
            "Conv",
            "ConvTranspose",
            "BatchNormalization",
            "InstanceNormalization",
            "LayerNormalization",
            "MaxPool",
            "AveragePool",
            "GlobalAveragePool",
            "Softmax",
            "LogSoftmax",
            "MatMul",
            "Gemm",
            "Relu",
            "Elu",
            "LeakyRelu",
            "HardSwish",
            "HardSigmoid",
            "Sigmoid",
            "Softplus",
            "Tanh");

    static List<String> devices() {
        return TestDevices.names();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void casesAreMetOrListed(String device) throws IOException {
        JsonNode all =
                new ObjectMapper().readTree(HeldData.file("onnx-operators.json").toFile());
        Map<String, String> refused = new TreeMap<>();
        int met = 0;
        OnnxTensors tensors = OnnxTensors.open(HeldData.file("onnx-operators.safetensors"));
        for (JsonNode node : all.get("cases")) {
            OnnxCase onnx = new OnnxCase(node, tensors);
            if (!OPERATORS.contains(onnx.operator())) {
                continue;
            }
            try {
                requireSame(onnx, TestDevices.get(device));
                met++;
            } catch (OnnxCase.Unsupported | DataException e) {
                refused.put(onnx.name(), e.getMessage());
            }
        }
        Map<String, String> listed = ROW.matcher(Files.readString(LISTED))
                .results()
                .collect(Collectors.toMap(row -> row.group(1), row -> row.group(2)));
        assertThat(refused).as("cases that are not met, and why").containsOnlyKeys(listed.keySet());
        assertThat(Files.readString(LISTED)).contains(met + " of " + (met + refused.size()) + " cases");
    }

    private static void requireSame(OnnxCase onnx, Device device) {
        OnnxLayers layers = OnnxLayers.of(onnx);
        Graph graph = ModelSpec.parse(layers.json(), onnx.name()).toGraph();
        int batch = (int) layers.inputs().get("input").shape().extent(0);
        ProgramOptions options =
                ProgramOptions.of(batch, Computation.PREDICT).batchStatistics(layers.batchStatistics());
        try (Program program = Program.compile(graph, device, options)) {
            program.load(parameter -> layers.parameter(parameter.name()).bytes());
            layers.inputs().forEach((name, input) -> program.input(name).upload(program.stream(), input.bytes()));
            program.run(Computation.PREDICT);
            float[] ours = program.tensor(Role.OUTPUT).downloadFloats(program.stream());
            float[] theirs = onnx.output();
            assertThat(ours).as(onnx.name()).hasSameSizeAs(theirs);
            for (int i = 0; i < ours.length; i++) {
                // ONNX's own tests allow 1e-3 of the value and 1e-7
                assertThat(ours[i])
                        .as("element %d of %s", i, onnx.name())
                        .isCloseTo(theirs[i], Offset.offset(1e-5f * Math.max(1, Math.abs(theirs[i]))));
            }
        }
    }
}
