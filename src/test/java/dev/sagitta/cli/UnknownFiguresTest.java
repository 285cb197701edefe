package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.program.Evaluation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is not known is null in JSON and a dash in text, never a zero. */
class UnknownFiguresTest {
    private static final String DEVICE = TestDevices.one();

    @TempDir
    Path folder;

    private Path model(String loss) throws Exception {
        return Files.writeString(folder.resolve(loss + ".json"), """
                {"input": {"shape": [3]}, "loss": "%s", "layers": [{"type": "linear", "name": "fc", "out": 3}]}""".formatted(loss));
    }

    private Path features(int examples) {
        SplittableRandom random = new SplittableRandom(1);
        float[] x = new float[3 * examples];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextDouble(-1, 1);
        }
        return NpyWriter.write(folder.resolve("x" + examples + ".npy"), x, examples, 3);
    }

    private Path labels(long... labels) {
        return NpyWriter.write(folder.resolve("y.npy"), labels, labels.length);
    }

    private CommandRun run(String command, Path x, Path y, Object... more) {
        List<Object> words = new ArrayList<>(List.of(command, "--device", DEVICE, "--inputs", x, "--targets", y));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    @Test
    void aLossWithoutClassesHasNoAccuracy() throws Exception {
        Path x = features(40);
        Path y = NpyWriter.write(folder.resolve("t.npy"), new float[120], 40, 3);
        Path out = folder.resolve("c.safetensors");
        JsonNode result = run("train", x, y, "--model", model("mse"), "--out", out, "--steps", 3, "--json")
                .succeeded()
                .json();
        assertThat(result.get("validationAccuracy").isNull()).isTrue();
        assertThat(result.get("validationLoss").isNull()).isFalse();
        CommandRun eval = run("eval", x, y, "--checkpoint", out, "--json").succeeded();
        assertThat(eval.json().get("accuracy").isNull()).isTrue();
        Path packed = folder.resolve("q.safetensors");
        JsonNode quantized = run("quantize", x, y, "--checkpoint", out, "--out", packed, "--uniform", 4, "--json")
                .succeeded()
                .json();
        assertThat(quantized.get("after").get("accuracy").isNull()).isTrue();
    }

    @Test
    void aDivergingRunShowsDashes() {
        Evaluation held = new Evaluation(Double.POSITIVE_INFINITY, Double.NaN, 10);
        TrainingReport report = new TrainingReport(12, 3.5, held, 1, 640, 1000);
        assertThat(report)
                .hasToString("step      12  loss 3.50000  validation -  640 examples/s  saved activations 0.001 MB");
        JsonNode json = report.toJson();
        assertThat(json.get("validationLoss").isNull()).isTrue();
        assertThat(json.get("validationAccuracy").isNull()).isTrue();
        assertThat(new TrainingReport(1, Double.NaN, Evaluation.UNKNOWN, 1, 1, 0).toString())
                .contains("loss -  validation -");
    }

    @Test
    void withoutALabelThatCountsThereIsNoLoss() throws Exception {
        Path out = folder.resolve("c.safetensors");
        Path x = features(20);
        long[] some = new long[20];
        run("train", x, labels(some), "--model", model("cross_entropy"), "--out", out, "--steps", 2)
                .succeeded();
        long[] none = new long[20];
        Arrays.fill(none, -100);
        Path y = labels(none);
        String expected = "y.npy: all labels of these 20 examples are -100";
        run("eval", x, y, "--checkpoint", out).failed(1, expected);
        run("curvature", x, y, "--checkpoint", out).failed(1, expected);
        run("quantize", x, y, "--checkpoint", out, "--out", folder.resolve("q"), "--uniform", 4)
                .failed(1, expected);
        Path other = folder.resolve("d.safetensors");
        run("train", x, y, "--model", model("cross_entropy"), "--out", other).failed(1, expected);
        assertThat(other).doesNotExist();
    }

    @Test
    void oneExampleIsNotItsOwnValidation() throws Exception {
        Path out = folder.resolve("c.safetensors");
        Path x = features(1);
        Path y = labels(1);
        CommandRun run = run("train", x, y, "--model", model("cross_entropy"), "--out", out, "--steps", 2);
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("there is one example, and none is held out: the validation figures are unknown");
        assertThat(run.out()).contains("  validation -  ").doesNotContain("accuracy");
        run("eval", x, y, "--checkpoint", out, "--split", "test").failed(1, "one example, at least 2 are needed");
        run("eval", x, y, "--checkpoint", out).succeeded();
    }

    /** Weights stand still: the mean over an epoch is what eval says of the same examples, however labels fall into batches. */
    @Test
    void theTrainingLossWeighsLabels() throws Exception {
        int examples = 100;
        Path x = features(examples);
        SplittableRandom random = new SplittableRandom(3);
        long[] labels = new long[examples];
        for (int i = 0; i < examples; i++) {
            labels[i] = random.nextInt(4) == 0 ? random.nextInt(3) : -100;
        }
        Path y = labels(labels);
        Path out = folder.resolve("c.safetensors");
        double loss = run(
                        "train",
                        x,
                        y,
                        "--model",
                        model("cross_entropy"),
                        "--out",
                        out,
                        "--optimizer",
                        "sgd",
                        "--lr",
                        1e-12,
                        "--batch",
                        6,
                        "--steps",
                        15,
                        "--report-every",
                        15,
                        "--json")
                .succeeded()
                .json()
                .get("loss")
                .doubleValue();
        double whole = run("eval", x, y, "--checkpoint", out, "--split", "train")
                .succeeded()
                .json()
                .get("loss")
                .doubleValue();
        assertThat(loss).isCloseTo(whole, within(1e-5));
    }
}
