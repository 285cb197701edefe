package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.DataException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real library, which a build has on its class path and a bundle has not. */
class TokenizerJsonTest {
    private static final String DEVICE = TestDevices.one();

    @TempDir
    Path folder;

    private Path file;

    /** Every byte is a token, under the names that GPT-2 gives them, and so are "ab" and " ab". */
    @BeforeEach
    void write() throws IOException {
        ObjectNode vocabulary = JsonNodeFactory.instance.objectNode();
        int further = 256;
        for (int b = 0; b < 256; b++) {
            boolean printed = b > 32 && b < 127 || b > 160 && b != 173;
            vocabulary.put(String.valueOf((char) (printed ? b : further++)), b);
        }
        vocabulary.put("ab", 256);
        vocabulary.put("\u0120ab", 257);
        String json = """
                {"version": "1.0", "truncation": null, "padding": null, "normalizer": null, "added_tokens": [
                   {"id": 258, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
                 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
                 "post_processor": null, "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
                 "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
                   "fuse_unk": false, "vocab": VOCABULARY, "merges": ["a b", "\u0120 ab"]}}
                """;
        file = Files.writeString(folder.resolve("tokenizer.json"), json.replace("VOCABULARY", vocabulary.toString()));
    }

    private static void requireLibrary() {
        try {
            Class.forName("ai.djl.huggingface.tokenizers.HuggingFaceTokenizer");
        } catch (ClassNotFoundException e) {
            Assumptions.abort("no " + TokenizerJson.LIBRARY + " on the class path");
        }
    }

    @Test
    void textBecomesIdsAndComesBack() {
        requireLibrary();
        try (Tokens tokens = TokenizerJson.open(file)) {
            assertThat(tokens.size()).isEqualTo(259);
            assertThat(tokens.encode("ab abc")).containsExactly(256, 257, 'c');
            // a special token of the text is one; none is added
            assertThat(tokens.encode("<end>")).containsExactly(258);
            assertThat(tokens.encode("")).isEmpty();
            String all = "ab \u00e9\u4e16\ud83d\ude00\n" + "abab".repeat(2000);
            int[] ids = tokens.encode(all);
            assertThat(ids).hasSizeGreaterThan(4000);
            assertThat(tokens.decode(ids)).isEqualTo(all);
        }
    }

    @Test
    void charactersAreShownWhenTheirLastByteIsThere() {
        requireLibrary();
        StringWriter shown = new StringWriter();
        try (Tokens tokens = TokenizerJson.open(file)) {
            TextStream stream = new TextStream(new PrintWriter(shown), tokens);
            stream.begin(256);
            StringBuilder lengths = new StringBuilder();
            for (byte b : "\u00e9\ud83d\ude00x".getBytes(StandardCharsets.UTF_8)) {
                stream.add(b & 0xff);
                lengths.append(shown.toString().length()).append(' ');
            }
            assertThat(shown).hasToString("ab\u00e9\ud83d\ude00x");
            assertThat(lengths).hasToString("2 3 3 3 3 5 6 ");
        }
    }

    @Test
    void trainEvalAndGenerate() throws IOException {
        requireLibrary();
        Path text = Files.writeString(folder.resolve("text"), "ab cd ".repeat(200));
        Path model = Files.writeString(folder.resolve("m.json"), """
                {"input": {"shape": [6], "type": "ids"}, "loss": "cross_entropy", "layers": [
                  {"type": "embedding", "name": "tokens", "vocabulary": true, "width": 64}, {"type": "position", "name": "positions"},
                  {"type": "linear", "name": "qkv", "out": 192}, {"type": "attention", "name": "attention", "heads": 2, "causal": true},
                  {"type": "linear", "name": "out", "out": 64}, {"type": "add", "name": "sum", "from": "positions"},
                  {"type": "linear", "name": "head", "out": "vocabulary"}]}
                """);
        Path out = folder.resolve("c.safetensors");
        Object[] data = {"--text", text, "--tokenizer", file, "--device", DEVICE, "--json", "-"};
        CommandRun train =
                run(data, "train", "--model", model, "--steps", 60, "--batch", 8, "--lr", "0.01", "--out", out);
        assertThat(train.status()).as(train.err()).isZero();
        JsonNode eval = run(data, "eval", "--checkpoint", out).json();
        assertThat(eval.get("accuracy").asDouble()).isGreaterThan(0.9);

        CommandRun written = CommandRun.of(
                "generate",
                "--checkpoint",
                out,
                "--tokenizer",
                file,
                "--prompt",
                "ab c",
                "--tokens",
                3,
                "--device",
                DEVICE);
        assertThat(written.status()).as(written.err()).isZero();
        assertThat(written.out().strip()).isEqualTo("ab cd ab");

        Path other = Files.writeString(
                folder.resolve("other.json"), Files.readString(file).replace("\"id\": 258", "\"id\": 2000"));
        run(new Object[] {"--text", text, "--tokenizer", other, "--device", DEVICE}, "eval", "--checkpoint", out)
                .failed(1, "the tokeniser has 2001 tokens, the model's table 259 rows");
        CommandRun.of("generate", "--checkpoint", out, "--tokenizer", other, "--prompt", "ab", "--device", DEVICE)
                .failed(1, "the tokeniser has 2001 tokens, the model's table 259 rows");
    }

    private static CommandRun run(Object[] data, Object... words) {
        Object[] all = java.util.Arrays.copyOf(words, words.length + data.length);
        System.arraycopy(data, 0, all, words.length, data.length);
        return CommandRun.of(all);
    }

    private void refused(String json, String message) throws IOException {
        Path bad = Files.writeString(folder.resolve("bad.json"), json);
        assertThatThrownBy(() -> TokenizerJson.open(bad))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(bad.toString())
                .hasMessageContaining(message)
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }

    @Test
    void filesThatAreNoTokeniserAreRefused() throws IOException {
        requireLibrary();
        for (String none : List.of("{}", "[]", "{\"model\": {\"vocab\": {}}}")) {
            refused(none, "no tokens under");
        }
        refused("{\"model\"", "not JSON");
        refused("", "no tokens under");
        refused("{\"model\": {\"vocab\": {\"a\": 0}}}", "the tokeniser failed: ");
        assertThatThrownBy(() -> TokenizerJson.open(folder.resolve("absent")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("absent: no such file");
    }

    @Test
    void withoutTheLibraryItsNameIsSaid() {
        assertThatThrownBy(() -> TokenizerJson.open(file, ClassLoader.getPlatformClassLoader()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(file + ": a tokeniser needs the library " + TokenizerJson.LIBRARY)
                .hasMessageContaining("--prompt-ids");
    }
}
