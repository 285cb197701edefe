package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Documents that list commands against the commands that there are. */
@Tag("tree")
class ChangelogTest {
    @Test
    void theChangelogNamesEveryCommand() throws IOException {
        String line = Files.readString(Path.of("CHANGELOG.md"))
                .lines()
                .filter(text -> text.startsWith("- Command line: "))
                .findFirst()
                .orElseThrow();
        assertThat(quoted(line))
                .isEqualTo(new TreeSet<>(Main.commandLine().getSubcommands().keySet()));
    }

    @Test
    void theReadmeNamesEveryCommand() throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        assertThat(Main.commandLine().getSubcommands().keySet())
                .allSatisfy(command -> assertThat(readme).contains("sagitta " + command));
    }

    private static TreeSet<String> quoted(String text) {
        TreeSet<String> names = new TreeSet<>();
        Matcher matcher = Pattern.compile("`(\\w+)`").matcher(text);
        while (matcher.find()) {
            names.add(matcher.group(1));
        }
        return names;
    }
}
