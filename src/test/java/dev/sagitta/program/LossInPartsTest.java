package dev.sagitta.program;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.rewrite.Rewrites.Outcome;
import dev.sagitta.io.model.ModelSpec;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The last layer and the loss for some rows at a time: the same numbers as all rows at once, and memory that does not hold all logits. */
class LossInPartsTest {
    private static final double TOLERANCE = 2e-5;
    private static final int BATCH = 5;
    private static final int PROBES = 2;
    /** Least rows of a part, whatever the bytes are. */
    private static final long SMALLEST = 1;

    private static final String INPUT = "{\"input\": {\"shape\": [37], \"type\": \"ids\"}, ";
    private static final String SMOOTHED = "\"loss\": {\"type\": \"cross_entropy\", \"label_smoothing\": 0.1}, ";
    private static final String EMBEDDING =
            "{\"type\": \"embedding\", \"name\": \"embed\", \"rows\": 11, \"width\": 6}, ";
    private static final String HIDDEN =
            "{\"type\": \"linear\", \"name\": \"hidden\", \"out\": 6}, {\"type\": \"tanh\"}, ";

    /** 185 rows: three parts, the last a ragged one. */
    private static final Map<String, String> MODELS = Map.of(
            "head",
                    INPUT + SMOOTHED + "\"layers\": [" + EMBEDDING + HIDDEN
                            + "{\"type\": \"linear\", \"name\": \"head\", \"out\": 11}]}",
            "tied",
                    INPUT + "\"loss\": \"cross_entropy\", \"layers\": [" + EMBEDDING + HIDDEN
                            + "{\"type\": \"linear\", \"tied\": \"embed.weight\"}, {\"type\": \"bias\", \"name\": \"shift\"}]}",
            "alone",
                    "{\"input\": {\"shape\": [37, 6]}, \"loss\": \"cross_entropy\", \"layers\": ["
                            + "{\"type\": \"linear\", \"name\": \"head\", \"out\": 11}]}");

    static Stream<Arguments> runs() {
        return TestDevices.names().stream()
                .flatMap(device -> MODELS.keySet().stream().sorted().flatMap(model -> Stream.of("none", "4")
                        .map(policy -> Arguments.of(device, model, policy))));
    }

    @ParameterizedTest(name = "{1} on {0}, activations {2}")
    @MethodSource("runs")
    void theNumbersAreThoseOfAllRows(String device, String model, String policy) {
        Graph graph = graph(MODELS.get(model));
        Map<String, float[]> whole = everything(device, graph, policy, Long.MAX_VALUE);
        everything(device, graph, policy, SMALLEST).forEach((name, values) -> {
            float[] expected = whole.get(name);
            // what is kept of the trunk's output is rounded where all rows come at once, and not where they come in
            // parts
            boolean rounded = !policy.equals("none") && !name.startsWith("EVALUATE");
            double scale = 1e-6;
            for (float value : expected) {
                scale = Math.max(scale, Math.abs(value));
            }
            for (int i = 0; i < values.length; i++) {
                assertThat(Math.abs(values[i] - expected[i]))
                        .as("%s[%s]: %s, all rows at once %s", name, i, values[i], expected[i])
                        .isLessThanOrEqualTo((float) ((rounded ? 0.1 : TOLERANCE) * scale));
            }
        });
    }

    private static Map<String, float[]> everything(String device, Graph graph, String policy, long partBytes) {
        Map<String, float[]> result = new LinkedHashMap<>();
        NetworkCase network = new NetworkCase("parts", graph, BATCH, 11, 3);
        for (Computation computation : Computation.values()) {
            ProgramOptions options = ProgramOptions.of(BATCH, computation)
                    .probes(PROBES)
                    .partBytes(partBytes)
                    .store(ActivationPolicy.parse(policy).store());
            try (Program program = Program.compile(graph, TestDevices.get(device), options)) {
                fill(program, network);
                program.run(computation);
                // the second run replays on CUDA, and finds what the first one left
                program.run(computation);
                List<String> names = new ArrayList<>(List.of("output", "loss", "metrics", "quadratic"));
                for (Parameter parameter : graph.parameters()) {
                    names.add(parameter.name() + ".gradient");
                    names.add(parameter.name() + ".product");
                }
                for (String name : names) {
                    if (program.hasTensor(name)) {
                        result.put(
                                computation + " " + name, program.tensor(name).downloadFloats(program.stream()));
                    }
                }
            }
        }
        return result;
    }

    private static void fill(Program program, NetworkCase network) {
        network.fill(program);
        network.probes(PROBES, 4).forEach((name, v) -> {
            if (program.hasTensor(name + ".vector")) {
                program.tensor(name + ".vector").upload(program.stream(), v);
            }
        });
        int[] labels = new Random(7).ints(BATCH * 37, 0, 11).toArray();
        // parts differ in how many rows count: of the second, hardly any
        for (int i = 0; i < labels.length; i++) {
            labels[i] = i % 7 == 0 || i >= 66 && i < 128 ? CrossEntropy.IGNORED_LABEL : labels[i];
        }
        program.tensor(Role.TARGET).upload(program.stream(), labels);
    }

    private static Graph graph(String json) {
        return ModelSpec.parse(json, "model").toGraph();
    }

    // ---- a large vocabulary ----

    private static final int VOCABULARY = 128 << 10;
    private static final int WIDTH = 8;
    private static final int LENGTH = 1024;
    private static final String LARGE = """
            {"input": {"shape": [%d], "type": "ids"}, "loss": "cross_entropy", "layers": [
              {"type": "embedding", "name": "embed", "rows": %d, "width": %d}, {"type": "tanh"}, {"type": "linear", "tied": "embed.weight"}]}
            """.formatted(LENGTH, VOCABULARY, WIDTH);

    /** By the ledger: less than one array of all logits would take, and no more for more rows. */
    @ParameterizedTest
    @EnumSource(names = {"EVALUATE", "GRADIENT", "HESSIAN_VECTOR", "HESSIAN_QUADRATIC"})
    void aVocabularyOf128ThousandFits(Computation computation) {
        Graph graph = graph(LARGE);
        Device device = TestDevices.get(TestDevices.one());
        Map<Integer, Long> bytes = new LinkedHashMap<>();
        for (int batch : new int[] {1, 4}) {
            long before = device.memory().currentBytes();
            try (Program program = Program.compile(graph, device, ProgramOptions.of(batch, computation))) {
                bytes.put(batch, device.memory().currentBytes() - before);
            }
        }
        long logits = 4L * LENGTH * VOCABULARY;
        assertThat(bytes.get(1)).as("of %d logits", logits).isLessThan(logits);
        long rows = 4L * 3 * LENGTH * WIDTH;
        assertThat(bytes.get(4) - bytes.get(1))
                .as("for 3 x %d more rows", LENGTH)
                .isLessThan(16 * rows);
    }

    @Test
    void anExplanationSaysSo() {
        Graph graph = graph(MODELS.get("head"));
        Map<Computation, List<Outcome>> outcomes = new EnumMap<>(Computation.class);
        for (long bytes : new long[] {SMALLEST, Long.MAX_VALUE}) {
            ProgramOptions options = ProgramOptions.of(BATCH, Computation.GRADIENT, Computation.PREDICT)
                    .partBytes(bytes);
            try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
                for (Computation computation : Set.of(Computation.GRADIENT, Computation.PREDICT)) {
                    outcomes.put(computation, program.explain(computation).rewrites());
                }
            }
            Outcome taken = new Outcome("loss-in-parts", "head", null);
            assertThat(outcomes.get(Computation.PREDICT)).doesNotContain(taken);
            assertThat(outcomes.get(Computation.GRADIENT).contains(taken)).isEqualTo(bytes == SMALLEST);
        }
    }

    @Test
    void otherLossesTakeAllRows() {
        Graph graph = graph(MODELS.get("alone").replace("cross_entropy", "mse"));
        ProgramOptions options = ProgramOptions.of(BATCH, Computation.GRADIENT).partBytes(SMALLEST);
        try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
            assertThat(program.explain(Computation.GRADIENT).rewrites())
                    .contains(new Outcome("loss-in-parts", "head", "the loss 'mse' is not a sum over rows"));
        }
    }
}
