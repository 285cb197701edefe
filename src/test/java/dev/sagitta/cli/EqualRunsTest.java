package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.ChildJvm;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Equal commands in two processes write equal files: maps and sets of the JDK draw their order anew in each. */
class EqualRunsTest {
    private static final int ROWS = 80;

    /** Times, and the memory that a driver reports free to use: PoCL's is a share of what the machine has left. */
    private static final String UNEQUAL =
            "(\"(?:seconds|examplesPerSecond|\\w*Seconds|memory_bytes|max_allocation_bytes)\"\\s*:\\s*)[-+.0-9eE]+";

    @TempDir
    Path folder;

    /** Its own process: the folder is the property {@code equal.runs}. */
    public static final class Commands {
        public static void main(String[] arguments) throws IOException {
            runAll(Path.of(System.getProperty("equal.runs")), System.getProperty("equal.device"));
        }
    }

    @Test
    void equalCommandsWriteEqualFiles() throws IOException {
        // where two ways to add a bias are close, each process may choose its own
        System.setProperty("sagitta.gemm.bias", "own");
        writeInputs();
        runAll(folder, TestDevices.one());
        Map<String, byte[]> here = takeOutputs();
        List<String> options =
                new ArrayList<>(List.of("-Dequal.runs=" + folder, "-Dequal.device=" + TestDevices.one()));
        for (String property : List.of("sagitta.cuda.modules", "sagitta.home", "sagitta.gemm.bias")) {
            if (System.getProperty(property) != null) {
                options.add("-D" + property + "=" + System.getProperty(property));
            }
        }
        ChildJvm.run(Map.of(), options, Commands.class);
        Map<String, byte[]> there = takeOutputs();
        assertThat(there.keySet()).isEqualTo(here.keySet());
        assertThat(here).hasSizeGreaterThan(10);
        here.forEach((name, bytes) ->
                assertThat(text(there.get(name), name)).as(name).isEqualTo(text(bytes, name)));
    }

    @AfterEach
    void chooseAgain() {
        System.clearProperty("sagitta.gemm.bias");
    }

    private static String text(byte[] bytes, String name) {
        if (!name.matches(".*\\.jsonl?")) {
            return new String(bytes, StandardCharsets.ISO_8859_1);
        }
        return new String(bytes, StandardCharsets.UTF_8).replaceAll(UNEQUAL, "$10");
    }

    /** The files of {@code out}, which is empty afterwards. */
    private Map<String, byte[]> takeOutputs() throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> list = Files.list(folder.resolve("out"))) {
            for (Path file : list.toList()) {
                files.put(file.getFileName().toString(), Files.readAllBytes(file));
                Files.delete(file);
            }
        }
        return files;
    }

    private void writeInputs() throws IOException {
        StringBuilder layers = new StringBuilder();
        for (int i = 1; i <= 6; i++) {
            layers.append("{\"type\": \"linear\", \"name\": \"fc%d\", \"out\": 12}, {\"type\": \"%s\"},%n"
                    .formatted(i, i % 2 == 0 ? "relu" : "gelu"));
        }
        Files.writeString(folder.resolve("model.json"), """
                {"input": {"shape": [8]}, "loss": "cross_entropy", "layers": [%s{"type": "linear", "name": "out", "out": 3}]}
                """.formatted(layers));
        StringBuilder table = new StringBuilder();
        for (String layer : List.of("a", "b", "c")) {
            table.append(table.isEmpty() ? "" : ",").append("""
                    {"name": "%s", "options": [
                      {"bits": 2, "omega": 9, "bytes": 20, "costs": {"time": 1, "energy": 2, "area": 3, "heat": 1}},
                      {"bits": 4, "omega": 1, "bytes": 40, "costs": {"time": 2, "energy": 4, "area": 1, "heat": 1}}]}
                    """.formatted(layer));
        }
        Files.writeString(folder.resolve("table.json"), "{\"layers\": [" + table + "]}");
        Random random = new Random(2);
        float[] x = new float[ROWS * 8];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        NpyWriter.write(folder.resolve("x.npy"), x, ROWS, 8);
        NpyWriter.write(folder.resolve("y.npy"), random.longs(ROWS, 0, 3).toArray(), ROWS);
        Files.createDirectory(folder.resolve("out"));
    }

    private static void runAll(Path folder, String device) throws IOException {
        Path out = folder.resolve("out");
        List<Object> data =
                List.of("--inputs", folder.resolve("x.npy"), "--targets", folder.resolve("y.npy"), "--device", device);
        Path checkpoint = out.resolve("c.safetensors");
        Path packed = out.resolve("q.safetensors");
        run(
                data,
                out,
                "train",
                "--model",
                folder.resolve("model.json"),
                "--out",
                checkpoint,
                "--steps",
                24,
                "--batch",
                16,
                "--activation-bits",
                "auto:2",
                "--report-every",
                8,
                "--metrics",
                out.resolve("metrics.jsonl"));
        Path vector = out.resolve("v.safetensors");
        try (Checkpoint file = Checkpoint.open(checkpoint)) {
            List<HostTensor> weights = file.graph().parameters().stream()
                    .map(parameter -> file.parameter(parameter.name()))
                    .toList();
            SafetensorsFile.write(vector, Map.of(), weights);
        }
        run(data, out, "eval", "--checkpoint", checkpoint);
        run(
                data,
                out,
                "hvp",
                "--checkpoint",
                checkpoint,
                "--vector",
                vector,
                "--activation-bits",
                "auto:2",
                "--out",
                out.resolve("hv.safetensors"),
                "--gradient",
                out.resolve("g.safetensors"));
        run(data, out, "curvature", "--checkpoint", checkpoint, "--probes", 2, "--top-k", 1);
        run(data, out, "quantize", "--checkpoint", checkpoint, "--average-bits", 3, "--probes", 2, "--out", packed);
        CommandRun.of(
                "eval",
                "--checkpoint",
                packed,
                "--json",
                out.resolve("packed.json"),
                data.get(0),
                data.get(1),
                data.get(2),
                data.get(3),
                data.get(4),
                data.get(5));
        CommandRun.of(
                        "allocate",
                        "--table",
                        folder.resolve("table.json"),
                        "--max",
                        "time=5",
                        "--max",
                        "energy=11",
                        "--max",
                        "area=8",
                        "--out",
                        out.resolve("allocation.json"))
                .succeeded();
        CommandRun.of("devices", "--no-measure", "--json", out.resolve("devices.json"))
                .succeeded();
    }

    private static void run(List<Object> data, Path out, Object... words) {
        List<Object> all = new ArrayList<>(List.of(words));
        all.addAll(data);
        all.addAll(List.of("--json", out.resolve(words[0] + ".json")));
        assertThat(CommandRun.of(all.toArray()).status()).as("%s", all).isZero();
    }
}
