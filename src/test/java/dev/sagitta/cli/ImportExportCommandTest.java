package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.DType;
import dev.sagitta.train.InitialWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders of Hugging Face's layout where commands take checkpoints. */
class ImportExportCommandTest {
    private static final String DEVICE = TestDevices.one();
    private static final int ROWS = 5;
    private static final int CONTEXT = 6;
    private static final int TOKENS = 11;

    private static final ModelSpec LLAMA = model("""
            {"input": {"shape": [8], "type": "ids"}, "loss": "cross_entropy", "layers": [
              {"type": "embedding", "name": "tokens", "rows": 11, "width": 16},
              {"repeat": 2, "as": "layers.{i}", "layers": [
                {"type": "rms_norm", "name": "norm1", "from": "{in}"},
                {"type": "linear", "name": "q", "from": "norm1", "out": 16, "bias": false},
                {"type": "linear", "name": "k", "from": "norm1", "out": 8, "bias": false},
                {"type": "linear", "name": "v", "from": "norm1", "out": 8, "bias": false},
                {"type": "attention", "name": "attention", "from": ["q", "k", "v"], "heads": 2, "key_value_heads": 1, "causal": true, "rotary": {}},
                {"type": "linear", "name": "out", "from": "attention", "out": 16, "bias": false},
                {"type": "add", "name": "mixed", "from": ["{in}", "out"]},
                {"type": "rms_norm", "name": "norm2"},
                {"type": "linear", "name": "gate", "from": "norm2", "out": 12, "bias": false},
                {"type": "silu", "name": "function"},
                {"type": "linear", "name": "up", "from": "norm2", "out": 12, "bias": false},
                {"type": "multiply", "name": "gated", "from": ["function", "up"]},
                {"type": "linear", "name": "down", "from": "gated", "out": 16, "bias": false},
                {"type": "add", "name": "result", "from": ["mixed", "down"]}]},
              {"type": "rms_norm", "name": "norm"},
              {"type": "linear", "name": "head", "tied": "tokens.weight"}]}""");

    @TempDir
    Path folder;

    private Path llama;
    private Path ids;
    private Path targets;

    private static ModelSpec model(String json) {
        return ModelSpec.parse(json, "test");
    }

    @BeforeEach
    void write() {
        Path checkpoint = folder.resolve("first.safetensors");
        Checkpoint.write(checkpoint, LLAMA, InitialWeights.draw(LLAMA.toGraph(), 3), Map.of());
        llama = folder.resolve("llama");
        try (Checkpoint source = Checkpoint.open(checkpoint)) {
            HuggingFace.write(source, llama, DType.F32);
        }
        Random random = new Random(1);
        ids = NpyWriter.write(
                folder.resolve("ids.npy"),
                random.longs(ROWS * CONTEXT, 0, TOKENS).toArray(),
                ROWS,
                CONTEXT);
        targets = NpyWriter.write(
                folder.resolve("targets.npy"),
                random.longs(ROWS * CONTEXT, 0, TOKENS).toArray(),
                ROWS,
                CONTEXT);
    }

    private CommandRun run(String command, Object... more) {
        List<Object> words = new java.util.ArrayList<>(List.of(command));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    private double loss(Path checkpoint) {
        CommandRun run = run(
                "eval",
                "--checkpoint",
                checkpoint,
                "--inputs",
                ids,
                "--targets",
                targets,
                "--device",
                DEVICE,
                "--json");
        run.succeeded();
        return run.json().get("loss").doubleValue();
    }

    private void quantize(Path checkpoint, Path packed) {
        CommandRun run = run(
                "quantize",
                "--checkpoint",
                checkpoint,
                "--inputs",
                ids,
                "--targets",
                targets,
                "--device",
                DEVICE,
                "--uniform",
                8,
                "--group",
                8,
                "--out",
                packed);
        assertThat(run.status()).as(run.err()).isZero();
    }

    @Test
    void aFolderIsACheckpoint() {
        Path imported = folder.resolve("c.safetensors");
        CommandRun run = run("import", llama, "--out", imported, "--context", CONTEXT, "--json");
        run.succeeded();
        assertThat(run.json().get("parameters").longValue())
                .isEqualTo(LLAMA.toGraph().parameterCount());
        assertThat(run.json().get("context").intValue()).isEqualTo(CONTEXT);
        assertThat(loss(llama)).isEqualTo(loss(imported)).isPositive();
        // rows of arrays are as long as they are
        Path back = folder.resolve("back");
        run("export", "--checkpoint", imported, "--out", back).succeeded();
        assertThat(loss(back)).isEqualTo(loss(llama));
        CommandRun half = run("export", "--checkpoint", llama, "--out", folder.resolve("half"), "--dtype", "bf16");
        half.succeeded();
        assertThat(half.out()).contains("parameters as bf16", "wrote ");
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("half/model.safetensors"))) {
            assertThat(file.dtype("model.norm.weight")).isEqualTo(DType.BF16);
        }
    }

    /** As long as the rows are, like a folder; what has a weight for each position cannot. */
    @Test
    void aFileReadsOtherNumbersOfIdsThanItWasWrittenFor() throws IOException {
        Path first = folder.resolve("first.safetensors");
        assertThat(loss(first)).isEqualTo(loss(llama));
        Path packed = folder.resolve("q.safetensors");
        quantize(first, packed);
        assertThat(loss(packed)).isCloseTo(loss(llama), Offset.offset(0.01));
        for (String preset : List.of("char-gpt", "char-mlp")) {
            ModelSpec model = ModelSpec.preset(preset, CONTEXT).withIds(TOKENS);
            Checkpoint.write(folder.resolve(preset), model, InitialWeights.draw(model.toGraph(), 3), Map.of());
        }
        run("explain", "--checkpoint", folder.resolve("char-gpt"), "--context", 4, "--device", DEVICE)
                .succeeded();
        run("explain", "--checkpoint", folder.resolve("char-gpt"), "--context", 7, "--device", DEVICE)
                .failed(1, "the model reads [6] ids per example, and not 7: layers[1] (position 'positions'): ");
        run("explain", "--checkpoint", folder.resolve("char-mlp"), "--context", 4, "--device", DEVICE)
                .failed(1, "and not 4: parameter 'fc1.weight' would be [704, 128], the file has [704, 192]");
    }

    @Test
    void curvatureIsMeasuredOfAFolder() {
        CommandRun run = run(
                "curvature",
                "--checkpoint",
                llama,
                "--inputs",
                ids,
                "--targets",
                targets,
                "--device",
                DEVICE,
                "--probes",
                2,
                "--top-k",
                0,
                "--json");
        run.succeeded();
        assertThat(run.json().get("layers"))
                .hasSize(LLAMA.toGraph().parameters().size());
        Path vector = folder.resolve("v.safetensors");
        SafetensorsFile.write(vector, Map.of(), InitialWeights.draw(LLAMA.toGraph(), 9));
        run(
                        "hvp",
                        "--checkpoint",
                        llama,
                        "--inputs",
                        ids,
                        "--targets",
                        targets,
                        "--device",
                        DEVICE,
                        "--vector",
                        vector,
                        "--out",
                        folder.resolve("hv.safetensors"))
                .succeeded();
        run("explain", "--checkpoint", llama, "--context", 4, "--device", DEVICE)
                .succeeded();
        Path packed = folder.resolve("q.safetensors");
        quantize(llama, packed);
        run("export", "--checkpoint", packed, "--out", folder.resolve("packed"))
                .failed(1, "is packed in low bits; this needs its full values");
        assertThat(folder.resolve("packed")).doesNotExist();
    }

    @Test
    void trainingGoesOnFromAFolder() {
        Path tuned = folder.resolve("tuned.safetensors");
        double before = loss(llama);
        CommandRun run = run(
                "train",
                "--checkpoint",
                llama,
                "--inputs",
                ids,
                "--targets",
                targets,
                "--device",
                DEVICE,
                "--steps",
                30,
                "--batch",
                4,
                "--lr",
                0.01,
                "--out",
                tuned);
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(loss(tuned)).isLessThan(before);
        // and back to a folder, the config read off the layers
        Path exported = folder.resolve("tuned");
        run("export", "--checkpoint", tuned, "--out", exported).succeeded();
        assertThat(loss(exported)).isEqualTo(loss(tuned));
        run(
                        "train",
                        "--checkpoint",
                        llama,
                        "--model",
                        "mlp",
                        "--inputs",
                        ids,
                        "--targets",
                        targets,
                        "--out",
                        folder.resolve("x"))
                .failed(2, "--checkpoint brings the model and begins anew: give neither --model nor --resume with it");
    }

    @Test
    void anEncoderReadsLengthsAndTypes() throws IOException {
        ModelSpec model = ModelSpec.parse(
                ModelSpec.preset("bert", CONTEXT).toJson().replace("\"vocabulary\":true", "\"rows\":11"), "bert");
        Path checkpoint = folder.resolve("bert.safetensors");
        Checkpoint.write(checkpoint, model, InitialWeights.draw(model.toGraph(), 3), Map.of());
        Path lengths = NpyWriter.write(folder.resolve("lengths.npy"), new long[] {6, 3, 1, 2, 6}, ROWS);
        Path types = NpyWriter.write(folder.resolve("types.npy"), new long[ROWS * CONTEXT], ROWS, CONTEXT);
        double all = loss(checkpoint);
        Object[] data = {"--checkpoint", checkpoint, "--inputs", ids, "--targets", targets, "--device", DEVICE, "--json"
        };
        CommandRun zeros = run("eval", append(data, "--types", types));
        assertThat(zeros.json().get("loss").doubleValue()).isEqualTo(all);
        JsonNode some = run("eval", append(data, "--lengths", lengths)).json();
        assertThat(some.get("loss").doubleValue()).isNotEqualTo(all);
        run("eval", append(data, "--lengths", types))
                .failed(1, "an example has 6 values of i32, the model's input 'lengths' has 1");
        run("eval", "--checkpoint", llama, "--inputs", ids, "--targets", targets, "--lengths", lengths)
                .failed(1, "--lengths: the model has no input 'lengths'; it has [input]");
    }

    private static Object[] append(Object[] words, Object... more) {
        return java.util.stream.Stream.of(words, more)
                .flatMap(java.util.Arrays::stream)
                .toArray();
    }

    @Test
    void whatIsNoFolderOfThatLayoutIsSaid() throws IOException {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        run("eval", "--checkpoint", empty, "--inputs", ids, "--targets", targets)
                .failed(1, "there is no config.json");
        run("import", llama, "--out", folder.resolve("c"), "--context", 9)
                .failed(1, "a context of 9 tokens is beyond the 8 that the network can read");
        run("import", llama, "--out", folder.resolve("c"), "--context", 0)
                .failed(2, "--context is 0, expected at least 1");
        run("import", llama, "--out", llama.resolve("model.safetensors")).failed(2, "would overwrite");
        run("export", "--checkpoint", llama, "--out", llama).failed(2, "would overwrite");
        AtomicFile.writeText(empty.resolve("x"), "kept");
        run("export", "--checkpoint", llama, "--out", empty).failed(1, "it is there and not empty");
        assertThat(empty.resolve("x")).hasContent("kept");
    }
}
