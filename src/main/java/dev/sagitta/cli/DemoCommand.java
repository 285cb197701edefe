package dev.sagitta.cli;

import dev.sagitta.cli.demo.DemoImages;
import dev.sagitta.cli.demo.DemoSettings;
import dev.sagitta.cli.demo.DemoTask;
import dev.sagitta.io.vision.VisionNetwork;
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

        @Reads(folder = Reads.Folder.CIFAR)
        @Option(
                names = "--cifar",
                paramLabel = "DIR",
                description = "CIFAR-10's or CIFAR-100's binary files, in place of text.")
        private Path cifar;

        @Reads(folder = Reads.Folder.IMAGES)
        @Option(
                names = "--images",
                paramLabel = "DIR",
                description = "PNG and JPEG images, a folder for each class, in place of text.")
        private Path images;
    }

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description =
                    "A network over images: convnet (unless given, with --cifar and --images), resnet20 and so on, of the size"
                            + " and the classes that they have.")
    private String model;

    @Option(
            names = "--image-size",
            paramLabel = "N",
            description = "Scale and crop each of --images to N x N (default: as they are, which must be of one size).")
    private Integer size;

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
        DemoSettings settings = settings(seed);
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

    private DemoSettings settings(long seed) {
        VisionNetwork network = model == null ? null : VisionNetwork.of(model);
        common.require(
                model == null || network != null,
                "--model '" + model + "', expected one of " + String.join(", ", VisionNetwork.names()));
        boolean isImages = source.idx != null || source.cifar != null || source.images != null;
        common.require(
                network == null || isImages, "--model " + model + " is over images: give --images, --cifar or --idx");
        common.require(size == null || source.images != null, "--image-size is of --images");
        common.require(
                size == null || size >= 1 && size <= ImageOptions.LARGEST,
                "--image-size is " + size + ", expected 1 to " + ImageOptions.LARGEST);
        if (!isImages) {
            return DemoSettings.text(source.text, out, seed);
        }
        if (source.idx != null && network == null) {
            return DemoSettings.idx(source.idx, out, seed);
        }
        DemoImages images = source.idx != null
                ? new DemoImages(DemoImages.Kind.IDX, source.idx, 0)
                : source.cifar != null
                        ? new DemoImages(DemoImages.Kind.CIFAR, source.cifar, 0)
                        : new DemoImages(DemoImages.Kind.FOLDER, source.images, size == null ? 0 : size);
        return DemoSettings.network(images, network == null ? VisionNetwork.of("convnet") : network, out, seed);
    }

    private String usable(String bits) {
        try {
            return DemoSettings.requireCompressed(bits);
        } catch (IllegalArgumentException e) {
            throw common.usage("--activation-bits: " + e.getMessage());
        }
    }
}
