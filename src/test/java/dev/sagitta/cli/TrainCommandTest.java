package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TrainCommandTest {
    private static final String DEVICE = TestDevices.one();

    @TempDir
    Path folder;

    private Path model;
    private Path x;
    private Path y;

    static List<String> devices() {
        return TestDevices.names().stream()
                .filter(name -> !name.equals("opencl-gpu"))
                .toList();
    }

    /** Three classes by the largest of three features. */
    @BeforeEach
    void write() throws Exception {
        model = Files.writeString(folder.resolve("model.json"), """
                {"input": {"shape": [3]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc1", "out": 16},
                 {"type": "gelu"}, {"type": "dropout", "p": 0.1}, {"type": "linear", "name": "fc2", "out": 3}]}""");
        SplittableRandom random = new SplittableRandom(5);
        int examples = 150;
        float[] features = new float[examples * 3];
        long[] labels = new long[examples];
        for (int i = 0; i < examples; i++) {
            for (int j = 0; j < 3; j++) {
                features[3 * i + j] = (float) random.nextDouble(-1, 1);
                if (features[3 * i + j] > features[3 * i + (int) labels[i]]) {
                    labels[i] = j;
                }
            }
        }
        x = NpyWriter.write(folder.resolve("x.npy"), features, examples, 3);
        y = NpyWriter.write(folder.resolve("y.npy"), labels, examples);
    }

    private CommandRun train(String device, Path out, Object... more) {
        List<Object> words =
                new ArrayList<>(List.of("train", "--device", device, "--inputs", x, "--targets", y, "--out", out));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    private static List<float[]> weights(Path checkpoint) {
        try (Checkpoint opened = Checkpoint.open(checkpoint)) {
            return opened.graph().parameters().stream()
                    .map(parameter -> opened.parameter(parameter.name()).toFloats())
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theLossFallsAndEvalReadsTheCheckpoint(String device) throws Exception {
        Path out = folder.resolve("c.safetensors");
        Path metrics = folder.resolve("metrics.jsonl");
        CommandRun run = train(
                        device,
                        out,
                        "--model",
                        model,
                        "--steps",
                        60,
                        "--batch",
                        20,
                        "--lr",
                        0.03,
                        "--activation-bits",
                        4,
                        "--metrics",
                        metrics,
                        "--report-every",
                        20,
                        "--json")
                .succeeded();
        assertThat(run.json().get("step").longValue()).isEqualTo(60);
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(metrics)) {
            lines.add(new ObjectMapper().readTree(line));
        }
        assertThat(lines).extracting(line -> line.get("step").intValue()).containsExactly(20, 40, 60);
        assertThat(lines.get(2).get("loss").doubleValue())
                .isLessThan(0.7 * lines.get(0).get("loss").doubleValue());
        // a tenth of 150 is held out
        assertThat(lines.get(2).get("validationExamples").intValue()).isEqualTo(15);

        Object[] eval = {"eval", "--device", device, "--checkpoint", out, "--inputs", x, "--targets", y};
        JsonNode all = CommandRun.of(eval).succeeded().json();
        assertThat(all.fieldNames()).toIterable().containsExactly("loss", "accuracy", "examples");
        assertThat(all.get("examples").intValue()).isEqualTo(150);
        assertThat(all.get("accuracy").doubleValue()).isGreaterThan(0.85);
        List<Object> held = new ArrayList<>(List.of(eval));
        held.addAll(List.of("--split", "test", "--batch", 4));
        JsonNode test = CommandRun.of(held.toArray()).succeeded().json();
        assertThat(test.get("examples").intValue()).isEqualTo(15);
        assertThat(test.get("loss").doubleValue())
                .isCloseTo(run.json().get("validationLoss").doubleValue(), org.assertj.core.data.Offset.offset(1e-5));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void trainingInTwoPartsIsTrainingInOne(String device) {
        Path part = folder.resolve("part.safetensors");
        Path whole = folder.resolve("whole.safetensors");
        Object[] options = {
            "--model", model, "--batch", 16, "--seed", 9, "--optimizer", "sgd", "--lr", "0.05", "--steps"
        };
        train(device, whole, with(options, 12)).succeeded();
        train(device, part, with(options, 7)).succeeded();
        // the seed, the batch and the optimiser come from the checkpoint
        train(device, part, "--resume", part, "--steps", 5).succeeded();
        assertThat(weights(part)).usingRecursiveComparison().isEqualTo(weights(whole));
    }

    private static Object[] with(Object[] options, Object last) {
        List<Object> all = new ArrayList<>(List.of(options));
        all.add(last);
        return all.toArray();
    }

    @Test
    void textTrainsAPreset() throws Exception {
        Path text = Files.writeString(folder.resolve("t.txt"), "to be or not to be, that is the question. ".repeat(60));
        Path out = folder.resolve("text.safetensors");
        JsonNode result = CommandRun.of(
                        "train",
                        "--device",
                        DEVICE,
                        "--model",
                        "char-mlp",
                        "--context",
                        4,
                        "--text",
                        text,
                        "--steps",
                        25,
                        "--batch",
                        32,
                        "--out",
                        out,
                        "--json",
                        "-")
                .succeeded()
                .json();
        assertThat(result.get("validationLoss").doubleValue()).isLessThan(1.5);
        JsonNode eval = CommandRun.of("eval", "--checkpoint", out, "--text", text, "--device", DEVICE)
                .succeeded()
                .json();
        assertThat(eval.get("loss").doubleValue())
                .isCloseTo(result.get("validationLoss").doubleValue(), org.assertj.core.data.Offset.offset(1e-4));
        Path strange = Files.writeString(folder.resolve("s.txt"), "x".repeat(100) + "\u00e9".repeat(100));
        CommandRun.of("eval", "--checkpoint", out, "--text", strange, "--device", DEVICE)
                .failed(1, "is not in the model's vocabulary");
    }

    /** Main, until a file has content: then the process sends itself what Ctrl-C sends. */
    static final class Interrupted {
        public static void main(String[] arguments) {
            Path metrics = Path.of(arguments[0]);
            Thread sender = new Thread(() -> {
                try {
                    while (!Files.exists(metrics) || Files.size(metrics) == 0) {
                        Thread.sleep(20);
                    }
                    // by reflection, because javac's warning about this class cannot be switched off
                    Class<?> signal = Class.forName("sun.misc.Signal");
                    signal.getMethod("raise", signal)
                            .invoke(null, signal.getConstructor(String.class).newInstance("INT"));
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            });
            sender.setDaemon(true);
            sender.start();
            Main.main(Arrays.copyOfRange(arguments, 1, arguments.length));
        }
    }

    @Test
    void aSignalLeavesAResumableCheckpoint() throws Exception {
        Path out = folder.resolve("c.safetensors");
        Path metrics = folder.resolve("m.jsonl");
        Path err = folder.resolve("err");
        List<String> command = new ArrayList<>(List.of(
                System.getProperty("java.home") + "/bin/java",
                "-Xmx256m",
                "-Dsagitta.cuda.modules=" + System.getProperty("sagitta.cuda.modules", ""),
                "-cp",
                System.getProperty("java.class.path"),
                Interrupted.class.getName(),
                metrics.toString()));
        for (Object word : new Object[] {
            "train",
            "--device",
            DEVICE,
            "--inputs",
            x,
            "--targets",
            y,
            "--out",
            out,
            "--model",
            model,
            "--steps",
            100_000_000,
            "--report-every",
            10,
            "--metrics",
            metrics
        }) {
            command.add(word.toString());
        }
        Process process = new ProcessBuilder(command)
                .redirectError(err.toFile())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue()).as(Files.readString(err)).isEqualTo(130);
        assertThat(Files.readString(err)).contains("interrupted after step ").contains("--resume");
        assertThat(folder).isDirectoryNotContaining(path -> path.toString().endsWith(".tmp"));
        train(DEVICE, out, "--resume", out, "--steps", 2).succeeded();
    }

    @Test
    void whatCannotBeResumedSaysWhy() throws Exception {
        Path sgd = folder.resolve("sgd.safetensors");
        train(DEVICE, sgd, "--model", model, "--optimizer", "sgd", "--steps", 2).succeeded();
        Path out = folder.resolve("c.safetensors");
        train(DEVICE, out, "--model", model, "--optimizer", "lion")
                .failed(2, "--optimizer 'lion', expected adamw or sgd");
        train(DEVICE, out, "--model", model, "--momentum", "0.5").failed(2, "--momentum is of sgd; adamw has none");
        train(DEVICE, out, "--resume", sgd, "--optimizer", "adamw").failed(1, "resume with the optimiser");
        train(DEVICE, out, "--resume", sgd, "--model", "mlp").failed(1, "--model mlp is not the model of");
        train(DEVICE, out, "--resume", folder.resolve("absent")).failed(1, "no such file");
        try (Checkpoint checkpoint = Checkpoint.open(sgd)) {
            List<HostTensor> weights = checkpoint.graph().parameters().stream()
                    .map(parameter -> checkpoint.parameter(parameter.name()))
                    .toList();
            Path bare = folder.resolve("bare.safetensors");
            Checkpoint.write(bare, checkpoint.model(), weights, Map.of());
            train(DEVICE, out, "--resume", bare).failed(1, "this checkpoint cannot be resumed");
            Checkpoint.write(bare, checkpoint.model(), weights, Map.of(Checkpoint.TRAINING, "{\"step\": -1}"));
            train(DEVICE, out, "--resume", bare).failed(1, "sagitta.training");
        }
        byte[] bytes = Files.readAllBytes(sgd);
        Path cut = Files.write(folder.resolve("cut.safetensors"), Arrays.copyOf(bytes, bytes.length - 5));
        train(DEVICE, out, "--resume", cut).failed(1, "cut.safetensors");
        assertThat(out).doesNotExist();
    }

    @Test
    void aLossThatExplodesStopsWithoutAFile() {
        Path out = folder.resolve("c.safetensors");
        CommandRun run = train(
                DEVICE,
                out,
                "--model",
                model,
                "--optimizer",
                "sgd",
                "--lr",
                "1e30",
                "--steps",
                50,
                "--report-every",
                50);
        run.failed(1, "at step ");
        assertThat(run.err())
                .containsPattern(
                        "the loss is (NaN|Infinity) at step [0-9]+, and now the output of layer '.*' .* is not finite; lower the learning rate")
                .contains("; no checkpoint was written");
        assertThat(out).doesNotExist();
    }

    @Test
    void badInputIsOneLineAndLeavesNothing() throws Exception {
        Path out = folder.resolve("c.safetensors");
        Path nan = NpyWriter.write(folder.resolve("nan.npy"), new float[] {1, 2, Float.NaN, 4, 5, 6}, 2, 3);
        Path two = NpyWriter.write(folder.resolve("two.npy"), new long[] {0, 1}, 2);
        Path far = NpyWriter.write(folder.resolve("far.npy"), new long[] {0, 7}, 2);
        Path good = NpyWriter.write(folder.resolve("good.npy"), new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
        Path none = NpyWriter.write(folder.resolve("none.npy"), new float[0], 0, 3);
        Path noLabels = NpyWriter.write(folder.resolve("no-labels.npy"), new long[0], 0);
        Path cut = folder.resolve("cut.npy");
        Files.write(cut, Arrays.copyOf(Files.readAllBytes(good), 140));
        Path layer = Files.writeString(
                folder.resolve("layer.json"),
                "{\"input\": {\"shape\": [3]}, \"loss\": \"cross_entropy\", \"layers\": [{\"type\": \"conv\", \"out\": 3}]}");
        Path empty = Files.writeString(folder.resolve("empty.txt"), "");
        Object[][] cases = {
            {1, "nan.npy: NaN at row 0, column 2", "--model", model, "--inputs", nan, "--targets", two},
            {1, "label 7", "--model", model, "--inputs", good, "--targets", far},
            {1, "no data", "--model", model, "--inputs", none, "--targets", noLabels},
            {1, "cut.npy", "--model", model, "--inputs", cut, "--targets", two},
            {
                1,
                "missing.npy: no such file",
                "--model",
                model,
                "--inputs",
                folder.resolve("missing.npy"),
                "--targets",
                two
            },
            {1, "conv", "--model", layer, "--inputs", good, "--targets", two},
            {
                1,
                "no preset of that name; presets: mlp, char-mlp",
                "--model",
                "resnet",
                "--inputs",
                good,
                "--targets",
                two
            },
            {1, "has 150 rows", "--model", model, "--inputs", x, "--targets", two},
            {1, "the text is empty", "--model", "char-mlp", "--text", empty},
            {1, "not a folder", "--model", "mlp", "--idx", folder.resolve("absent")},
            {1, "an example has shape [3], the model's input is [784]", "--model", "mlp", "--inputs", x, "--targets", y
            },
            {2, "--steps is 0", "--model", model, "--inputs", x, "--targets", y, "--steps", 0},
            {2, "activation bits '3'", "--model", model, "--inputs", x, "--targets", y, "--activation-bits", 3},
            {2, "learning rate -1.0", "--model", model, "--inputs", x, "--targets", y, "--lr", -1},
            {2, "batch 0", "--model", model, "--inputs", x, "--targets", y, "--batch", 0},
            {2, "--model or --resume", "--inputs", x, "--targets", y},
            {2, "--text", "--model", model},
            {2, "--targets", "--model", model, "--inputs", x},
            {2, "--context is of --text", "--model", model, "--inputs", x, "--targets", y, "--context", 3},
            {2, "--context is of --text", "--model", "mlp", "--idx", folder, "--context", 3},
            {2, "--checkpoint-every is -1", "--model", model, "--inputs", x, "--targets", y, "--checkpoint-every", -1},
            {1, "beyond 2 GiB", "--model", model, "--inputs", x, "--targets", y, "--batch", Integer.MAX_VALUE},
            {1, "device 'gpu' is not known", "--model", model, "--inputs", x, "--targets", y, "--device", "gpu"},
            {
                1,
                "there is no folder",
                "--model",
                model,
                "--inputs",
                x,
                "--targets",
                y,
                "--json",
                folder.resolve("no/j.json")
            },
            {
                1,
                "cannot write",
                "--model",
                model,
                "--inputs",
                x,
                "--targets",
                y,
                "--metrics",
                folder.resolve("no/m.jsonl")
            },
        };
        for (Object[] bad : cases) {
            List<Object> words = new ArrayList<>(List.of("train", "--out", out, "--device", DEVICE));
            words.addAll(List.of(bad).subList(2, bad.length));
            if (words.lastIndexOf("--device") != 3) {
                words.subList(3, 5).clear();
            }
            CommandRun.of(words.toArray()).failed((int) bad[0], (String) bad[1]);
            assertThat(out).doesNotExist();
        }
        CommandRun.of(
                        "train",
                        "--out",
                        folder.resolve("no/c.safetensors"),
                        "--model",
                        model,
                        "--inputs",
                        x,
                        "--targets",
                        y)
                .failed(1, "there is no folder");
        assertThat(folder).isDirectoryNotContaining(path -> path.toString().endsWith(".tmp"));
    }
}
