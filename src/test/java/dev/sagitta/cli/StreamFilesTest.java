package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.model.Checkpoint;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pipes and descriptors as a shell gives them, in processes of their own. */
class StreamFilesTest {
    @TempDir
    Path folder;

    /** What the shell wrote to stdout and stderr, and its exit status. */
    private record Shell(String output, int status) {}

    @BeforeEach
    void write() throws IOException {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "bash");
        Files.writeString(folder.resolve("t.json"), """
                {"layers": [{"name": "a", "options": [{"bits": 2, "omega": 9, "bytes": 20}]}]}""");
    }

    private Shell shell(String script) throws Exception {
        Path output = folder.resolve("output");
        ProcessBuilder builder = new ProcessBuilder(
                        "/bin/bash",
                        "-c",
                        "sagitta() { \"$JAVA\" -Xmx256m $OPTIONS -cp \"$CP\" dev.sagitta.cli.Main \"$@\"; }; " + script)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().put("JAVA", System.getProperty("java.home") + "/bin/java");
        StringBuilder classes = new StringBuilder();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            classes.append(Path.of(entry).toAbsolutePath()).append(File.pathSeparator);
        }
        builder.environment().put("CP", classes.toString());
        String modules = System.getProperty("sagitta.cuda.modules");
        builder.environment()
                .put(
                        "OPTIONS",
                        modules == null
                                ? ""
                                : "-Dsagitta.cuda.modules=" + Path.of(modules).toAbsolutePath());
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        Process process = builder.start();
        try {
            assertThat(process.waitFor(300, TimeUnit.SECONDS)).as(script).isTrue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        return new Shell(Files.readString(output, StandardCharsets.UTF_8), process.exitValue());
    }

    @Test
    void processSubstitutionIsAnInputAndAnOutput() throws Exception {
        Shell run = shell("sagitta allocate --table <(cat t.json) --max-bytes 20 --out >(cat > got; touch done) > text;"
                + " while [[ ! -e done ]]; do sleep 0.05; done");
        assertThat(run.output()).isEmpty();
        assertThat(run.status()).isZero();
        assertThat(CommandRun.json(folder.resolve("got")).get("layers")).hasSize(1);
        assertThat(folder.resolve("text")).content().contains("optimal");
    }

    /** The early check would otherwise send the reader of a named pipe away with nothing. */
    @Test
    void aNamedPipeWaitsForItsReaderAndGetsEverything() throws Exception {
        Shell run = shell(
                "mkfifo p; { sleep 2; cat p > got; } & sagitta allocate --table t.json --max-bytes 20 --out p > text"
                        + " && wait");
        assertThat(run.output()).isEmpty();
        assertThat(run.status()).isZero();
        assertThat(CommandRun.json(folder.resolve("got")).get("layers")).hasSize(1);
    }

    @Test
    void stdoutByItsNameIsStdout() throws Exception {
        for (String how : new String[] {"> got", ">> got", "| cat > got"}) {
            Shell run = shell(
                    "rm -f got; sagitta allocate --table /dev/stdin --max-bytes 20 --out /dev/stdout < t.json " + how);
            assertThat(run.output()).as(how).isEmpty();
            assertThat(CommandRun.json(folder.resolve("got")).get("layers"))
                    .as(how)
                    .hasSize(1);
        }
        Shell before = shell("{ echo first; sagitta allocate --table t.json --max-bytes 20 --out /dev/stdout; } > got");
        assertThat(before.output()).isEmpty();
        assertThat(folder.resolve("got")).content().startsWith("first\n{").contains("\"optimal\"");
    }

    /** Whole commands on a device: the examples by pipes, the log and the checkpoint to pipes. */
    @Test
    void trainingReadsAndWritesPipes() throws Exception {
        NpyWriter.write(folder.resolve("x.npy"), new float[60], 20, 3);
        NpyWriter.write(folder.resolve("y.npy"), new long[20], 20);
        Files.writeString(folder.resolve("m.json"), """
                {"input": {"shape": [3]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc", "out": 2}]}""");
        String train = "sagitta train --device " + TestDevices.one()
                + " --steps 4 --report-every 1 --model <(cat m.json) --inputs <(cat x.npy) --targets <(cat y.npy) ";
        Shell run = shell(train + "--out >(cat > c; touch done) --metrics /dev/stdout > got;"
                + " while [[ ! -e done ]]; do sleep 0.05; done");
        assertThat(run.status()).isZero();
        // the log and the text, in the order in which they were written, nothing lost
        List<String> lines = Files.readAllLines(folder.resolve("got"));
        assertThat(lines.stream().filter(line -> line.startsWith("{\"step\":"))).hasSize(4);
        assertThat(lines.get(lines.size() - 1)).startsWith("wrote /dev/fd/");
        try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("c"))) {
            assertThat(checkpoint.graph().parameters()).hasSize(2);
        }
    }

    @Test
    void whatIsLostIsRefusedInOneLine() throws Exception {
        assertOneLine(2, "standard output", "sagitta allocate --table t.json --max-bytes 20 --out got > got", "got");
        assertOneLine(
                1,
                "cannot write /dev/full: No space left on device",
                "sagitta allocate --table t.json --max-bytes 20 --out /dev/full",
                null);
        assertOneLine(1, "it is a device", "sagitta allocate --table /dev/null --max-bytes 20", null);
        assertOneLine(1, "field 'layers' is missing", "sagitta allocate --table <(echo {}) --max-bytes 20", null);
        assertOneLine(1, "expected a JSON object", "sagitta allocate --table <(true) --max-bytes 20", null);
    }

    private void assertOneLine(int status, String message, String script, String empty) throws Exception {
        Shell run = shell(script);
        assertThat(run.output()).contains(message);
        assertThat(run.output().lines()).as(run.output()).hasSize(1);
        assertThat(run.status()).isEqualTo(status);
        if (empty != null) {
            assertThat(folder.resolve(empty)).isEmptyFile();
        }
    }
}
