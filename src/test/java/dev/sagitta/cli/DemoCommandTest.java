package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.fixture.ImageFiles;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.model.Checkpoint;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The demo end to end, in miniature. */
class DemoCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private Path text;

    @BeforeEach
    void writeText() throws IOException {
        text = folder.resolve("text.txt");
        SplittableRandom random = new SplittableRandom(3);
        StringBuilder words = new StringBuilder();
        while (words.length() < 4000) {
            words.append(
                    List.of("probe ", "tangent ", "cotangent\n", "<b>&\u03c3 ").get(random.nextInt(4)));
        }
        Files.writeString(text, words);
    }

    private int run(String... arguments) {
        List<String> all = new ArrayList<>(
                List.of("demo", "--tiny", "--device", TestDevices.names().get(0).split("-")[0]));
        all.addAll(List.of(arguments));
        return Main.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(all.toArray(String[]::new));
    }

    private static List<String> names(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void reportsOnAText() throws Exception {
        Path results = folder.resolve("results/of/demo");
        assertThat(run("--text", text.toString(), "--out", results.toString(), "--seed", "7"))
                .as(err.toString())
                .isZero();
        assertThat(err.toString()).isEmpty();
        assertThat(names(results)).containsExactly("model.safetensors", "report.html", "report.json");

        JsonNode report =
                new ObjectMapper().readTree(results.resolve("report.json").toFile());
        assertThat(report.fieldNames())
                .toIterable()
                .containsExactly("run", "data", "model", "training", "curvature", "quantization", "sample", "seconds");
        assertThat(report.at("/run/seed").asLong()).isEqualTo(7);
        assertThat(report.get("training")).hasSize(2);
        JsonNode exact = report.at("/training/0");
        JsonNode compressed = report.at("/training/1");
        assertThat(exact.get("activationBits").asText()).isEqualTo("none");
        assertThat(compressed.get("activationBits").asText()).isEqualTo("4");
        assertThat(exact.get("savedBytes").asDouble())
                .isGreaterThan(6 * compressed.get("savedBytes").asDouble());
        assertThat(exact.at("/memory/SAVED_ACTIVATIONS").asLong())
                .isEqualTo(exact.get("savedBytes").asLong());
        double first = exact.at("/curve/0/heldOutLoss").asDouble();
        assertThat(exact.at("/heldOut/loss").asDouble()).isLessThan(first);
        assertThat(compressed.at("/curve/0/heldOutLoss").asDouble())
                .as("the same initial weights")
                .isEqualTo(first);

        JsonNode layers = report.at("/curvature/layers");
        assertThat(layers).hasSize(8);
        double sum = 0;
        for (JsonNode layer : layers) {
            sum += layer.get("trace").asDouble();
            assertThat(layer.get("standardError").asDouble()).isPositive();
        }
        assertThat(sum).isCloseTo(report.at("/curvature/trace/estimate").asDouble(), within(1e-6 * Math.abs(sum)));
        assertThat(report.at("/curvature/trace/probes").asInt()).isEqualTo(16);
        assertThat(report.at("/curvature/eigenvalues")).hasSize(2);

        JsonNode plans = report.get("quantization");
        assertThat(plans).hasSize(9);
        for (int i = 0; i < 9; i += 3) {
            JsonNode curvature = plans.get(i);
            JsonNode trace = plans.get(i + 1);
            JsonNode uniform = plans.get(i + 2);
            assertThat(List.of(curvature, trace, uniform))
                    .extracting(plan -> plan.get("plan").asText())
                    .containsExactly("curvature", "trace", "uniform");
            assertThat(curvature.get("bytes").asLong())
                    .isLessThanOrEqualTo(uniform.get("bytes").asLong());
            assertThat(trace.get("bytes").asLong())
                    .isLessThanOrEqualTo(uniform.get("bytes").asLong());
            if (i < 6) {
                // in as many bytes the uniform plan is one of those that were compared
                assertThat(curvature.get("curvature").asDouble())
                        .isLessThanOrEqualTo(uniform.get("curvature").asDouble());
                assertThat(trace.get("omega").asDouble())
                        .isLessThanOrEqualTo(uniform.get("omega").asDouble());
            } else {
                assertThat(curvature.get("bytes").asLong())
                        .isLessThan(uniform.get("bytes").asLong());
            }
            for (JsonNode plan : List.of(curvature, trace, uniform)) {
                assertThat(plan.get("predictedIncrease").asDouble())
                        .isEqualTo(plan.get("curvature").asDouble() / 2);
                assertThat(plan.at("/increase/value").asDouble())
                        .isCloseTo(
                                plan.at("/heldOut/loss").asDouble()
                                        - exact.at("/heldOut/loss").asDouble(),
                                within(1e-6));
                // one batch tells no scatter
                assertThat(plan.get("increase").has("standardError")).isFalse();
            }
            assertThat(uniform.has("lessThanUniform")).isFalse();
            assertThat(curvature.at("/lessThanUniform/value").asDouble())
                    .isCloseTo(
                            uniform.at("/heldOut/loss").asDouble()
                                    - curvature.at("/heldOut/loss").asDouble(),
                            within(1e-6));
        }
        assertThat(report.get("sample").asText()).hasSizeGreaterThanOrEqualTo(20);

        String html = Files.readString(results.resolve("report.html"));
        assertSelfContained(html);
        assertThat(html.split("<svg ", -1)).as("plots").hasSizeGreaterThanOrEqualTo(1 + 6);
        assertThat(out.toString())
                .containsSubsequence(
                        "loss increase foretold", "measured", "uniform: 3", "activations", "exact", "in 4 bits")
                .contains("report.html");
        try (Checkpoint checkpoint = Checkpoint.open(results.resolve("model.safetensors"))) {
            assertThat(checkpoint.model().vocabulary().size()).isGreaterThan(5);
        }
    }

    private static org.assertj.core.data.Offset<Double> within(double offset) {
        return org.assertj.core.data.Offset.offset(offset);
    }

    private static void assertSelfContained(String html) {
        // the name space of SVG is a name, nothing is fetched from it
        String rest = html.replace("http://www.w3.org/2000/svg", "");
        assertThat(rest)
                .doesNotContain("http:")
                .doesNotContain("https:")
                .doesNotContain("src=")
                .doesNotContain("href=")
                .doesNotContain("url(")
                .doesNotContain("@import")
                .doesNotContain("<script");
    }

    @Test
    void repeatsBySeed() throws Exception {
        List<JsonNode> reports = new ArrayList<>();
        for (String name : List.of("a", "b")) {
            Path results = folder.resolve(name);
            assertThat(run("--text", text.toString(), "--out", results.toString()))
                    .as(err.toString())
                    .isZero();
            JsonNode report =
                    new ObjectMapper().readTree(results.resolve("report.json").toFile());
            // times are not repeatable
            ((com.fasterxml.jackson.databind.node.ObjectNode) report).remove("seconds");
            report.get("training").forEach(training -> ((com.fasterxml.jackson.databind.node.ObjectNode) training)
                    .remove("stepMilliseconds"));
            reports.add(report);
        }
        assertThat(reports.get(0)).isEqualTo(reports.get(1));
        assertThat(folder.resolve("a/model.safetensors")).hasSameBinaryContentAs(folder.resolve("b/model.safetensors"));
    }

    @Test
    void reportsOnImages() throws Exception {
        Path images = Files.createDirectory(folder.resolve("mnist"));
        writeImages(images, "train", 200);
        writeImages(images, "t10k", 50);
        Path results = folder.resolve("results");
        assertThat(run("--idx", images.toString(), "--out", results.toString()))
                .as(err.toString())
                .isZero();
        JsonNode report =
                new ObjectMapper().readTree(results.resolve("report.json").toFile());
        assertThat(report.has("sample")).isFalse();
        assertThat(report.at("/training/1/activationBits").asText()).isEqualTo("auto:2");
        assertThat(report.at("/training/0/heldOut/accuracy").asDouble()).isBetween(0.0, 1.0);
        assertSelfContained(Files.readString(results.resolve("report.html")));
    }

    @Test
    void reportsOnAConvolutionalNetwork() throws Exception {
        Path images = ImageFiles.folder(folder.resolve("images"), 12, 30, "a", "b", "c");
        Path results = folder.resolve("results");
        assertThat(run(
                        "--images",
                        images.toString(),
                        "--image-size",
                        "8",
                        "--model",
                        "resnet20",
                        "--out",
                        results.toString()))
                .as(err.toString())
                .isZero();
        JsonNode report =
                new ObjectMapper().readTree(results.resolve("report.json").toFile());
        assertThat(report.at("/model/description").asText()).isEqualTo("resnet20 over images [3, 8, 8]");
        assertThat(report.at("/training/0/heldOut/accuracy").asDouble()).isBetween(0.0, 1.0);
        assertThat(report.at("/curvature/layers").size()).isGreaterThan(60);
        assertThat(report.at("/quantization/0/layers/0/name").asText()).isEqualTo("fc.weight");
        String html = Files.readString(results.resolve("report.html"));
        assertSelfContained(html);
        assertThat(html).contains("Trace of the Hessian by parameter, the 32 largest");
        try (Checkpoint checkpoint = Checkpoint.open(results.resolve("model.safetensors"))) {
            assertThat(checkpoint.normalisation()).isPresent();
            assertThat(checkpoint.graph().output().shape().elements()).isEqualTo(3);
        }
    }

    private static void writeImages(Path folder, String part, int count) throws IOException {
        SplittableRandom random = new SplittableRandom(count);
        byte[] pixels = new byte[count * 784];
        random.nextBytes(pixels);
        byte[] labels = new byte[count];
        for (int i = 0; i < count; i++) {
            labels[i] = (byte) random.nextInt(10);
        }
        write(folder.resolve(part + "-images-idx3-ubyte.gz"), pixels, count, 28, 28);
        write(folder.resolve(part + "-labels-idx1-ubyte.gz"), labels, count);
    }

    private static void write(Path file, byte[] contents, int... extents) throws IOException {
        try (OutputStream stream = new GZIPOutputStream(Files.newOutputStream(file))) {
            stream.write(new byte[] {0, 0, 8, (byte) extents.length});
            for (int extent : extents) {
                stream.write(java.nio.ByteBuffer.allocate(4).putInt(extent).array());
            }
            stream.write(contents);
        }
    }

    @Test
    void anOutputThatCannotBeWrittenFailsAtOnce() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "not a folder");
        assertThat(run("--text", text.toString(), "--out", file.toString())).isEqualTo(1);
        assertOneLine("there is a file of that name");

        Path results = Files.createDirectory(folder.resolve("results"));
        Files.createDirectory(results.resolve("report.html"));
        assertThat(run("--text", text.toString(), "--out", results.toString())).isEqualTo(1);
        assertOneLine("report.html: it is a folder");
        assertThat(names(results)).containsExactly("report.html");
        assertThat(Files.readString(file)).isEqualTo("not a folder");
    }

    @Test
    void badInputLeavesNothingBehind() throws Exception {
        Path results = folder.resolve("results");
        assertThat(run("--text", folder.resolve("none.txt").toString(), "--out", results.toString()))
                .isEqualTo(1);
        assertOneLine("none.txt: no such file");
        assertThat(results).doesNotExist();

        Path empty = Files.writeString(folder.resolve("empty.txt"), "");
        assertThat(run("--text", empty.toString(), "--out", results.toString())).isEqualTo(1);
        assertOneLine("the text is empty");
        assertThat(results).doesNotExist();
    }

    @Test
    void wrongUsageExitsWithTwo() {
        assertThat(run("--text", "a", "--idx", "b")).isEqualTo(2);
        assertThat(run("--activation-bits", "none")).isEqualTo(2);
        assertThat(run("--activation-bits", "5")).isEqualTo(2);
        assertThat(run("--steps", "0")).isEqualTo(2);
        assertThat(run("--model", "resnet20")).isEqualTo(2);
        assertThat(run("--model", "resnet21", "--images", "a")).isEqualTo(2);
        assertThat(run("--image-size", "8")).isEqualTo(2);
        assertThat(run("--images", "a", "--image-size", "0")).isEqualTo(2);
        assertThat(folder.resolve("sagitta-demo")).doesNotExist();
    }

    private void assertOneLine(String part) {
        assertThat(err.toString().lines())
                .singleElement()
                .asString()
                .startsWith("sagitta demo: ")
                .contains(part);
        assertThat(out.toString()).isEmpty();
        err.getBuffer().setLength(0);
    }
}
