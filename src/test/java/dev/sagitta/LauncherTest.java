package dev.sagitta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** The launcher in bad places: src/test/launcher/cases, where a JDK, an ICD loader and a package manager are pretended. */
@Tag("tree")
class LauncherTest {
    @TempDir
    Path folder;

    private static String run(String... words) throws Exception {
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output;
    }

    @TestFactory
    Stream<DynamicTest> cases() throws Exception {
        Path script = Path.of("src/test/launcher/cases").toAbsolutePath();
        assertThat(Files.exists(script)).isTrue();
        List<String> names = run("bash", script.toString(), "list").lines().toList();
        assertThat(names).contains("a_removed_platform_leaves_its_file_behind", "the_users_choice_stays");
        List<String> lines = run(
                        "bash",
                        script.toString(),
                        "run",
                        Path.of("").toAbsolutePath().toString(),
                        folder.toString())
                .lines()
                .toList();
        return names.stream()
                .map(name -> dynamicTest(name.replace('_', ' '), () -> {
                    List<String> own = lines.stream()
                            .filter(line -> line.matches("(ok|skipped|failed) " + name + "(:.*)?"))
                            .toList();
                    Assumptions.assumeFalse(own.size() == 1 && own.get(0).startsWith("skipped"), () -> own.get(0));
                    assertThat(own).as(() -> String.join("\n", lines)).containsExactly("ok " + name);
                }));
    }
}
