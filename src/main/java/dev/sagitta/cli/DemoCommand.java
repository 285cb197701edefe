package dev.sagitta.cli;

import dev.sagitta.cli.demo.DemoSettings;
import dev.sagitta.cli.demo.DemoTask;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

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
        @Reads
        @Option(
                names = "--text",
                paramLabel = "FILE",
                description = "Characters to learn from, UTF-8; the project's own sources unless given.")
        private Path text;

        @Reads(folder = Reads.Folder.IDX)
        @Option(
                names = "--idx",
                paramLabel = "DIR",
                description = "MNIST's four files, plain or .gz, in place of text.")
        private Path idx;
    }

    @Writes(files = {DemoTask.HTML, DemoTask.JSON, DemoTask.CHECKPOINT})
    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "sagitta-demo",
            description = "Folder of the results, made if need be; ${DEFAULT-VALUE} unless given.")
    private Path out;

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

    @Mixin
    private CommonOptions common;

    @Override
    public Integer call() {
        DemoSettings settings = settings();
        DemoTask.Outcome outcome = new DemoTask(settings, CommonOptions.progress(), common::open).run();
        common.result(outcome.json(), stdout -> stdout.print(outcome.text()));
        return CommandLine.ExitCode.OK;
    }

    private DemoSettings settings() {
        long seed = common.seed(0);
        DemoSettings settings = source.idx == null
                ? DemoSettings.text(source.text, out, seed)
                : DemoSettings.idx(source.idx, out, seed);
        if (tiny) {
            settings = settings.tiny();
        }
        if (activationBits != null) {
            settings = settings.withActivationBits(usable(activationBits));
        }
        if (steps != null) {
            common.require(steps >= 1 && steps <= MOST_STEPS, "--steps " + steps + ": expected 1 to " + MOST_STEPS);
            settings = settings.withSteps(steps);
        }
        return settings;
    }

    private String usable(String bits) {
        try {
            return DemoSettings.requireCompressed(bits);
        } catch (IllegalArgumentException e) {
            throw common.usage("--activation-bits: " + e.getMessage());
        }
    }
}
