package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.ReferenceNetwork;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.InitialWeights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HvpCommandTest {
    private static final String DEVICE = TestDevices.one();

    private static final int ROWS = 11;
    private static final ModelSpec MODEL = ModelSpec.parse("""
            {"input": {"shape": [4]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc1", "out": 7},
             {"type": "gelu"}, {"type": "dropout", "p": 0.5}, {"type": "linear", "name": "fc2", "out": 3}]}""", "model");

    @TempDir
    Path folder;

    private Path checkpoint;
    private Path vector;
    private Path out;
    private Path x;
    private Path y;
    private List<HostTensor> v;
    private ReferenceNetwork reference;
    private final Map<String, double[]> weights = new HashMap<>();
    private final Map<String, double[]> probe = new HashMap<>();

    static List<String> devices() {
        return TestDevices.names().stream()
                .filter(name -> !name.equals("opencl-gpu"))
                .toList();
    }

    @BeforeEach
    void write() {
        Graph graph = MODEL.toGraph();
        Random random = new Random(3);
        List<HostTensor> w = InitialWeights.draw(graph, 4);
        w.forEach(tensor -> weights.put(tensor.name(), NetworkCase.doubles(tensor.toFloats())));
        checkpoint = folder.resolve("c.safetensors");
        Checkpoint.write(checkpoint, MODEL, w, Map.of());
        v = new ArrayList<>();
        for (Parameter parameter : graph.parameters()) {
            float[] values = normal(random, (int) parameter.elements());
            v.add(HostTensor.of(parameter.name(), parameter.shape(), values));
            probe.put(parameter.name(), NetworkCase.doubles(values));
        }
        vector = folder.resolve("v.safetensors");
        SafetensorsFile.write(vector, Map.of(), v);
        out = folder.resolve("hv.safetensors");
        float[] features = normal(random, ROWS * 4);
        int[] labels = random.ints(ROWS, 0, 3).toArray();
        x = NpyWriter.write(folder.resolve("x.npy"), features, ROWS, 4);
        y = NpyWriter.write(
                folder.resolve("y.npy"),
                java.util.Arrays.stream(labels).asLongStream().toArray(),
                ROWS);
        reference = new ReferenceNetwork(graph, ROWS, NetworkCase.doubles(features), null, labels, null);
    }

    private static float[] normal(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private CommandRun hvp(Object... more) {
        List<Object> words = new ArrayList<>(List.of(
                "hvp", "--checkpoint", checkpoint, "--inputs", x, "--targets", y, "--vector", vector, "--out", out));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    private static void assertSame(Path file, Map<String, double[]> expected, double tolerance) {
        try (SafetensorsFile result = SafetensorsFile.open(file)) {
            assertThat(result.names()).containsExactlyInAnyOrderElementsOf(expected.keySet());
            double scale = expected.values().stream()
                    .flatMapToDouble(java.util.Arrays::stream)
                    .map(Math::abs)
                    .max()
                    .orElseThrow();
            for (String name : result.names()) {
                double[] actual = NetworkCase.doubles(result.tensor(name).toFloats());
                for (int i = 0; i < actual.length; i++) {
                    assertThat(actual[i])
                            .as(name + " " + i)
                            .isCloseTo(expected.get(name)[i], org.assertj.core.data.Offset.offset(tolerance * scale));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void productsAndGradientEqualTheReference(String device) {
        Path gradient = folder.resolve("g.safetensors");
        // batches of 4, 4 and 3: the batch size does not change the matrix
        CommandRun run = hvp("--device", device, "--gradient", gradient, "--batch", 4, "--json")
                .succeeded();
        Map<String, double[]> hv = reference.hessianVector(weights, probe);
        assertSame(out, hv, 1e-5);
        assertSame(gradient, reference.gradient(weights), 1e-5);
        assertThat(run.json().get("loss").doubleValue())
                .isCloseTo(reference.loss(weights), org.assertj.core.data.Offset.offset(1e-6));
        double quadratic = 0;
        for (String name : hv.keySet()) {
            for (int i = 0; i < hv.get(name).length; i++) {
                quadratic += hv.get(name)[i] * probe.get(name)[i];
            }
        }
        assertThat(run.json().get("quadratic").doubleValue())
                .isCloseTo(quadratic, org.assertj.core.data.Percentage.withPercentage(0.01));
        hvp("--device", device, "--gauss-newton").succeeded();
        assertSame(out, reference.gaussNewtonVector(weights, probe), 1e-5);
    }

    @Test
    void labelsThatAreLeftOutDoNotCount() {
        long[] labels = new long[ROWS];
        // a whole batch, and single ones of others
        for (int i = 0; i < ROWS; i++) {
            labels[i] = i < 4 || i == 6 || i == 10 ? -100 : i % 3;
        }
        NpyWriter.write(y, labels, ROWS);
        Path gradient = folder.resolve("g.safetensors");
        hvp("--device", DEVICE, "--gradient", gradient, "--batch", ROWS).succeeded();
        Map<String, double[]> hv = read(out);
        Map<String, double[]> g = read(gradient);
        hvp("--device", DEVICE, "--gradient", gradient, "--batch", 4).succeeded();
        assertSame(out, hv, 1e-5);
        assertSame(gradient, g, 1e-5);
    }

    private static Map<String, double[]> read(Path file) {
        Map<String, double[]> vector = new HashMap<>();
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            opened.names()
                    .forEach(name -> vector.put(
                            name, NetworkCase.doubles(opened.tensor(name).toFloats())));
        }
        return vector;
    }

    @Test
    void aMeanOverNoLabelIsRefused() {
        long[] labels = new long[ROWS];
        java.util.Arrays.fill(labels, -100);
        NpyWriter.write(y, labels, ROWS);
        hvp("--device", DEVICE).failed(1, "all labels of these " + ROWS + " examples are -100");
        assertThat(out).doesNotExist();
    }

    @Test
    void compressedActivationsAddASmallError() {
        hvp("--device", DEVICE, "--activation-bits", 8).succeeded();
        assertSame(out, reference.hessianVector(weights, probe), 0.05);
        hvp("--device", DEVICE, "--activation-bits", "auto:4").succeeded();
    }

    @Test
    void aVectorThatDoesNotFitIsNamed() {
        SafetensorsFile.write(vector, Map.of(), v.subList(0, 3));
        hvp().failed(1, "parameter 'fc2.bias' [3] of the model is missing");
        List<HostTensor> extra = new ArrayList<>(v);
        extra.add(HostTensor.of("fc3.bias", Shape.of(1), 1f));
        SafetensorsFile.write(vector, Map.of(), extra);
        hvp().failed(1, "extra tensor 'fc3.bias'");
        List<HostTensor> other = new ArrayList<>(v.subList(0, 3));
        other.add(HostTensor.of("fc2.bias", Shape.of(2), 1f, 2f));
        SafetensorsFile.write(vector, Map.of(), other);
        hvp().failed(1, "parameter 'fc2.bias' has shape [2], the model expects [3]");
        other.set(3, HostTensor.of("fc2.bias", Shape.of(3), 1f, Float.NaN, 2f));
        SafetensorsFile.write(vector, Map.of(), other);
        hvp().failed(1, "tensor 'fc2.bias' holds NaN at [1]");
        assertThat(out).doesNotExist();
        hvp("--activation-bits", "5").failed(2, "expected none, 8, 4, 2, 1 or auto:AVG");
    }

    @Test
    void aProductBeyondFp32IsNotWritten() {
        List<HostTensor> huge = new ArrayList<>();
        for (HostTensor tensor : v) {
            float[] values = new float[(int) tensor.elements()];
            java.util.Arrays.fill(values, 3e38f);
            huge.add(HostTensor.of(tensor.name(), tensor.shape(), values));
        }
        SafetensorsFile.write(vector, Map.of(), huge);
        hvp("--device", DEVICE).failed(1, "Hv is beyond fp32");
        assertThat(out).doesNotExist();
    }
}
