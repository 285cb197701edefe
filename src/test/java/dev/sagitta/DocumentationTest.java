package dev.sagitta;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Every package and every public type says what it is. */
@Tag("tree")
class DocumentationTest {
    private static final Path MAIN = Path.of("src/main/java");

    private static final Pattern PUBLIC_TYPE = Pattern.compile(
            "(?m)^ *public (?:(?:static|final|abstract|sealed|non-sealed) )*(?:class|interface|record|enum|@interface) (\\w+)");

    /** With up to two levels of parentheses. */
    private static final Pattern ANNOTATIONS =
            Pattern.compile("(?:@\\w+(?:\\((?:[^()]|\\((?:[^()]|\\([^()]*\\))*\\))*\\))?\\s*)*$");

    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.walk(MAIN)) {
            return files.filter(file -> file.toString().endsWith(".java"))
                    .sorted()
                    .toList();
        }
    }

    static List<String> undocumented(String source) {
        return PUBLIC_TYPE
                .matcher(source)
                .results()
                .filter(type -> {
                    String before = source.substring(0, type.start());
                    Matcher annotations = ANNOTATIONS.matcher(before);
                    return !(annotations.find() ? before.substring(0, annotations.start()) : before)
                            .stripTrailing()
                            .endsWith("*/");
                })
                .map(type -> type.group(1))
                .toList();
    }

    @Test
    void everyPublicTypeIsDocumented() throws IOException {
        TreeSet<String> found = new TreeSet<>();
        for (Path file : sources()) {
            undocumented(Files.readString(file)).forEach(type -> found.add(file + ": " + type));
        }
        assertThat(found).as("public types without a comment").isEmpty();
    }

    @Test
    void everyPackageSaysWhatItIs() throws IOException {
        TreeSet<Path> packages = new TreeSet<>();
        for (Path file : sources()) {
            packages.add(file.getParent());
        }
        for (Path each : packages) {
            Path info = each.resolve("package-info.java");
            assertThat(info).exists();
            assertThat(Files.readString(info)).as("%s", info).startsWith("/**");
        }
    }

    /** The check itself. */
    @Test
    void aMissingCommentIsFound() {
        assertThat(undocumented("""
                /** One. */
                @Command(name = "x", version = @V(1))
                public final class One {
                    public record Two(int a) {}
                    /** Three. */
                    public enum Three { A }
                }
                """)).containsExactly("Two");
    }
}
