package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.Checkpoint;
import dev.sagitta.io.HostTensor;
import dev.sagitta.io.ModelSpec;
import dev.sagitta.tensor.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The exact cases of research/curvature.md, through the command line. */
class CurvatureCommandTest {
    @TempDir
    Path folder;

    private Path checkpoint;
    private Path json;

    static List<String> devices() {
        return TestDevices.names().stream()
                .filter(name -> !name.equals("opencl-gpu"))
                .toList();
    }

    @BeforeEach
    void name() {
        checkpoint = folder.resolve("c.safetensors");
        json = folder.resolve("c.json");
    }

    private void model(String loss, int in, int out, float... weights) {
        ModelSpec model = ModelSpec.parse(
                "{\"input\": {\"shape\": [" + in + "]}, \"loss\": \"" + loss
                        + "\", \"layers\": [{\"type\": \"linear\", \"name\": \"fc\", \"out\": " + out
                        + ", \"bias\": false}]}",
                "model");
        Checkpoint.write(checkpoint, model, List.of(HostTensor.of("fc.weight", Shape.of(out, in), weights)), Map.of());
    }

    private static void assertTrace(JsonNode trace, double exact) {
        double error = trace.get("standardError").doubleValue();
        assertThat(error).isPositive();
        assertThat(trace.get(trace.has("estimate") ? "estimate" : "trace").doubleValue())
                .isCloseTo(exact, offset(4 * error));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void softmaxAtZeroWeights(String device) throws Exception {
        model("cross_entropy", 2, 3, new float[6]);
        Path x = NpyWriter.write(folder.resolve("x.npy"), new float[] {1, 2}, 1, 2);
        Path y = NpyWriter.write(folder.resolve("y.npy"), new long[] {0}, 1);
        Path report = folder.resolve("c.html");
        CommandRun run = CommandRun.of(
                        "curvature",
                        "--device",
                        device,
                        "--checkpoint",
                        checkpoint,
                        "--inputs",
                        x,
                        "--targets",
                        y,
                        "--probes",
                        50,
                        "--top-k",
                        3,
                        "--json",
                        json,
                        "--report",
                        report)
                .succeeded();
        assertThat(run.out()).contains("fc.weight", "largest eigenvalues");
        JsonNode result = CommandRun.json(json);
        assertThat(result.fieldNames())
                .toIterable()
                .containsExactly("loss", "gradientNorm", "trace", "layers", "eigenvalues");
        assertThat(result.get("loss").doubleValue()).isCloseTo(Math.log(3), offset(1e-6));
        assertThat(result.get("gradientNorm").doubleValue()).isCloseTo(Math.sqrt(10.0 / 3), offset(1e-5));
        assertThat(result.get("trace").get("probes").intValue()).isEqualTo(50);
        assertTrace(result.get("trace"), 10.0 / 3);
        JsonNode layer = result.get("layers").get(0);
        assertThat(layer.get("name").textValue()).isEqualTo("fc.weight");
        assertThat(layer.get("parameters").intValue()).isEqualTo(6);
        assertThat(layer.get("averageTrace").doubleValue())
                .isCloseTo(layer.get("trace").doubleValue() / 6, offset(1e-9));
        // 5/3 is there twice; one Krylov space sees a multiple eigenvalue once
        assertThat(result.get("eigenvalues").get(0).doubleValue()).isCloseTo(5.0 / 3, offset(1e-4));
        assertThat(Files.readString(report))
                .startsWith("<!DOCTYPE html>")
                .contains("<svg ", "fc.weight")
                .doesNotContain("<script", "src=");
    }

    @ParameterizedTest
    @MethodSource("devices")
    void linearLeastSquares(String device) throws Exception {
        model("mse", 2, 1, 1, 1);
        Path x = NpyWriter.write(folder.resolve("x.npy"), new float[] {1, 2, 3, 4, 5, 6}, 3, 2);
        Path y = NpyWriter.write(folder.resolve("y.npy"), new float[3], 3, 1);
        for (String extra : List.of("--separate", "--gauss-newton")) {
            CommandRun.of(
                            "curvature",
                            "--device",
                            device,
                            "--checkpoint",
                            checkpoint,
                            "--inputs",
                            x,
                            "--targets",
                            y,
                            "--probes",
                            40,
                            "--top-k",
                            2,
                            "--json",
                            json,
                            "--batch",
                            2,
                            extra)
                    .succeeded();
            JsonNode result = CommandRun.json(json);
            assertThat(result.get("loss").doubleValue()).isCloseTo(179 / 3.0, offset(1e-4));
            assertThat(result.get("gradientNorm").doubleValue()).isCloseTo(2 / 3.0 * Math.hypot(79, 100), offset(1e-3));
            assertTrace(result.get("trace"), 182 / 3.0);
            assertTrace(result.get("layers").get(0), 182 / 3.0);
            assertThat(result.get("eigenvalues")).hasSize(2);
            assertThat(result.get("eigenvalues").get(0).doubleValue()).isCloseTo(60.49032994, offset(1e-4));
            assertThat(result.get("eigenvalues").get(1).doubleValue()).isCloseTo(0.17633672, offset(1e-4));
        }
    }

    @Test
    void badInput() {
        model("mse", 2, 1, 1, 1);
        Path x = NpyWriter.write(folder.resolve("x.npy"), new float[] {1, 2}, 1, 2);
        Path labels = NpyWriter.write(folder.resolve("y.npy"), new long[] {0}, 1);
        Object[] words = {"curvature", "--checkpoint", checkpoint, "--inputs", x, "--targets", labels, "--json", json};
        CommandRun.of(words).failed(1, "loss mse expects fp32 targets");
        CommandRun.of("curvature", "--checkpoint", checkpoint, "--inputs", x, "--targets", labels, "--probes", 0)
                .failed(2, "--probes is 0");
        CommandRun.of(
                        "curvature",
                        "--checkpoint",
                        checkpoint,
                        "--inputs",
                        x,
                        "--targets",
                        labels,
                        "--report",
                        folder.resolve("no/r.html"))
                .failed(1, "there is no folder");
        assertThat(json).doesNotExist();
        model("mse", 2, 1, 1, Float.POSITIVE_INFINITY);
        CommandRun.of(words).failed(1, "tensor 'fc.weight' holds Infinity at [0, 1]");
    }
}
