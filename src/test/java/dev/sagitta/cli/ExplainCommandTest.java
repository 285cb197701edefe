package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

    /** What a launch reads and writes in the arena is there at that launch, and nothing else lies in its bytes then. */
    @Test
    void showsWhereValuesLieAndWhen() {
        JsonNode json = CommandRun.of("explain", "char-mlp", "--computation", "hv", "--activation-bits", 4, "--json")
                .succeeded()
                .json();
        JsonNode memory = json.get("memory");
        // a name may stand for one value after another
        Map<String, List<JsonNode>> byName = new HashMap<>();
        memory.forEach(place -> byName.computeIfAbsent(place.get("name").asText(), name -> new ArrayList<>())
                .add(place));
        int number = 0;
        int found = 0;
        for (JsonNode launch : json.get("launches")) {
            for (String end : List.of("reads", "writes")) {
                for (JsonNode name : launch.get(end)) {
                    int now = number;
                    List<JsonNode> places = byName.getOrDefault(name.asText(), List.of());
                    if (!places.isEmpty()) {
                        assertThat(places)
                                .anyMatch(place -> place.get("first").asInt() <= now
                                        && now <= place.get("last").asInt());
                        found++;
                    }
                }
            }
            number++;
        }
        assertThat(found).isGreaterThan(number);
        long end = 0;
        for (int i = 0; i < memory.size(); i++) {
            JsonNode a = memory.get(i);
            end = Math.max(end, a.get("offset").asLong() + a.get("bytes").asLong());
            for (int k = 0; k < i; k++) {
                JsonNode b = memory.get(k);
                boolean together = overlap(a, b, "first", "last", 1) && overlap(a, b, "offset", "bytes", 0);
                assertThat(together).as("%s and %s", a, b).isFalse();
            }
        }
        assertThat(end).isEqualTo(json.get("arena_bytes").asLong());
    }

    /** Of [from, to], or of [from, from + to) where {@code closed} is 0. */
    private static boolean overlap(JsonNode a, JsonNode b, String from, String to, int closed) {
        long endA = closed == 1
                ? a.get(to).asLong() + 1
                : a.get(from).asLong() + a.get(to).asLong();
        long endB = closed == 1
                ? b.get(to).asLong() + 1
                : b.get(from).asLong() + b.get(to).asLong();
        return a.get(from).asLong() < endB && b.get(from).asLong() < endA;
    }

    @Test
    void aMaskIsABitPerElement() throws Exception {
        Path model = Files.writeString(folder.resolve("relu.json"), """
                {"input": {"shape": [64]}, "loss": "mse", "layers": [{"type": "linear", "name": "fc", "out": 64},
                 {"type": "relu", "name": "act"}, {"type": "linear", "name": "out", "out": 4}]}""");
        JsonNode kept = CommandRun.of("explain", model, "--batch", 32, "--json")
                .succeeded()
                .json()
                .get("kept");
        assertThat(kept).extracting(value -> value.get("name").asText()).containsExactly("input", "act.mask", "act");
        assertThat(kept).extracting(value -> value.get("bits").asDouble()).containsExactly(32.0, 1.0, 32.0);
        assertThat(kept)
                .extracting(value -> value.get("bytes").asLong())
                .containsExactly(0L, 32 * 64 / 8L, 32 * 64 * 4L);
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
