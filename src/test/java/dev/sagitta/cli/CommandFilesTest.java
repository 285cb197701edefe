package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.io.array.NpyFile;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.Shape;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.AnnotatedElement;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Every parameter of every command that names a file, found in picocli's model: a new one is tested without being named here. */
class CommandFilesTest {
    /** Where the value of an option is a file, the name of the value says so. */
    private static final String FILE_LABEL = "FILE|DIR|SPEC|MODEL|.*\\.(json|jsonl|npy|html|safetensors)";

    private static final Set<String> SOURCES =
            Set.of("--text", "--idx", "--cifar", "--images", "--inputs", "--targets");

    private static final Set<String> FOLDERS = Set.of("--idx", "--cifar", "--images");

    private static final Set<String> ARRAYS = Set.of("--inputs", "--targets", "--lengths", "--types");

    @TempDir
    Path folder;

    private Path table;

    @BeforeEach
    void write() throws IOException {
        table = Files.writeString(folder.resolve("t.json"), """
                {"layers": [{"name": "a", "options": [{"bits": 2, "omega": 9, "bytes": 20}]}]}""");
    }

    private static Map<String, CommandSpec> commands() {
        Map<String, CommandSpec> commands = new TreeMap<>();
        Main.commandLine().getSubcommands().forEach((name, command) -> commands.put(name, command.getCommandSpec()));
        return commands;
    }

    private static boolean namesFiles(ArgSpec option) {
        Class<?> type = option.isMultiValue() ? option.auxiliaryTypes()[0] : option.type();
        return type == Path.class || type == File.class || option.paramLabel().matches(FILE_LABEL);
    }

    private static String name(ArgSpec option) {
        return option instanceof OptionSpec named ? named.longestName() : option.paramLabel();
    }

    private static Reads reads(ArgSpec option) {
        return ((AnnotatedElement) option.userObject()).getAnnotation(Reads.class);
    }

    private static Writes writes(ArgSpec option) {
        return ((AnnotatedElement) option.userObject()).getAnnotation(Writes.class);
    }

    @Test
    void everyFileOptionSaysWhetherItIsReadOrWritten() {
        List<String> found = new ArrayList<>();
        commands().forEach((name, command) -> {
            for (ArgSpec option : command.args()) {
                if (namesFiles(option)) {
                    found.add(name + " " + name(option));
                    assertThat((reads(option) == null) != (writes(option) == null))
                            .as("%s %s: @Reads or @Writes", name, name(option))
                            .isTrue();
                }
            }
        });
        assertThat(found)
                .contains(
                        "train --out",
                        "train --metrics",
                        "train --json",
                        "train --model",
                        "train --inputs",
                        "hvp --gradient",
                        "quantize --plan",
                        "allocate --out",
                        "demo --out",
                        "explain MODEL",
                        "devices --json");
    }

    /** Each output of each command against each other file of it. */
    @TestFactory
    Stream<DynamicTest> noOutputTakesAnotherFilesPlace() {
        List<DynamicTest> tests = new ArrayList<>();
        commands().forEach((name, command) -> {
            List<ArgSpec> files =
                    command.args().stream().filter(CommandFilesTest::namesFiles).toList();
            for (ArgSpec output : files) {
                for (ArgSpec other : files) {
                    boolean once = writes(other) == null || files.indexOf(other) < files.indexOf(output);
                    if (writes(output) != null && output != other && once) {
                        tests.add(DynamicTest.dynamicTest(
                                name + " " + name(output) + " " + name(other),
                                () -> collide(name, command, output, other)));
                    }
                }
            }
        });
        assertThat(tests).hasSizeGreaterThan(40);
        return tests.stream();
    }

    private void collide(String name, CommandSpec command, ArgSpec output, ArgSpec other) throws IOException {
        Path common = Files.createDirectories(folder.resolve(name + name(output) + name(other)));
        Path file = Files.writeString(common.resolve("S"), "kept");
        Path alias = common.resolve("../" + common.getFileName() + "/./S");
        Map<String, Object> values = new LinkedHashMap<>();
        for (ArgSpec option : command.args()) {
            if (option.required() && namesFiles(option) && !SOURCES.contains(name(option))) {
                values.put(name(option), common.resolve("of" + name(option)));
            }
        }
        values.put(name(output), file);
        values.put(name(other), alias);
        for (ArgSpec option : List.of(output, other)) {
            // a folder is given by that of one of its files
            if (writes(option) != null && writes(option).files().length > 0) {
                values.put(name(option), common);
                Files.move(file, common.resolve(writes(option).files()[0]));
                file = common.resolve(writes(option).files()[0]);
                values.put(name(option == output ? other : output), file);
            }
            if (reads(option) != null && reads(option).folder() != Reads.Folder.MODEL) {
                values.put(name(option), common);
                Path images = common.resolve(
                        switch (reads(option).folder()) {
                            case IDX -> "t10k-images-idx3-ubyte";
                            case CIFAR -> "data_batch_3.bin";
                            default -> "cats.png";
                        });
                values.put(name(output), writes(output).files().length > 0 ? common : images);
                if (writes(output).files().length > 0) {
                    // no file of one has a name of the other
                    return;
                }
                file = Files.move(file, images);
            }
        }
        completeSources(command, values, common);
        List<Object> words = new ArrayList<>(List.of(name));
        values.forEach(
                (option, value) -> words.addAll(option.startsWith("-") ? List.of(option, value) : List.of(value)));
        words.addAll(
                switch (name) {
                    case "quantize" -> values.containsKey("--plan") ? List.of() : List.of("--uniform", 4);
                    case "allocate" -> List.of("--max-bytes", 10);
                    case "generate" -> List.of("--prompt-ids", 1);
                    default -> List.of();
                });
        if (writes(output).over().equals(name(other))) {
            // goes on, to find that this is no checkpoint
            CommandRun.of(words.toArray()).failed(1, "too short for a safetensors file");
        } else {
            CommandRun run = CommandRun.of(words.toArray());
            run.failed(2, writes(other) == null ? "would overwrite" : "are one file");
            assertThat(run.err()).contains(name(output), name(other));
        }
        assertThat(file).hasContent("kept");
    }

    private static void completeSources(CommandSpec command, Map<String, Object> values, Path folder) {
        boolean takesData = command.findOption("--inputs") != null;
        if (ARRAYS.stream().anyMatch(values::containsKey)) {
            values.putIfAbsent("--inputs", folder.resolve("X"));
            values.putIfAbsent("--targets", folder.resolve("Y"));
        } else if (takesData && FOLDERS.stream().noneMatch(values::containsKey)) {
            values.putIfAbsent("--text", folder.resolve("T"));
        }
    }

    @Test
    void linksAndHardLinksAreTheFileTheyLeadTo() throws IOException {
        Path real = Files.createDirectories(folder.resolve("real"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), real);
        Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), Path.of("real/new"));
        Path hard = Files.createLink(folder.resolve("hard"), table);
        assertThat(allocate("--out", hard).err()).contains("would overwrite --table " + table);
        Path deep = Files.createDirectories(folder.resolve("far/deep"));
        Path intoDeep = Files.createSymbolicLink(folder.resolve("intoDeep"), deep);
        // as the system reads it: the parent of where the link leads
        hvp("--out", intoDeep.resolve("../S"), "--gradient", folder.resolve("far/S"))
                .failed(2, "are one file");
        hvp("--out", intoDeep.resolve("../S"), "--gradient", folder.resolve("S"))
                .failed(1, "no such file");
        Path relative = Path.of("").toAbsolutePath().relativize(real.resolve("S"));
        Object[][] pairs = {
            {real.resolve("S"), relative},
            {real.resolve("S"), link.resolve("S")},
            {real.resolve("new"), dangling},
            {dangling, dangling}
        };
        for (Object[] pair : pairs) {
            hvp("--out", pair[0], "--gradient", pair[1]).failed(2, "are one file");
        }
        assertThat(real).isEmptyDirectory();
    }

    private CommandRun allocate(Object... more) {
        List<Object> words = new ArrayList<>(List.of("allocate", "--table", table, "--max-bytes", 20));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    private CommandRun hvp(Object... more) {
        List<Object> words = new ArrayList<>(
                List.of("hvp", "--checkpoint", folder.resolve("C"), "--vector", folder.resolve("V"), "--text", table));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    @Test
    void outputsMayShareTheNullDeviceButNotStdout() {
        // the checkpoint is not there: the check of outputs has passed
        hvp("--out", "/dev/null", "--gradient", "/dev/null").failed(1, "no such file");
        hvp("--out", "/dev/stdout", "--json", "-").failed(2, "are one file");
        hvp("--out", "/dev/stdout", "--json").failed(2, "are one file");
        hvp("--out", "-").failed(2, "--out -: this output is a file, not a stream; a file of that name is ./-");
    }

    @Test
    void everyOutputIsTriedBeforeAnythingIsRead() {
        Path nowhere = folder.resolve("absent/S");
        Object[] train = {"train", "--model", "mlp", "--text", folder.resolve("T"), "--out", folder.resolve("C")};
        for (String option : List.of("--json", "--metrics")) {
            List<Object> words = new ArrayList<>(List.of(train));
            words.addAll(List.of(option, nowhere));
            CommandRun.of(words.toArray()).failed(1, "cannot write " + nowhere + ": there is no folder");
        }
        hvp("--out", folder.resolve("H"), "--gradient", nowhere).failed(1, "there is no folder");
        allocate("--out", nowhere).failed(1, "there is no folder");
        CommandRun.of("devices", "--no-measure", "--json", nowhere).failed(1, "there is no folder");
        assertThat(folder.toFile().list()).containsExactly("t.json");
    }

    @Test
    void aPresetIsNoFile() throws IOException {
        Path x = folder.resolve("X.npy");
        NpyFile.write(x, HostTensor.of("x", Shape.of(1), 1f));
        CommandRun.of("train", "--model", "mlp", "--inputs", x, "--targets", x, "--out", x)
                .failed(2, "--out " + x + " would overwrite --inputs " + x + "; give another name");
        CommandRun.of("train", "--model", table, "--inputs", x, "--targets", x, "--out", table)
                .failed(2, "would overwrite --model");
    }
}
