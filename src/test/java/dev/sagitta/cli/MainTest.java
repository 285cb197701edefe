package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every command has in common: its version, and what it says of a line that it does not understand. */
class MainTest {
    static List<String> commands() {
        return new ArrayList<>(Main.commandLine().getSubcommands().keySet());
    }

    private static void saysItsVersion(CommandRun run) {
        assertThat(run.succeeded().out().lines().toList())
                .hasSize(2)
                .satisfies(lines -> assertThat(lines.get(0)).matches("sagitta [0-9]+\\.[0-9]+\\.[0-9]+(-SNAPSHOT)?"))
                .satisfies(lines -> assertThat(lines.get(1))
                        .matches("JCuda [0-9.]+, JOCL [0-9.]+, Java .+")
                        .contains(Runtime.version().toString()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--version", "-V"})
    void theVersionIsPrinted(String option) {
        saysItsVersion(CommandRun.of(option));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandPrintsIt(String command) {
        saysItsVersion(CommandRun.of(command, "--version"));
    }

    /** Picocli formats descriptions: a percent sign that is not doubled is shown as it stands, with a warning on stderr. */
    @ParameterizedTest
    @MethodSource("commands")
    void helpHasNoBrokenFormat(String command) {
        PrintStream stderr = System.err;
        ByteArrayOutputStream warnings = new ByteArrayOutputStream();
        System.setErr(new PrintStream(warnings, true, StandardCharsets.UTF_8));
        try {
            assertThat(CommandRun.of(command, "--help").succeeded().out()).doesNotContain("%%");
        } finally {
            System.setErr(stderr);
        }
        assertThat(warnings.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    /** Those that the launcher does not know would not be given an OpenCL runtime. */
    @Test
    @Tag("tree")
    void theLauncherKnowsEveryCommandThatNeedsADevice() throws Exception {
        String line = Files.readAllLines(Path.of("sagitta")).stream()
                .filter(text -> text.strip().startsWith("demo | "))
                .findFirst()
                .orElseThrow();
        List<String> known =
                new ArrayList<>(List.of(line.strip().replace(") ;;", "").split(" \\| ")));
        known.add("allocate"); // arithmetic only
        assertThat(known).containsExactlyInAnyOrderElementsOf(commands());
    }

    @Test
    void aMistypedOptionIsNamedWithWhatItMayBe() {
        CommandRun.of("train", "--modle", "mlp")
                .failed(2, "sagitta train: unknown option '--modle'; possible: --model");
        CommandRun.of("eval", "--checkpont", "C").failed(2, "unknown option '--checkpont'; possible: --checkpoint");
        CommandRun.of("quantize", "--checkpoint", "C", "--averag-bits", "3")
                .failed(2, "unknown option '--averag-bits'; possible: --average-bits");
        CommandRun.of("devices", "--no-mesure").failed(2, "unknown option '--no-mesure'; possible: --no-measure");
    }

    @ParameterizedTest
    @MethodSource("commands")
    void anOptionThatResemblesNothingIsUnknown(String command) {
        CommandRun.of(command, "--zzzzqqqq").failed(2, "sagitta " + command + ": unknown option '--zzzzqqqq'");
    }

    @Test
    void aMistypedCommandIsNamedWithWhatItMayBe() {
        CommandRun.of("trian", "--model", "mlp").failed(2, "sagitta: unknown command 'trian'; possible: train");
        CommandRun.of("quantise").failed(2, "unknown command 'quantise'; possible: quantize");
    }

    @Test
    void aMissingOptionIsStillMissing() {
        CommandRun.of("eval").failed(2, "Missing required option: '--checkpoint=");
    }

    @Test
    void aWordTooManyIsNoCommand() {
        CommandRun.of("devices", "cuda").failed(2, "sagitta devices: unexpected word 'cuda'");
    }
}
