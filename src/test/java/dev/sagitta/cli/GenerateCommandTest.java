package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateCommandTest {
    private static final String DEVICE = TestDevices.one();

    @TempDir
    Path folder;

    /** Its output per position has a target per position; it learns a text of period 4 by heart. */
    private Path trained() throws IOException {
        Path text = Files.writeString(folder.resolve("text"), "abcd".repeat(200));
        Path model = Files.writeString(folder.resolve("m.json"), """
                {"input": {"shape": [12], "type": "ids"}, "loss": "cross_entropy", "layers": [
                  {"type": "embedding", "name": "tokens", "vocabulary": true, "width": 64}, {"type": "position", "name": "positions"},
                  {"type": "linear", "name": "qkv", "out": 192}, {"type": "attention", "name": "attention", "heads": 2, "causal": true},
                  {"type": "linear", "name": "out", "out": 64}, {"type": "add", "name": "sum", "from": "positions"},
                  {"type": "linear", "name": "head", "out": "vocabulary"}]}
                """);
        Path out = folder.resolve("c.safetensors");
        CommandRun run = CommandRun.of(
                "train",
                "--model",
                model,
                "--text",
                text,
                "--steps",
                60,
                "--batch",
                8,
                "--lr",
                "0.01",
                "--out",
                out,
                "--device",
                DEVICE,
                "--json",
                "-");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.json().get("validationAccuracy").asDouble())
                .as(run.out())
                .isGreaterThan(0.9);
        return out;
    }

    private static CommandRun generate(Object checkpoint, Object... more) {
        Object[] words = {"generate", "--checkpoint", checkpoint, "--device", DEVICE};
        Object[] all = java.util.Arrays.copyOf(words, words.length + more.length);
        System.arraycopy(more, 0, all, words.length, more.length);
        return CommandRun.of(all);
    }

    @Test
    void writesOnFromAPrompt() throws IOException {
        Path checkpoint = trained();
        CommandRun text = generate(checkpoint, "--prompt", "bcda", "--tokens", 6);
        assertThat(text.status()).as(text.err()).isZero();
        assertThat(text.out()).isEqualTo("bcdabcdabc" + System.lineSeparator());
        assertThat(text.err()).contains("4 tokens read in").contains("6 written at");

        CommandRun full = generate(checkpoint, "--prompt", "bcda", "--tokens", 100);
        assertThat(full.out().strip()).isEqualTo("bcdabcdabcdab");
        assertThat(full.err()).contains("the context of 12 tokens is full");

        CommandRun ids = generate(checkpoint, "--prompt-ids", "0,1", "--tokens", 3, "--json", "-");
        assertThat(ids.json().get("text").textValue()).isEqualTo("abcda");
        assertThat(ids.json().get("ids")).hasSize(5);

        Path packed = folder.resolve("q.safetensors");
        CommandRun quantized = CommandRun.of(
                "quantize",
                "--checkpoint",
                checkpoint,
                "--uniform",
                8,
                "--out",
                packed,
                "--device",
                DEVICE,
                "--text",
                folder.resolve("text"));
        assertThat(quantized.status()).as(quantized.err()).isZero();
        assertThat(generate(packed, "--prompt", "bcda", "--tokens", 6).out()).isEqualTo(text.out());

        JsonNode drawn = generate(checkpoint, "--prompt", "a", "--temperature", 3, "--seed", 4, "--json", "-")
                .json();
        assertThat(drawn.get("ids"))
                .isEqualTo(generate(checkpoint, "--prompt", "a", "--temperature", 3, "--seed", 4, "--json", "-")
                        .json()
                        .get("ids"));

        generate(checkpoint, "--prompt", "xyz").failed(1, "is not in the model's vocabulary");
        generate(checkpoint, "--prompt", "").failed(1, "the prompt is empty");
        generate(checkpoint, "--prompt", "a".repeat(13)).failed(1, "the prompt has 13 tokens, the context 12");
        generate(checkpoint, "--prompt-ids", "9").failed(1, "id 9");
        generate(checkpoint, "--prompt", "a", "--top-p", 0).failed(2, "top-p 0.0");
    }

    @Test
    void theNextIdIsTheTargetWhereNoneIsGiven() throws IOException {
        Path checkpoint = trained();
        long[] ids = new long[10 * 12];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i % 4;
        }
        Path x = NpyWriter.write(folder.resolve("x.npy"), ids, 10, 12);
        CommandRun eval = CommandRun.of("eval", "--checkpoint", checkpoint, "--inputs", x, "--device", DEVICE);
        assertThat(eval.status()).as(eval.err()).isZero();
        assertThat(eval.json().get("accuracy").asDouble()).isGreaterThan(0.9);
    }

    @Test
    void whatItCannotWriteFromIsOneLine() throws IOException {
        Path checkpoint = trained();
        generate(checkpoint, "--prompt", "a", "--tokens", 0).failed(2, "--tokens is 0, expected at least 1");
        generate(checkpoint, "--prompt", "a", "--tokens", -3).failed(2, "--tokens is -3, expected at least 1");
        generate(checkpoint, "--prompt", "a", "--context", 0).failed(2, "--context is 0, expected at least 1");
        for (String bad : new String[] {"-0.5", "NaN", "Infinity"}) {
            generate(checkpoint, "--prompt", "a", "--temperature", bad).failed(2, "temperature " + bad);
        }
        for (String bad : new String[] {"0", "-1", "1.5", "NaN"}) {
            generate(checkpoint, "--prompt", "a", "--top-p", bad).failed(2, "expected above 0 and at most 1");
        }
        generate(checkpoint, "--prompt", "a", "--top-k", -1).failed(2, "top-k -1, expected 0 for all");
        generate(checkpoint, "--prompt-ids", "").failed(2, "--prompt-ids");
        generate(checkpoint, "--prompt-ids", "-1").failed(1, "id -1");
        generate(checkpoint, "--tokens", 1).failed(2, "--prompt");
        // longer than the context it asks for, and than the table of positions
        generate(checkpoint, "--prompt", "abcd", "--context", 3).failed(1, "the prompt has 4 tokens, the context 3");
        generate(checkpoint, "--prompt", "abcd", "--context", 13).failed(1, "13 positions");

        // 0 is all, as documented
        CommandRun all = generate(checkpoint, "--prompt", "a", "--top-k", 0, "--temperature", "1e-3", "--tokens", 4);
        assertThat(all.out().strip()).isEqualTo("abcda");
        CommandRun stopped = generate(checkpoint, "--prompt", "a", "--stop", 2, "--tokens", 9);
        assertThat(stopped.out().strip()).isEqualTo("abc");
    }

    @Test
    void logitsThatAreNoNumbersAreSaid() throws IOException {
        Path broken = folder.resolve("large.safetensors");
        try (Checkpoint source = Checkpoint.open(trained())) {
            List<HostTensor> tensors = new ArrayList<>();
            for (Parameter parameter : source.graph().everyParameter()) {
                HostTensor tensor = source.parameter(parameter.name());
                float[] values = new float[(int) tensor.elements()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = parameter.name().equals("qkv.weight") ? 3e38f : tensor.floatAt(i);
                }
                tensors.add(HostTensor.of(parameter.name(), tensor.shape(), values));
            }
            SafetensorsFile.write(broken, source.metadata(), tensors);
        }
        generate(broken, "--prompt", "a").failed(1, "not a number");
        generate(broken, "--prompt", "a", "--temperature", 1).failed(1, "not a number");
    }
}
