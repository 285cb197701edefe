package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.fixture.TestDevices;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code quantize} on a network of a few hundred weights. */
class QuantizeCommandTest {
    private static final String MODEL = """
            {"input": {"shape": [4], "type": "ids"}, "loss": "cross_entropy", "layers": [
              {"type": "embedding", "name": "embed", "vocabulary": true, "width": 8}, {"type": "flatten"},
              {"type": "linear", "name": "fc1", "out": 48}, {"type": "gelu"},
              {"type": "linear", "name": "out", "out": "vocabulary"}]}
            """;

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private void run(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--device", TestDevices.names().get(0).split("-")[0]));
        int code = Main.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(all.toArray(String[]::new));
        assertThat(code).as(err.toString()).isZero();
    }

    private JsonNode quantize(Path text, String... more) throws Exception {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        Path json = folder.resolve("q.json");
        List<String> all = new ArrayList<>(List.of(
                "quantize",
                "--checkpoint",
                folder.resolve("c.safetensors").toString(),
                "--out",
                folder.resolve("q.safetensors").toString(),
                "--text",
                text.toString(),
                "--group",
                "16",
                "--json",
                json.toString()));
        all.addAll(List.of(more));
        run(all.toArray(String[]::new));
        return new ObjectMapper().readTree(json.toFile());
    }

    @Test
    void minimisesTheCurvatureAlongRoundingErrorsUnlessToldOtherwise() throws Exception {
        Path text = Files.writeString(
                folder.resolve("text.txt"),
                "the quick brown fox jumps over the lazy dog, and back again.\n".repeat(40));
        Path model = Files.writeString(folder.resolve("m.json"), MODEL);
        run(
                "train",
                "--model",
                model.toString(),
                "--text",
                text.toString(),
                "--steps",
                "60",
                "--batch",
                "32",
                "--out",
                folder.resolve("c.safetensors").toString());

        JsonNode rounding = quantize(text, "--average-bits", "3");
        assertThat(rounding.get("sensitivity").asText()).isEqualTo("rounding");
        assertThat(rounding.get("rows").asText()).isEqualTo("held-out");
        assertThat(rounding.get("omega").isNull()).isTrue();
        assertThat(rounding.get("predictedIncrease").asDouble())
                .isEqualTo(rounding.get("curvature").asDouble() / 2)
                .isPositive();
        assertThat(rounding.get("increase").asDouble())
                .isEqualTo(rounding.at("/after/loss").asDouble()
                        - rounding.at("/before/loss").asDouble());
        assertThat(rounding.at("/layers/0/trace").isNull()).isTrue();
        assertThat(out.toString()).contains("bits by rounding: ", "examples (held-out)", "half of v'Hv foretells");

        JsonNode omega = quantize(text, "--average-bits", "3", "--sensitivity", "omega");
        assertThat(omega.get("sensitivity").asText()).isEqualTo("omega");
        assertThat(omega.get("curvature").isNull()).isTrue();
        assertThat(omega.get("predictedIncrease").isNull()).isTrue();
        assertThat(omega.get("omega").asDouble()).isPositive();
        assertThat(omega.at("/layers/0/trace").isNull()).isFalse();
        assertThat(out.toString()).contains("bits by omega: ", "foretells -");

        JsonNode both = quantize(text, "--uniform", "3", "--probes", "16");
        assertThat(both.get("omega").asDouble()).isPositive();
        assertThat(both.get("curvature").asDouble())
                .isGreaterThanOrEqualTo(rounding.get("curvature").asDouble());
    }
}
