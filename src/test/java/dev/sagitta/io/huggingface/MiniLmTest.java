package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.curvature.estimator.HutchinsonTrace;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A trained sentence encoder of 22.6 million parameters against ONNX Runtime and PyTorch in float64. */
class MiniLmTest {
    private static final String WEIGHTS = "all-minilm-l6-v2.safetensors";
    private static final int WIDTH = 384;
    private static final String CONFIG = """
            {"architectures": ["BertModel"], "hidden_act": "gelu", "hidden_size": 384, "intermediate_size": 1536, "layer_norm_eps": 1e-12,
             "max_position_embeddings": 512, "num_attention_heads": 12, "num_hidden_layers": 6, "type_vocab_size": 2, "vocab_size": 30522}""";

    /** Three texts at a time, and of each pair of them the cosine. */
    private static final String PAIRS = """
            {"input": {"shape": [3, %1$d], "type": "ids"},
             "inputs": {"types": {"shape": [3, %1$d], "type": "ids"}, "lengths": {"shape": [3], "type": "ids"}},
             "loss": "mse", "layers": [
              {"type": "embedding", "name": "tokens", "rows": 30522, "width": 384},
              {"type": "embedding", "name": "token_types", "from": "types", "rows": 2, "width": 384},
              {"type": "add", "name": "embedded", "from": ["tokens", "token_types"]},
              {"type": "position", "name": "positions", "rows": 512},
              {"type": "layer_norm", "name": "embedding_norm", "epsilon": 1e-12},
              {"repeat": 6, "as": "layers.{i}", "layers": [
                {"type": "linear", "name": "q", "from": "{in}", "out": 384},
                {"type": "linear", "name": "k", "from": "{in}", "out": 384},
                {"type": "linear", "name": "v", "from": "{in}", "out": 384},
                {"type": "attention", "name": "attention", "from": ["q", "k", "v", "lengths"], "heads": 12},
                {"type": "linear", "name": "out", "out": 384},
                {"type": "add", "name": "mixed", "from": ["{in}", "out"]},
                {"type": "layer_norm", "name": "norm1", "epsilon": 1e-12},
                {"type": "linear", "name": "up", "out": 1536},
                {"type": "gelu", "name": "function"},
                {"type": "linear", "name": "down", "out": 384},
                {"type": "add", "name": "result", "from": ["norm1", "down"]},
                {"type": "layer_norm", "name": "norm2", "epsilon": 1e-12}]},
              {"type": "mean", "name": "pooled", "from": ["layers.5.norm2", "lengths"], "axis": 1},
              {"type": "rms_norm", "name": "unit", "weight": false, "epsilon": 0},
              {"type": "slice", "name": "first", "from": "unit", "axis": 0, "begin": 0, "end": 1},
              {"type": "slice", "name": "second", "from": "unit", "axis": 0, "begin": 1, "end": 2},
              {"type": "slice", "name": "third", "from": "unit", "axis": 0, "begin": 2, "end": 3},
              {"type": "concat", "name": "left", "from": ["first", "first", "second"], "axis": 0},
              {"type": "concat", "name": "right", "from": ["second", "third", "third"], "axis": 0},
              {"type": "multiply", "name": "products", "from": ["left", "right"]},
              {"type": "mean", "name": "cosines", "axis": 1}]}
            """;

    @TempDir
    Path folder;

    private Path folder() {
        Path weights = HeldData.file(WEIGHTS);
        Path model = folder.resolve("minilm");
        try {
            if (!Files.exists(model)) {
                Files.createDirectory(model);
                Files.createSymbolicLink(model.resolve("model.safetensors"), weights.toAbsolutePath());
                AtomicFile.writeText(model.resolve("config.json"), CONFIG);
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return model;
    }

    private Checkpoint open(int context) {
        return HuggingFace.open(folder(), context, note -> {
            throw new AssertionError(note);
        });
    }

    @Test
    void hiddenStatesAndEmbeddingsAreOnnxRuntimes() {
        folder();
        JsonNode cases = HeldData.expected("all-minilm-l6-v2.json").get("cases");
        try (SafetensorsFile expected =
                SafetensorsFile.open(HeldData.file("tools/expected/all-minilm-l6-v2.safetensors"))) {
            int context = 48;
            try (Checkpoint checkpoint = open(context);
                    Program program = Program.compile(
                            checkpoint.graph(),
                            TestDevices.get(TestDevices.one()),
                            ProgramOptions.of(1, Computation.PREDICT))) {
                program.load(parameter -> checkpoint.parameter(parameter.name()).bytes());
                for (int number = 0; number < cases.size(); number++) {
                    int[] ids = HeldData.integers(cases.get(number).get("input_ids"));
                    int[] padded = java.util.Arrays.copyOf(ids, context);
                    upload(program, "input", Shape.of(1, context), padded);
                    upload(program, "types", Shape.of(1, context), new int[context]);
                    upload(program, "lengths", Shape.of(1), ids.length);
                    program.run(Computation.PREDICT);
                    float[] hidden = program.tensor(Role.OUTPUT).downloadFloats(program.stream());
                    if (expected.has("last_hidden_state." + number)) {
                        float[] theirs =
                                expected.tensor("last_hidden_state." + number).toFloats();
                        for (int i = 0; i < theirs.length; i++) {
                            assertThat(hidden[i]).isCloseTo(theirs[i], Offset.offset(2e-5f));
                        }
                    }
                    requireEmbedding(hidden, ids.length, cases.get(number).get("embedding"));
                }
            }
        }
    }

    private static void requireEmbedding(float[] hidden, int tokens, JsonNode expected) {
        double[] mean = new double[WIDTH];
        for (int i = 0; i < tokens * WIDTH; i++) {
            mean[i % WIDTH] += hidden[i] / (double) tokens;
        }
        double norm = Math.sqrt(java.util.Arrays.stream(mean).map(x -> x * x).sum());
        for (int i = 0; i < WIDTH; i++) {
            assertThat(mean[i] / norm).isCloseTo(expected.get(i).doubleValue(), Offset.offset(2e-6));
        }
    }

    private static void upload(Program program, String input, Shape shape, int... values) {
        program.input(input)
                .upload(program.stream(), HostTensor.of(input, shape, values).bytes());
    }

    /** The first three texts in one example, each as long as it is. */
    private static DataSet pairs() {
        JsonNode cases = HeldData.expected("all-minilm-l6-v2.json").get("cases");
        int[][] ids = new int[3][];
        int longest = 0;
        for (int i = 0; i < 3; i++) {
            ids[i] = HeldData.integers(cases.get(i).get("input_ids"));
            longest = Math.max(longest, ids[i].length);
        }
        int[] all = new int[3 * longest];
        for (int i = 0; i < 3; i++) {
            System.arraycopy(ids[i], 0, all, i * longest, ids[i].length);
        }
        HostTensor lengths = HostTensor.of("lengths", Shape.of(1, 3), ids[0].length, ids[1].length, ids[2].length);
        return DataSet.of(
                        HostTensor.of("ids", Shape.of(1, 3, longest), all),
                        HostTensor.of("cosines", Shape.of(1, 3), new float[] {1, 0, 0}))
                .with(DataSet.LENGTHS, lengths);
    }

    private static Graph graph(DataSet data) {
        Graph graph = ModelSpec.parse(PAIRS.formatted(data.inputShape().extent(1)), "pairs")
                .toGraph();
        data.requireFits(graph);
        return graph;
    }

    @Test
    void gradientAndHessianProductArePyTorchs() {
        folder();
        JsonNode expected = HeldData.expected("curvature-minilm-pairs.json");
        DataSet data = pairs();
        Graph graph = graph(data);
        NameTable names = new Bert().names();
        try (Checkpoint checkpoint = open(0);
                Batches batches = new Batches(
                        graph,
                        TestDevices.get(TestDevices.one()),
                        ProgramOptions.of(1, Computation.GRADIENT, Computation.HESSIAN_VECTOR),
                        DataRows.of(data))) {
            batches.program()
                    .load(parameter -> checkpoint.parameter(parameter.name()).bytes());
            // uploads the example
            batches.run(0, Computation.GRADIENT);
            new Held(expected, ours -> new Bert()
                            .written("BertModel", names.theirs(ours).name()))
                    .requireSame(batches.program());
        }
    }

    @Test
    void tracesPerTensorHaveIntervals() {
        folder();
        DataSet data = pairs();
        try (Checkpoint checkpoint = open(0);
                Batches batches = new Batches(
                        graph(data),
                        TestDevices.get(TestDevices.one()),
                        ProgramOptions.of(1, Computation.HESSIAN_VECTOR),
                        DataRows.of(data));
                NetworkOperator operator = new NetworkOperator(batches, Computation.HESSIAN_VECTOR)) {
            batches.program()
                    .load(parameter -> checkpoint.parameter(parameter.name()).bytes());
            HutchinsonTrace.Result trace = HutchinsonTrace.joint(4).estimate(operator, 5);
            assertThat(trace.blocks()).hasSize(101);
            double sum =
                    trace.blocks().stream().mapToDouble(block -> block.value()).sum();
            assertThat(sum)
                    .isCloseTo(
                            trace.total().value(),
                            Offset.offset(1e-3 * Math.abs(trace.total().value()) + 1e-6));
            trace.blocks()
                    .forEach(block ->
                            assertThat(block.standardError()).isFinite().isNotNegative());
        }
    }
}
