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
import dev.sagitta.train.InitialWeights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Curvature is of the function that is deployed, with running statistics, unless the batch's are asked for. */
class BatchNormOptionTest {
    private static final int ROWS = 11;
    private static final int FEATURES = 4;
    private static final ModelSpec MODEL = ModelSpec.parse("""
            {"input": {"shape": [4]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc1", "out": 7},
             {"type": "batch_norm", "name": "bn"}, {"type": "tanh"}, {"type": "linear", "name": "fc2", "out": 3}]}""", "model");
    private static final ModelSpec PLAIN = ModelSpec.parse("""
            {"input": {"shape": [4]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc", "out": 3}]}""", "model");

    @TempDir
    Path folder;

    private final Random random = new Random(5);
    private final Map<String, double[]> weights = new HashMap<>();
    private final Map<String, double[]> probe = new HashMap<>();
    private Path x;
    private Path y;
    private Path out;
    private float[] features;
    private int[] labels;

    @BeforeEach
    void write() {
        out = folder.resolve("hv.safetensors");
        features = normal(ROWS * FEATURES, 0, 1);
        labels = random.ints(ROWS, 0, 3).toArray();
        x = NpyWriter.write(folder.resolve("x.npy"), features, ROWS, FEATURES);
        y = NpyWriter.write(
                folder.resolve("y.npy"),
                java.util.Arrays.stream(labels).asLongStream().toArray(),
                ROWS);
        checkpoint(MODEL, "c");
    }

    private float[] normal(int count, double mean, double deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (mean + deviation * random.nextGaussian());
        }
        return values;
    }

    private Path path(String name) {
        return folder.resolve(name + ".safetensors");
    }

    /** With running statistics that are not the batch's, and a vector beside it. */
    private void checkpoint(ModelSpec model, String name) {
        Graph graph = model.toGraph();
        List<HostTensor> drawn = new ArrayList<>();
        for (HostTensor tensor : InitialWeights.draw(graph, 4)) {
            double spread = tensor.name().endsWith("running_var") ? 0.1 : 0.4;
            drawn.add(
                    tensor.name().contains("running")
                            ? HostTensor.of(
                                    tensor.name(),
                                    tensor.shape(),
                                    normal((int) tensor.elements(), spread < 0.4 ? 0.8 : 0, spread))
                            : tensor);
        }
        drawn.forEach(tensor -> weights.put(tensor.name(), NetworkCase.doubles(tensor.toFloats())));
        Checkpoint.write(path(name), model, drawn, Map.of());
        List<HostTensor> v = new ArrayList<>();
        for (Parameter parameter : graph.parameters()) {
            float[] values = normal((int) parameter.elements(), 0, 1);
            v.add(HostTensor.of(parameter.name(), parameter.shape(), values));
            probe.put(parameter.name(), NetworkCase.doubles(values));
        }
        SafetensorsFile.write(path("v" + name), Map.of(), v);
    }

    private CommandRun run(String command, Object... more) {
        List<Object> words =
                new ArrayList<>(List.of(command, "--inputs", x, "--targets", y, "--device", TestDevices.one()));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    private CommandRun hvp(String name, Object... more) {
        List<Object> words =
                new ArrayList<>(List.of("--checkpoint", path(name), "--vector", path("v" + name), "--out", out));
        words.addAll(List.of(more));
        return run("hvp", words.toArray());
    }

    private ReferenceNetwork reference(int first, int rows) {
        float[] some = java.util.Arrays.copyOfRange(features, first * FEATURES, (first + rows) * FEATURES);
        int[] theirs = java.util.Arrays.copyOfRange(labels, first, first + rows);
        return new ReferenceNetwork(MODEL.toGraph(), rows, NetworkCase.doubles(some), null, theirs, null);
    }

    private void assertProduct(Map<String, double[]> expected) {
        double scale = expected.values().stream()
                .flatMapToDouble(java.util.Arrays::stream)
                .map(Math::abs)
                .max()
                .orElseThrow();
        try (SafetensorsFile result = SafetensorsFile.open(out)) {
            for (String name : result.names()) {
                double[] actual = NetworkCase.doubles(result.tensor(name).toFloats());
                for (int i = 0; i < actual.length; i++) {
                    assertThat(actual[i])
                            .as(name + " " + i)
                            .isCloseTo(expected.get(name)[i], Offset.offset(1e-5 * scale));
                }
            }
        }
    }

    @Test
    void runningStatisticsUnlessTheBatchsAreAskedFor() {
        Map<String, double[]> running = reference(0, ROWS).hessianVector(weights, probe);
        hvp("c").succeeded();
        assertProduct(running);
        hvp("c", "--batch-norm", "running", "--batch", 4).succeeded();
        assertProduct(running);
        hvp("c", "--batch-norm", "batch").succeeded();
        assertProduct(reference(0, ROWS).training(0, 0).hessianVector(weights, probe));
    }

    /** A mean over rows of what each batch makes of its own. */
    @Test
    void eachBatchHasItsOwn() {
        Map<String, double[]> expected = new HashMap<>();
        for (int first = 0; first < ROWS; first += 4) {
            int rows = Math.min(4, ROWS - first);
            reference(first, rows).training(0, 0).hessianVector(weights, probe).forEach((name, hv) -> {
                double[] sum = expected.computeIfAbsent(name, n -> new double[hv.length]);
                for (int i = 0; i < hv.length; i++) {
                    sum[i] += hv[i] * rows / ROWS;
                }
            });
        }
        hvp("c", "--batch-norm", "batch", "--batch", 4).succeeded();
        assertProduct(expected);
    }

    /** Eleven rows in tens leave a batch of one. */
    @Test
    void aBatchOfOneIsRefused() {
        hvp("c", "--batch", 10, "--batch-norm", "batch")
                .failed(1, "layer 'bn' (batch_norm): a batch has one value per channel");
        hvp("c", "--batch", 10).succeeded();
    }

    @Test
    void tracesAndQuantisingTakeItToo() {
        for (String command : List.of("curvature", "quantize")) {
            List<String> figures = new ArrayList<>();
            for (String statistics : List.of("running", "batch")) {
                List<Object> words = new ArrayList<>(List.of(
                        "--checkpoint", path("c"), "--json", "--seed", 1, "--probes", 8, "--batch-norm", statistics));
                words.addAll(
                        command.equals("quantize")
                                ? List.of("--uniform", 4, "--sensitivity", "omega", "--out", path("q" + statistics))
                                : List.of());
                CommandRun run = run(command, words.toArray());
                assertThat(run.status()).as(run.err()).isZero();
                figures.add(run.json().toString());
            }
            assertThat(figures.get(0)).as(command).isNotEqualTo(figures.get(1));
        }
    }

    @Test
    void aModelWithoutBatchNormIsNoted() {
        checkpoint(PLAIN, "plain");
        assertThat(hvp("plain", "--batch-norm", "batch").err())
                .contains("--batch-norm has no effect: the model has no batch norm");
    }
}
