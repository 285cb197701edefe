package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
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
                .containsExactly("loss", "gradientNorm", "trace", "layers", "eigenvalues", "spectrum");
        assertThat(result.get("loss").doubleValue()).isCloseTo(Math.log(3), offset(1e-6));
        assertThat(result.get("gradientNorm").doubleValue()).isCloseTo(Math.sqrt(10.0 / 3), offset(1e-5));
        assertThat(result.get("trace").get("probes").intValue()).isEqualTo(50);
        assertTrace(result.get("trace"), 10.0 / 3);
        JsonNode layer = result.get("layers").get(0);
        assertThat(layer.get("name").textValue()).isEqualTo("fc.weight");
        assertThat(layer.get("parameters").intValue()).isEqualTo(6);
        assertThat(layer.get("averageTrace").doubleValue())
                .isCloseTo(layer.get("trace").doubleValue() / 6, offset(1e-9));
        double[] exact = {5.0 / 3, 5.0 / 3, 0};
        for (int i = 0; i < 3; i++) {
            assertThat(result.get("eigenvalues").get(i).doubleValue()).isCloseTo(exact[i], offset(1e-4));
        }
        assertThat(result.get("spectrum").get("converged").booleanValue()).isTrue();
        assertThat(result.get("spectrum").get("certain").intValue()).isEqualTo(3);
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

    private CommandRun run(Path x, Path y, Object... more) {
        Object[] words = {"curvature", "--checkpoint", checkpoint, "--inputs", x, "--targets", y, "--json", json};
        return CommandRun.of(
                java.util.stream.Stream.concat(java.util.Arrays.stream(words), java.util.Arrays.stream(more))
                        .toArray());
    }

    @Test
    void oneProbeLeavesTheErrorUnknown() throws Exception {
        model("mse", 2, 1, 1, 1);
        Path x = NpyWriter.write(folder.resolve("x.npy"), new float[] {1, 2, 3, 4}, 2, 2);
        Path y = NpyWriter.write(folder.resolve("y.npy"), new float[2], 2, 1);
        Path report = folder.resolve("c.html");
        for (List<Object> extra : List.of(List.<Object>of(), List.<Object>of("--separate"))) {
            Object[] more = java.util.stream.Stream.concat(
                            extra.stream(), java.util.stream.Stream.of("--probes", 1, "--report", report))
                    .toArray();
            CommandRun run = run(x, y, more).succeeded();
            assertThat(run.out()).contains("+- - (standard error, 1 probe)").doesNotContain("0.0 ", "NaN", "nfinity");
            JsonNode result = CommandRun.json(json);
            assertThat(result.get("trace").get("standardError").isNull()).isTrue();
            assertThat(result.get("layers").get(0).get("standardError").isNull())
                    .isTrue();
            assertThat(Files.readString(report)).contains("standard error -").doesNotContain("NaN", "nfinity");
        }
    }

    @Test
    void allLabelsLeftOutIsAnError() throws Exception {
        model("cross_entropy", 2, 3, new float[6]);
        Path x = NpyWriter.write(folder.resolve("x.npy"), new float[] {1, 2, 3, 4}, 2, 2);
        Path y = NpyWriter.write(folder.resolve("y.npy"), new long[] {-100, -100}, 2);
        run(x, y).failed(1, "label");
        assertThat(json).doesNotExist();
    }

    @Test
    void countsAtTheEndOfTheirRange() throws Exception {
        model("mse", 2, 1, 1, 1);
        Path x = NpyWriter.write(folder.resolve("x.npy"), new float[] {1, 0, 0, 1}, 2, 2);
        Path y = NpyWriter.write(folder.resolve("y.npy"), new float[2], 2, 1);
        int most = Integer.MAX_VALUE;
        // on a diagonal matrix all samples are equal: the first look ends it
        CommandRun run = run(x, y, "--probes", most, "--relative-error", 0.5, "--top-k", most, "--batch", most);
        assertThat(run.status()).as(run.err()).isZero();
        JsonNode result = CommandRun.json(json);
        assertThat(result.get("trace").get("probes").intValue()).isEqualTo(8);
        assertThat(result.get("trace").get("estimate").doubleValue()).isCloseTo(2, offset(1e-6));
        assertThat(result.get("eigenvalues")).hasSize(2);
        assertThat(run.err()).contains("only 2 eigenvalues");
    }

    /** The same probes, whatever is taken at once: fp32 rounding is all that differs. */
    @ParameterizedTest
    @MethodSource("devices")
    void theSeedNotTheBatchDecides(String device) throws Exception {
        float[] inputs = new float[20 * 6];
        float[] targets = new float[20 * 3];
        java.util.Random random = new java.util.Random(1);
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = (float) random.nextGaussian();
        }
        model("mse", 6, 3, new float[18]);
        Path x = NpyWriter.write(folder.resolve("x.npy"), inputs, 20, 6);
        Path y = NpyWriter.write(folder.resolve("y.npy"), targets, 20, 3);
        double[] traces = new double[3];
        double[] errors = new double[3];
        int[] batches = {20, 7, 1};
        for (int i = 0; i < 3; i++) {
            run(x, y, "--device", device, "--probes", 13, "--batch", batches[i], "--seed", 5)
                    .succeeded();
            JsonNode trace = CommandRun.json(json).get("trace");
            traces[i] = trace.get("estimate").doubleValue();
            errors[i] = trace.get("standardError").doubleValue();
        }
        for (int i = 1; i < 3; i++) {
            assertThat(traces[i]).isCloseTo(traces[0], offset(1e-5 * traces[0]));
            assertThat(errors[i]).isCloseTo(errors[0], offset(1e-5 * traces[0]));
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
