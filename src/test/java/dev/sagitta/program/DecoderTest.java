package dev.sagitta.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.device.Device;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Decoding;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DecoderTest {
    private static final int T = 20;

    /** Packed queries, learned positions, then a rotary layer of grouped heads with slopes and a window. */
    private static final String MODEL = """
            {"input": {"shape": [20], "type": "ids"}, "loss": "cross_entropy", "layers": [
              {"type": "embedding", "name": "tokens", "rows": 11, "width": 32}, {"type": "position", "name": "positions"},
              {"type": "linear", "name": "qkv", "out": 96},
              {"type": "attention", "name": "first", "heads": 4, "causal": true, "scale": 0.4},
              {"type": "add", "name": "sum", "from": "positions"},
              {"type": "linear", "name": "q", "out": 32, "from": "sum"}, {"type": "linear", "name": "k", "out": 16, "from": "sum"},
              {"type": "linear", "name": "v", "out": 16, "from": "sum"},
              {"type": "attention", "name": "second", "from": ["q", "k", "v"], "heads": 4, "key_value_heads": 2, "causal": true, "window": 7,
               "alibi": true, "rotary": {"dims": 6, "style": "interleaved", "factor": 2}},
              {"type": "gelu"}, {"type": "linear", "name": "head", "tied": "tokens.weight"}]}
            """;

    static List<String> devices() {
        return TestDevices.names();
    }

    private static Map<String, ByteBuffer> weights(Graph graph) {
        Random random = new Random(5);
        Map<String, ByteBuffer> weights = new HashMap<>();
        for (Parameter parameter : graph.everyParameter()) {
            float[] values = new float[(int) parameter.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (0.4 * random.nextGaussian());
            }
            weights.put(
                    parameter.name(),
                    HostTensor.of(parameter.name(), parameter.shape(), values).bytes());
        }
        return weights;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void stepsGiveTheRowsOfTheWholeSequence(String name) {
        Device device = TestDevices.get(name);
        Graph graph = ModelSpec.parse(MODEL, "model").toGraph();
        Map<String, ByteBuffer> weights = weights(graph);
        int[] ids = new Random(3).ints(T, 0, 11).toArray();
        float[] whole;
        try (Program program = Program.compile(graph, device, ProgramOptions.of(1, Computation.PREDICT))) {
            program.load(
                    parameter -> weights.get(parameter.name()).duplicate().order(java.nio.ByteOrder.nativeOrder()));
            program.tensor(Role.INPUT).upload(program.stream(), ids);
            program.run(Computation.PREDICT);
            whole = program.tensor(Role.OUTPUT).downloadFloats(program.stream());
        }
        try (Decoder decoder = new Decoder(graph, device, T, options -> options)) {
            decoder.program()
                    .load(parameter ->
                            weights.get(parameter.name()).duplicate().order(java.nio.ByteOrder.nativeOrder()));
            for (int round = 0; round < 2; round++) {
                for (int i = 0; i < T; i++) {
                    decoder.take(ids[i]);
                    FloatBuffer logits = decoder.logits();
                    assertThat(logits.limit()).isEqualTo(11);
                    for (int c = 0; c < 11; c++) {
                        assertThat(logits.get(c))
                                .as("position %d, logit %d", i, c)
                                .isCloseTo(whole[11 * i + c], Offset.offset(2e-4f));
                    }
                }
                assertThat(decoder.isFull()).isTrue();
                decoder.restart();
            }
        }
    }

    /** In runs of any length, the device chooses what the host would. */
    @ParameterizedTest
    @MethodSource("devices")
    void theDeviceChoosesTheLikeliest(String name) {
        Graph graph = ModelSpec.parse(MODEL, "model").toGraph();
        Map<String, ByteBuffer> weights = weights(graph);
        try (Decoder decoder = new Decoder(graph, TestDevices.get(name), T, options -> options)) {
            decoder.program()
                    .load(parameter ->
                            weights.get(parameter.name()).duplicate().order(java.nio.ByteOrder.nativeOrder()));
            assertThat(decoder.canChoose()).isTrue();
            NextId greedy = new NextId(0, 0, 1, 0);
            assertThatThrownBy(decoder::choose).hasMessageContaining("no id was taken");
            assertThatThrownBy(decoder::takeChosen).hasMessageContaining("no id was chosen");
            int[] expected = new int[T + 1];
            expected[0] = 3;
            expected[1] = 5;
            for (int i = 0; i < T; i++) {
                decoder.take(expected[i]);
                int next = greedy.of(decoder.logits());
                expected[i + 1] = i == 0 ? expected[1] : next;
            }
            for (int run : new int[] {1, 3, T}) {
                decoder.restart();
                decoder.take(3);
                decoder.take(5);
                int[] ids = {3, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
                decoder.choose();
                assertThatThrownBy(decoder::choose).hasMessageContaining("no id was taken since");
                decoder.chosen(2, 1, ids, 2);
                for (int at = 3; at <= T; ) {
                    int count = Math.min(run, T + 1 - at);
                    for (int i = 0; i < count; i++) {
                        decoder.takeChosen();
                        decoder.choose();
                    }
                    decoder.chosen(at, count, ids, at);
                    at += count;
                }
                assertThat(ids).as("runs of %d", run).isEqualTo(expected);
                assertThatThrownBy(decoder::takeChosen).hasMessageContaining("there is room for 20");
            }
        }
    }

    @Test
    void whatSeesOtherPositionsIsRefused() {
        assertThatThrownBy(() -> Decoding.of(ModelSpec.parse(MODEL, "model").toGraph(), 21))
                .hasMessageContaining("'positions'")
                .hasMessageContaining("21 positions")
                .hasMessageContaining("20 rows");
        String all = MODEL.replace("\"causal\": true, \"scale\"", "\"scale\"");
        assertThatThrownBy(() -> Decoding.of(ModelSpec.parse(all, "model").toGraph(), 20))
                .hasMessageContaining("'first'")
                .hasMessageContaining("not causal");
        Graph one = ModelSpec.charMlp(8)
                .withVocabulary(dev.sagitta.io.model.Vocabulary.of("ab", "v"))
                .toGraph();
        assertThatThrownBy(() -> Decoding.of(one, 8)).hasMessageContaining("'flatten'");
        assertThatThrownBy(() -> Decoding.of(ModelSpec.mlp().toGraph(), 8)).hasMessageContaining("expected ids [T]");
    }

    private static FloatBuffer logits(double... probabilities) {
        FloatBuffer logits = FloatBuffer.allocate(probabilities.length);
        for (int i = 0; i < probabilities.length; i++) {
            logits.put(i, (float) Math.log(probabilities[i]));
        }
        return logits;
    }

    @Test
    void draws() {
        FloatBuffer four = logits(0.1, 0.4, 0.3, 0.2);
        assertThat(new NextId(0, 0, 1, 1).of(four)).isEqualTo(1);
        assertThat(new NextId(1, 1, 1, 1).of(four)).isEqualTo(1);
        assertThat(shares(new NextId(1, 0, 1, 1), four)).satisfies(near(0.1, 0.4, 0.3, 0.2));
        assertThat(shares(new NextId(1, 2, 1, 1), four)).satisfies(near(0, 4 / 7.0, 3 / 7.0, 0));
        assertThat(shares(new NextId(1, 0, 0.65, 1), four)).satisfies(near(0, 4 / 7.0, 3 / 7.0, 0));
        assertThat(shares(new NextId(1, 0, 0.75, 1), four)).satisfies(near(0, 4 / 9.0, 3 / 9.0, 2 / 9.0));
        assertThat(shares(new NextId(0.5, 0, 1, 1), four)).satisfies(near(1 / 30.0, 16 / 30.0, 9 / 30.0, 4 / 30.0));
        assertThat(shares(new NextId(1, 0, 1, 7), four)).isEqualTo(shares(new NextId(1, 0, 1, 7), four));
        assertThatThrownBy(() -> new NextId(-1, 0, 1, 0)).hasMessageContaining("temperature -1.0");
        assertThatThrownBy(() -> new NextId(1, -1, 1, 0)).hasMessageContaining("top-k -1");
        assertThatThrownBy(() -> new NextId(1, 0, 0, 0)).hasMessageContaining("top-p 0.0");
        assertThatThrownBy(() -> new NextId(1, 0, 1, 0).of(logits(0.5, Double.NaN)))
                .hasMessageContaining("logit 1");
    }

    private static java.util.function.Consumer<double[]> near(double... expected) {
        return actual -> assertThat(actual).containsExactly(expected, Offset.offset(0.02));
    }

    private static double[] shares(NextId next, FloatBuffer logits) {
        double[] shares = new double[logits.limit()];
        for (int i = 0; i < 10_000; i++) {
            shares[next.of(logits)] += 1e-4;
        }
        return shares;
    }
}
