package dev.sagitta.cli;

import dev.sagitta.data.Data;
import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.FilePlace;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.ModelSpec;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ExecutionException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;

/**
 * All files that a command names, as its options declare by {@link Reads} and {@link Writes}: before the command runs, two that are one file
 * are a usage error where something would be lost, and outputs that cannot be written are an error. Two names are one file if they lead to
 * the same place, by links, {@code ..} or hard links.
 */
final class CommandFiles {
    private static final String STDOUT = "-";

    /**
     * One file.
     *
     * @param option its name
     * @param shown option and value
     * @param output null for a file that is read
     */
    private record Entry(String option, String shown, FilePlace place, Output output) {
        boolean isOutput() {
            return output != null;
        }
    }

    /** @param checkedLater by the command, which makes the folder first */
    private record Output(boolean inPlace, boolean checkedLater, String over) {}

    /**
     * A folder all of whose files are read.
     *
     * @param shown option and value
     */
    private record Tree(String shown, Path folder) {
        boolean holds(Path file) {
            try {
                return file.toRealPath().startsWith(folder.toRealPath());
            } catch (IOException e) {
                // one of them is not there
                return false;
            }
        }
    }

    private final CommandSpec command;
    private final List<Entry> entries = new ArrayList<>();
    private final List<Tree> trees = new ArrayList<>();

    private CommandFiles(CommandSpec command) {
        this.command = command;
        command.args().forEach(this::add);
        FilePlace stdout = FilePlace.ofStandardOutput();
        // a file that a shell made for what every command prints; a pipe or a terminal loses nothing
        if (stdout.isFile()
                && entries.stream().noneMatch(entry -> entry.isOutput() && entry.place.isStandardOutput())) {
            entries.add(new Entry("standard output", "standard output", stdout, new Output(true, true, "")));
        }
    }

    /** For {@link CommandLine#setExecutionStrategy}: checks the files of the command that is to run, and runs it. */
    static int checkThenRun(ParseResult parsed) {
        ParseResult last = parsed;
        while (last.hasSubcommand()) {
            last = last.subcommand();
        }
        if (!last.isUsageHelpRequested() && !last.isVersionHelpRequested()) {
            check(last.commandSpec());
        }
        return new RunLast().execute(parsed);
    }

    /** Whether the value of an option that may be {@code -} means it, by whatever name; null means nothing. */
    static boolean isStandardOutput(String value) {
        return value != null
                && (value.equals(STDOUT) || FilePlace.ofOutput(Path.of(value)).isStandardOutput());
    }

    private static void check(CommandSpec command) {
        try {
            CommandFiles files = new CommandFiles(command);
            files.requireDistinct();
            files.requireOutsideTrees();
            files.requireWritable();
        } catch (DataException e) {
            throw new ExecutionException(command.commandLine(), e.getMessage(), e);
        }
    }

    private void add(ArgSpec argument) {
        if (!(argument.userObject() instanceof Field field)) {
            return;
        }
        Reads reads = field.getAnnotation(Reads.class);
        Writes writes = field.getAnnotation(Writes.class);
        Object value = argument.getValue();
        if (value == null || (reads == null && writes == null)) {
            return;
        }
        String option = argument instanceof OptionSpec named ? named.longestName() : argument.paramLabel();
        for (Object one : value instanceof List<?> list ? list : List.of(value)) {
            if (writes != null) {
                addOutput(option, one.toString(), writes);
            } else if (!reads.presets() || !ModelSpec.PRESETS.contains(one.toString())) {
                addInput(option, Path.of(one.toString()), reads);
            }
        }
    }

    private void addOutput(String option, String value, Writes writes) {
        String shown = option + " " + value;
        Output output = new Output(writes.inPlace(), writes.files().length > 0, writes.over());
        if (value.equals(STDOUT)) {
            if (!writes.stdout()) {
                throw usage(shown + ": this output is a file, not a stream; a file of that name is ./-");
            }
            entries.add(new Entry(option, shown, FilePlace.ofStandardOutput(), output));
        } else if (writes.files().length == 0) {
            entries.add(new Entry(option, shown, FilePlace.ofOutput(Path.of(value)), output));
        } else if (!Files.exists(Path.of(value)) || Files.isDirectory(Path.of(value))) {
            for (String name : writes.files()) {
                Path file = Path.of(value, name);
                entries.add(
                        new Entry(option, option + " " + value + " (" + name + ")", FilePlace.ofOutput(file), output));
            }
        }
    }

    /** What is not there is left to the command to report. */
    private void addInput(String option, Path value, Reads reads) {
        if (reads.folder() == Reads.Folder.IMAGES) {
            trees.add(new Tree(option + " " + value, value));
            return;
        }
        List<Path> files =
                switch (reads.folder()) {
                    case IDX -> Data.idxFiles(value);
                    case CIFAR -> Data.cifarFiles(value);
                    default -> HuggingFace.files(value);
                };
        for (Path file : files) {
            if (Files.exists(file)) {
                entries.add(new Entry(option, option + " " + file, FilePlace.ofInput(file), null));
            }
        }
    }

    /** No file of a folder may be replaced; they may be too many to look at each. */
    private void requireOutsideTrees() {
        for (Tree tree : trees) {
            for (Entry entry : entries) {
                if (entry.isOutput() && entry.place.isFile() && tree.holds(entry.place.path())) {
                    throw usage(entry.shown + " would overwrite a file of " + tree.shown + "; give another name");
                }
            }
        }
    }

    private void requireDistinct() {
        for (int i = 0; i < entries.size(); i++) {
            for (int j = 0; j < i; j++) {
                Entry first = entries.get(j);
                Entry second = entries.get(i);
                if (first.place.isSame(second.place)) {
                    requireHarmless(first, second);
                }
            }
        }
    }

    private void requireHarmless(Entry first, Entry second) {
        if (first.isOutput() && second.isOutput()) {
            throw usage(first.shown + " and " + second.shown + " are one file, and one would overwrite the other;"
                    + " give each a name of its own");
        }
        if (!first.isOutput() && !second.isOutput()) {
            if (first.place.isPipe()) {
                throw usage(first.shown + " and " + second.shown + " are one pipe, which can be read once");
            }
            return;
        }
        Entry input = first.isOutput() ? second : first;
        Entry output = first.isOutput() ? first : second;
        if (!output.output.over().equals(input.option)) {
            throw usage(output.shown + " would overwrite " + input.shown + "; give another name");
        }
    }

    private void requireWritable() {
        for (Entry entry : entries) {
            if (entry.isOutput() && !entry.output.checkedLater() && !entry.place.isStandardOutput()) {
                if (entry.output.inPlace()) {
                    AtomicFile.requireAppendable(entry.place.path());
                } else {
                    AtomicFile.requireWritable(entry.place.path());
                }
            }
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(command.commandLine(), message);
    }
}
