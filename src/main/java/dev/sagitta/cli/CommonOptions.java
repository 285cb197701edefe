package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.device.Device;
import dev.sagitta.device.Devices;
import dev.sagitta.io.file.AtomicFile;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What every command takes that runs something on a device. */
final class CommonOptions {
    @Option(
            names = "--device",
            defaultValue = "auto",
            paramLabel = "NAME",
            description = "auto, cuda[:i] or opencl[:i] (default ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description =
                    "Of everything random (default: the checkpoint's, or 0); examples that a checkpoint's training held out stay so.")
    private Long seed;

    @Writes(stdout = true)
    @Option(
            names = "--json",
            arity = "0..1",
            fallbackValue = "-",
            paramLabel = "FILE",
            description = "Write the result as JSON to FILE; - or no FILE for stdout.")
    private String json;

    @Option(
            names = "--arch",
            paramLabel = "NAME",
            description =
                    "The tensors of --checkpoint are called as torchvision calls those of this network: resnet18, resnet50, mobilenet-v2, vit-tiny ...")
    private String architecture;

    @Option(names = "--debug", description = "Print the stack trace of an error.")
    private boolean debug;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    Device open() {
        return Devices.open(device);
    }

    /** Of a checkpoint whose tensors are called as torchvision's; null for one that says itself what it is. */
    String architecture() {
        return architecture;
    }

    long seed(long otherwise) {
        return seed == null ? otherwise : seed;
    }

    boolean isJsonToStdout() {
        return CommandFiles.isStandardOutput(json);
    }

    /** Writes the result: JSON to stdout, or text to stdout and JSON to a file if one was given. */
    void result(ObjectNode result, Consumer<PrintWriter> text) {
        PrintWriter out = out();
        if (isJsonToStdout()) {
            out.println(result.toPrettyString());
        } else {
            if (json != null) {
                AtomicFile.writeText(Path.of(json), result.toPrettyString() + "\n");
            }
            text.accept(out);
        }
        out.flush();
    }

    PrintWriter out() {
        return spec.commandLine().getOut();
    }

    /** A line for the user that is no result. */
    void note(String message) {
        spec.commandLine().getErr().println("sagitta " + spec.name() + ": " + message);
        spec.commandLine().getErr().flush();
    }

    /** @throws ParameterException (exit 2) with this message unless the condition holds */
    void require(boolean condition, String message) {
        if (!condition) {
            throw usage(message);
        }
    }

    /** @throws ParameterException (exit 2) if the option was given although it has no effect, for the reason given */
    void requireEffect(boolean effect, String option, String reason) {
        require(effect || !isGiven(option), option + " has no effect: " + reason);
    }

    /** The same as a note: for an option that scripts may give to every command. */
    void noteEffect(boolean effect, String option, String reason) {
        if (!effect && isGiven(option)) {
            note(option + " has no effect: " + reason);
        }
    }

    private boolean isGiven(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** Bars on stderr if a person is watching. */
    static Progress progress() {
        return Terminal.isStderr() ? new ProgressBars() : Progress.SILENT;
    }
}
