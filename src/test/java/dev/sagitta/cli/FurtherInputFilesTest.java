package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --inputs NAME=FILE}: ids, kinds of theirs and features, whose sum decides. */
class FurtherInputFilesTest {
    private static final int ROWS = 40;

    @TempDir
    Path folder;

    private Path model;
    private Path ids;
    private Path kinds;
    private Path extra;
    private Path labels;

    @BeforeEach
    void write() throws IOException {
        model = Files.writeString(folder.resolve("m.json"), """
                {"input": {"shape": [2], "type": "ids"}, "inputs": {"kinds": {"shape": [2], "type": "ids"}, "extra": {"shape": [4]}},
                 "loss": "cross_entropy", "layers": [
                 {"type": "embedding", "name": "words", "rows": 5, "width": 2},
                 {"type": "embedding", "name": "kind", "from": "kinds", "rows": 3, "width": 2},
                 {"type": "add", "name": "sum", "from": ["words", "kind"]}, {"type": "flatten", "name": "flat"},
                 {"type": "add", "name": "all", "from": ["flat", "extra"]}, {"type": "linear", "name": "out", "out": 2}]}
                """);
        ids = NpyWriter.write(folder.resolve("x.npy"), new long[2 * ROWS], ROWS, 2);
        kinds = NpyWriter.write(folder.resolve("k=1.npy"), new long[2 * ROWS], ROWS, 2);
        float[] values = new float[4 * ROWS];
        long[] targets = new long[ROWS];
        for (int i = 0; i < ROWS; i++) {
            targets[i] = i % 2;
            values[4 * i] = i % 2 == 0 ? -3 : 3;
        }
        extra = NpyWriter.write(folder.resolve("e.npy"), values, ROWS, 4);
        labels = NpyWriter.write(folder.resolve("y.npy"), targets, ROWS);
    }

    private CommandRun train(Object... inputs) {
        List<Object> words = new ArrayList<>(List.of("train", "--model", model, "--steps", 30, "--batch", 8));
        words.addAll(List.of("--lr", "0.05", "--targets", labels, "--out", folder.resolve("c.safetensors")));
        words.addAll(List.of("--device", TestDevices.one(), "--json", "-"));
        for (Object input : inputs) {
            words.addAll(List.of("--inputs", input));
        }
        return CommandRun.of(words.toArray());
    }

    @Test
    void eachInputHasItsFile() {
        // only the third file says which class it is; a name with a '=' is a name where the file is there
        CommandRun run = train(ids, "kinds=" + kinds, "extra=" + extra);
        assertThat(run.status()).as(run.err()).isZero();
        CommandRun eval = CommandRun.of(
                "eval",
                "--checkpoint",
                folder.resolve("c.safetensors"),
                "--inputs",
                "input=" + ids,
                "--inputs",
                "extra=" + extra,
                "--inputs",
                "kinds=" + kinds,
                "--targets",
                labels,
                "--device",
                TestDevices.one());
        assertThat(eval.json().get("accuracy").asDouble()).as(eval.err()).isEqualTo(1);
        assertThat(InputFile.parse(kinds.toString())).isEqualTo(new InputFile("input", kinds));
    }

    @Test
    void whatDoesNotFitIsOneLine() {
        train(ids, "kind=" + kinds, "extra=" + extra)
                .failed(1, "--inputs kind=" + kinds + ": the model has no input 'kind'; it has [input, kinds, extra]");
        train(ids, "kinds=" + kinds).failed(1, "the model has an input 'extra' of 4 f32 per example, which these data");
        train(ids, "kinds=" + kinds).failed(1, "give --inputs extra=FILE.npy");
        train("kinds=" + kinds, "extra=" + extra).failed(2, "give the main one too");
        train(ids, ids, "kinds=" + kinds, "extra=" + extra).failed(2, "the model's input 'input' is given two files");
        train(ids, "kinds=" + kinds, "kinds=" + kinds, "extra=" + extra)
                .failed(2, "the model's input 'kinds' is given two files");
        train(ids, "kinds=" + folder.resolve("none"), "extra=" + extra).failed(1, "none: no such file");
        train(ids, "kinds=" + extra, "extra=" + extra)
                .failed(1, "an example has 4 values of f32, the model's input 'kinds' has 2 of i32");
        train(ids, "kinds=" + kinds, "extra=" + kinds)
                .failed(1, "an example has 2 values of i32, the model's input 'extra' has 4 of f32");
        Path few = NpyWriter.write(folder.resolve("few.npy"), new long[2 * ROWS - 2], ROWS - 1, 2);
        train(ids, "kinds=" + few, "extra=" + extra)
                .failed(1, "shape [39, 2], expected a row for each of the 40 examples");
        long[] large = new long[2 * ROWS];
        large[5] = 3;
        Path beyond = NpyWriter.write(folder.resolve("beyond.npy"), large, ROWS, 2);
        train(ids, "kinds=" + beyond, "extra=" + extra).failed(1, "3 in row 2, the model's input 'kinds' takes 0 to 2");
        CommandRun.of(
                        "train",
                        "--model",
                        model,
                        "--inputs",
                        ids,
                        "--targets",
                        labels,
                        "--types",
                        kinds,
                        "--out",
                        folder.resolve("o"))
                .failed(1, "--types: the model has no input 'types'; it has [input, kinds, extra]");
    }
}
