package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalCommandTest {
    private static final String DEVICE = TestDevices.one();
    private static final int ROWS = 30;

    @TempDir
    Path folder;

    private Path x;
    private Path y;

    @BeforeEach
    void write() {
        SplittableRandom random = new SplittableRandom(4);
        float[] features = new float[2 * ROWS];
        long[] labels = new long[ROWS];
        for (int i = 0; i < ROWS; i++) {
            labels[i] = i % 2;
            features[2 * i] = (float) (labels[i] + random.nextDouble(-1, 1));
            features[2 * i + 1] = (float) random.nextDouble(-1, 1);
        }
        x = NpyWriter.write(folder.resolve("x.npy"), features, ROWS, 2);
        y = NpyWriter.write(folder.resolve("y.npy"), labels, ROWS);
    }

    private CommandRun run(String command, Object... more) {
        Object[] words = {command, "--device", DEVICE, "--inputs", x, "--targets", y};
        Object[] all = java.util.Arrays.copyOf(words, words.length + more.length);
        System.arraycopy(more, 0, all, words.length, more.length);
        return CommandRun.of(all);
    }

    private JsonNode layer(JsonNode result, String name) {
        for (JsonNode layer : result.get("layers")) {
            if (layer.get("layer").textValue().equals(name)) {
                return layer;
            }
        }
        throw new AssertionError("no layer " + name + " in " + result);
    }

    /** Of a trained network and of its packed weights. */
    @Test
    void activationsAreThoseOfAllRowsWhateverTheBatch() throws Exception {
        Path model = Files.writeString(folder.resolve("m.json"), """
                {"input": {"shape": [2]}, "loss": "cross_entropy", "layers": [
                  {"type": "linear", "name": "fc1", "out": 8}, {"type": "relu", "name": "act"}, {"type": "linear", "name": "fc2", "out": 2}]}""");
        Path trained = folder.resolve("c.safetensors");
        Path packed = folder.resolve("q.safetensors");
        run("train", "--model", model, "--out", trained, "--steps", 20).succeeded();
        run("quantize", "--checkpoint", trained, "--out", packed, "--uniform", 8)
                .succeeded();
        JsonNode plain = run("eval", "--checkpoint", trained).succeeded().json();
        JsonNode whole = run("eval", "--checkpoint", trained, "--activations")
                .succeeded()
                .json();
        assertThat(whole.get("loss")).isEqualTo(plain.get("loss"));
        assertThat(plain.has("layers")).isFalse();
        for (String name : List.of("fc1", "act", "fc2")) {
            JsonNode expected = layer(whole, name);
            assertThat(expected.get("deviation").doubleValue()).isPositive();
            for (Object[] other : new Object[][] {{trained, 7, 1e-5}, {packed, 256, 0.05}}) {
                JsonNode found = layer(
                        run("eval", "--checkpoint", other[0], "--activations", "--batch", other[1])
                                .succeeded()
                                .json(),
                        name);
                for (String field : List.of("mean", "deviation", "largest")) {
                    assertThat(found.get(field).doubleValue())
                            .as("%s of %s of %s", field, name, other[0])
                            .isCloseTo(expected.get(field).doubleValue(), within((double) other[2]));
                }
            }
        }
        // a mask sets what is negative to zero
        assertThat(layer(whole, "act").get("largest"))
                .isEqualTo(layer(whole, "fc1").get("largest"));
        assertThat(layer(whole, "act").get("mean").doubleValue())
                .isGreaterThan(layer(whole, "fc1").get("mean").doubleValue());
    }

    @Test
    void debugAddsTheStackTrace() {
        CommandRun run = CommandRun.of(
                "eval", "--checkpoint", folder.resolve("absent"), "--inputs", x, "--targets", y, "--debug");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).contains("no such file").contains("\tat dev.sagitta.");
    }

    @Test
    void everyCommandHasHelp() {
        for (String command : List.of("train", "eval", "hvp", "curvature")) {
            CommandRun help = CommandRun.of(command, "--help").succeeded();
            assertThat(help.out()).contains("--device", "--seed", "--json", "--debug", "--text", "--idx", "--inputs");
        }
    }
}
