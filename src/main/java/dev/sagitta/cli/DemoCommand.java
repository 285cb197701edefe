package dev.sagitta.cli;

import dev.sagitta.cli.demo.DemoSettings;
import dev.sagitta.cli.demo.DemoTask;
import dev.sagitta.cli.demo.Progress;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sagitta demo}: the whole pipeline on the project's own text, or on the user's data. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "Trains a small network twice with the same seed (activations exact, then compressed), measures the curvature of"
                    + " its loss, packs its weights into few bits, and writes report.html, report.json and"
                    + " model.safetensors. Minutes on two cores."
        })
final class DemoCommand implements Callable<Integer> {
    /** Most steps that an int can count with room for the schedule's arithmetic. */
    private static final int MOST_STEPS = 10_000_000;

    @ArgGroup
    private Source source = new Source();

    /** Neither: the project's own text. */
    private static final class Source {
        @Option(
                names = "--text",
                paramLabel = "FILE",
                description = "Characters to learn from, UTF-8; the project's own sources unless given.")
        private Path text;

        @Option(
                names = "--idx",
                paramLabel = "DIR",
                description = "MNIST's four files, plain or .gz, in place of text.")
        private Path idx;
    }

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "sagitta-demo",
            description = "Folder of the results, made if need be; ${DEFAULT-VALUE} unless given.")
    private Path out;

    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "auto",
            description = "auto, cuda[:i] or opencl[:i].")
    private String device;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Of everything random; ${DEFAULT-VALUE} unless given.")
    private long seed;

    @Option(
            names = "--activation-bits",
            paramLabel = "B",
            description =
                    "Of the compressed training: 8, 4, 2, 1 or auto:AVG; 4 for text, auto:2 for images unless given.")
    private String activationBits;

    @Option(names = "--steps", paramLabel = "N", description = "Of each training.")
    private Integer steps;

    @Option(names = "--tiny", hidden = true, description = "In seconds, for tests.")
    private boolean tiny;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter stdout = spec.commandLine().getOut();
        DemoSettings settings = settings();
        stdout.print(new DemoTask(settings, progress()).run());
        stdout.flush();
        return CommandLine.ExitCode.OK;
    }

    private DemoSettings settings() {
        DemoSettings settings = source.idx == null
                ? DemoSettings.text(source.text, out, device, seed)
                : DemoSettings.idx(source.idx, out, device, seed);
        if (tiny) {
            settings = settings.tiny();
        }
        if (activationBits != null) {
            settings = settings.withActivationBits(usable(activationBits));
        }
        if (steps != null) {
            if (steps < 1 || steps > MOST_STEPS) {
                throw usage("--steps " + steps + ": expected 1 to " + MOST_STEPS);
            }
            settings = settings.withSteps(steps);
        }
        return settings;
    }

    private String usable(String bits) {
        try {
            return DemoSettings.requireCompressed(bits);
        } catch (IllegalArgumentException e) {
            throw usage("--activation-bits: " + e.getMessage());
        }
    }

    private CommandLine.ParameterException usage(String message) {
        return new CommandLine.ParameterException(spec.commandLine(), message);
    }

    private static Progress progress() {
        return Terminal.isStderr() ? new ProgressBars() : Progress.SILENT;
    }
}
