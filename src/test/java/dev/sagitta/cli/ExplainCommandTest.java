package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExplainCommandTest {
    @TempDir
    Path folder;

    @Test
    void showsWhatIsKeptForWhom() {
        JsonNode json = CommandRun.of("explain", "char-mlp", "--batch", 32, "--activation-bits", 4, "--json")
                .succeeded()
                .json();
        JsonNode gelu = json.get("kept").get(2);
        assertThat(gelu.get("name").asText()).isEqualTo("fc1");
        assertThat(gelu.get("readers")).extracting(JsonNode::asText).containsExactly("gelu1");
        assertThat(gelu.get("linear").asBoolean()).isFalse();
        assertThat(gelu.get("bits").asDouble()).isBetween(4.0, 4.3);
        assertThat(gelu.get("bytes").asLong()).isBetween(32L * 704 / 2, 32L * 704 * 43 / 80);
        assertThat(json.get("arena_bytes").asLong()).isPositive();
        assertThat(json.get("launches"))
                .extracting(task -> task.get("what").asText())
                .contains("fc1.pack", "loss");
        assertThat(json.get("rewrites")).allSatisfy(outcome -> {
            assertThat(outcome.get("taken").asBoolean()).isFalse();
            assertThat(outcome.get("reason").asText()).startsWith("a later pass reads the output of");
        });
    }

    @Test
    void showsFusionsAsText() throws Exception {
        Path model = folder.resolve("model.json");
        Files.writeString(
                model,
                "{\"input\":{\"shape\":[8]},\"loss\":\"mse\",\"layers\":[{\"type\":\"linear\",\"name\":\"fc\",\"out\":4},"
                        + "{\"type\":\"tanh\",\"name\":\"act\"}]}");
        String text = CommandRun.of("explain", model, "--computation", "predict")
                .succeeded()
                .out();
        assertThat(text)
                .containsPattern("linear-activation +act +(taken|refused: a product of cuBLAS)")
                .contains("Kept from the forward pass\n  nothing\n");
        assertThat(CommandRun.of("explain", model, "--computation", "predict", "--no-rewrites")
                        .succeeded()
                        .out())
                .contains("Rewrites\n  none\n")
                .contains("fc.forward")
                .contains("act.forward");
    }

    @Test
    void needsOneModel() {
        assertThat(CommandRun.of("explain").err()).contains("give either a model or --checkpoint");
        CommandRun.of("explain", "no-such-model")
                .failed(1, "there is no file 'no-such-model' and no preset of that name");
    }
}
