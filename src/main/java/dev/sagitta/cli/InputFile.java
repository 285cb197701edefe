package dev.sagitta.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;

/**
 * The value of {@code --inputs}: {@code X.npy} for the network's main input, {@code NAME=X.npy} for one by name. A file that is there and has such a name
 * itself is a file.
 *
 * @param name of the input; {@link #MAIN} for the main one
 */
record InputFile(String name, Path file) {
    /** What a graph calls its main input. */
    static final String MAIN = "input";

    private static final Pattern NAMED = Pattern.compile("([^/=]+)=(.+)");

    static InputFile parse(String text) {
        Matcher named = NAMED.matcher(text);
        return named.matches() && !Files.exists(Path.of(text))
                ? new InputFile(named.group(1), Path.of(named.group(2)))
                : new InputFile(MAIN, Path.of(text));
    }

    boolean isMain() {
        return name.equals(MAIN);
    }

    /** The file, as {@link CommandFiles} reads it. */
    @Override
    public String toString() {
        return file.toString();
    }

    /** For {@link picocli.CommandLine.Option#converter}. */
    static final class Converter implements ITypeConverter<InputFile> {
        @Override
        public InputFile convert(String text) {
            return parse(text);
        }
    }
}
