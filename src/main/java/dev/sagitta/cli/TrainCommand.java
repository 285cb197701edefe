package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.data.Data;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.FilePlace;
import dev.sagitta.io.huggingface.HuggingFace;
import dev.sagitta.io.model.Augmentation;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.vision.VisionNetwork;
import dev.sagitta.program.Batches;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.TrainingState;
import dev.sagitta.train.optimiser.AdamW;
import dev.sagitta.train.optimiser.OptimiserOptions;
import dev.sagitta.train.optimiser.OptimiserType;
import dev.sagitta.train.optimiser.Optimisers;
import dev.sagitta.train.optimiser.Sgd;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sagitta train}: a checkpoint from a model and data. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Trains a model and writes a checkpoint that can be resumed: from time to time, at the end, and with the steps done so "
                        + "far on Ctrl-C. Where the loss turns infinite the last checkpoint before it stays.")
final class TrainCommand implements Callable<Integer> {
    private static final int VALIDATION_BATCH = 256;
    private static final int REPORTS = 20;

    @Reads(presets = true)
    @Option(
            names = "--model",
            paramLabel = "SPEC",
            description =
                    "A JSON file (docs/model-format.md) or a preset: mlp (784-512-512-10), char-mlp, char-gpt, llama, bert;"
                            + " over images, of the size and the classes that the examples have: convnet, resnet20, resnet18, resnet34,"
                            + " resnet50, resnet101, mobilenet-v2, vit-tiny, unet-small.")
    private String model;

    @Reads
    @Option(
            names = "--resume",
            paramLabel = "C.safetensors",
            description =
                    "Go on from this checkpoint, with its model, optimiser state, seed and options; options given here win.")
    private Path resume;

    @Reads
    @Option(
            names = "--checkpoint",
            paramLabel = "C.safetensors",
            description =
                    "Begin with the model and weights of this checkpoint, or of a folder of Hugging Face's layout, and a new optimiser.")
    private Path checkpoint;

    @Writes(over = "--resume")
    @Option(names = "--out", required = true, paramLabel = "C.safetensors", description = "The checkpoint to write.")
    private Path out;

    @Option(
            names = "--steps",
            defaultValue = "1000",
            paramLabel = "N",
            description = "Steps of this run, on top of those of a resumed checkpoint (default ${DEFAULT-VALUE}).")
    private long steps;

    @Option(names = "--batch", paramLabel = "B", description = "Examples per step (default 64).")
    private Integer batch;

    @Option(names = "--lr", paramLabel = "R", description = "Learning rate (default 0.001 for adamw, 0.1 for sgd).")
    private Double rate;

    @Option(names = "--optimizer", paramLabel = "NAME", description = "adamw (default) or sgd.")
    private String optimizer;

    @Option(names = "--momentum", paramLabel = "M", description = "Of sgd (default 0.9).")
    private Double momentum;

    @Option(
            names = "--weight-decay",
            paramLabel = "W",
            description = "Of weight matrices (default 0.01 for adamw, 0 for sgd).")
    private Double weightDecay;

    @Option(
            names = "--clip",
            paramLabel = "NORM",
            description = "Scale the gradient down to this norm (default: no clipping).")
    private Double clip;

    @Option(
            names = "--augment",
            paramLabel = "HOW",
            description =
                    "Change each image at random, on the device, in training alone: flip (half of them left to right), crop:N (N pixels of"
                            + " zeros around, a part of the image's size cropped), or flip,crop:N. The model has it from then on as its first layer.")
    private String augment;

    @Option(
            names = "--activation-bits",
            paramLabel = "B",
            description =
                    "How activations are kept for the backward pass: none (exact, the default), 8, 4, 2, 1, or auto:AVG."
                            + " Gradients stay unbiased with ReLU; gelu, silu and tanh bias them, little at 8 bits, much at 2"
                            + " (docs/activations.md).")
    private String activationBits;

    @Writes(inPlace = true)
    @Option(
            names = "--metrics",
            paramLabel = "F.jsonl",
            description = "Write a JSON line per report interval, as training goes; a resumed run appends.")
    private Path metrics;

    @Option(
            names = "--report-every",
            paramLabel = "N",
            description = "Steps between reports (default: a twentieth of --steps).")
    private Long reportEvery;

    @Option(
            names = "--validation-rows",
            defaultValue = "4096",
            paramLabel = "N",
            description =
                    "Held-out examples that reports evaluate, at most; eval takes all of them (default ${DEFAULT-VALUE}).")
    private int validationRows;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "N",
            description =
                    "Steps between checkpoints that are written to --out as training goes, 0 for none but the last (default: a"
                            + " twentieth of --steps, less often where saving would take more than a twentieth of the time)."
                            + " Unless 0, one is written every 10 minutes in any case.")
    private Long checkpointEvery;

    @Mixin
    private DataOptions data;

    @Mixin
    private CommonOptions common;

    @Override
    public Integer call() {
        common.require(steps >= 1, "--steps is " + steps + ", expected at least 1");
        common.require(validationRows >= 1, "--validation-rows is " + validationRows + ", expected at least 1");
        common.require(
                reportEvery == null || reportEvery >= 1, "--report-every is " + reportEvery + ", expected at least 1");
        common.require(
                checkpointEvery == null || checkpointEvery >= 0,
                "--checkpoint-every is " + checkpointEvery + ", expected at least 0");
        common.requireEffect(
                FilePlace.ofOutput(out).isReplaceable(),
                "--checkpoint-every",
                "--out is a stream and takes one checkpoint");
        common.require(
                model != null || resume != null || checkpoint != null,
                "Missing required option: --checkpoint, --model or --resume");
        common.require(
                checkpoint == null || model == null && resume == null,
                "--checkpoint brings the model and begins anew: give neither --model nor --resume with it");
        if (augment != null) {
            augmentation();
        }
        if (resume == null) {
            // usage errors before files are read
            options(null);
        }
        if (resume == null && checkpoint == null) {
            return train(null);
        }
        if (checkpoint != null && HuggingFace.isFolder(checkpoint)) {
            List<String> rates = HuggingFace.dropout(checkpoint);
            if (!rates.isEmpty()) {
                common.note("trained without the dropout of " + checkpoint + ": " + String.join(", ", rates));
            }
        }
        try (Checkpoint source = resume != null ? Checkpoint.open(resume) : ModelFiles.open(checkpoint, data, common)) {
            return train(source);
        }
    }

    private int train(Checkpoint given) {
        Checkpoint source = given == null || augment == null ? given : given.under(augmented(given.model()));
        TrainingState state = resume == null
                ? null
                : TrainingState.parse(source.training()
                        .orElseThrow(() -> new DataException(resume + ": no metadata '" + Checkpoint.TRAINING
                                + "': this checkpoint cannot be resumed")));
        TrainingOptions options = options(state);
        DataOptions.Training training = source == null
                ? augmented(data.readFor(model(), VisionNetwork.of(model), options.seed(), common))
                : data.readFor(source, common);
        requireSameModel(training.model());
        Data examples = training.data();
        DataSet heldOut = heldOut(examples);
        if (state != null) {
            noteChanges(state, options, examples);
        }
        try (Interruption stop = new Interruption();
                Device device = common.open();
                Trainer trainer = trainer(source, training, device, options, state);
                Batches validation = heldOut == null ? null : trainer.evaluator(heldOut, VALIDATION_BATCH);
                MetricsFile lines = MetricsFile.open(metrics, state != null, common::note);
                Progress.Bar bar = CommonOptions.progress().start("train", steps)) {
            CheckpointKeeper keeper =
                    new CheckpointKeeper(trainer, training.model(), out, interval(), stop::requested, common::note);
            TrainingReport last = new TrainingLoop(trainer, validation, keeper, stop::requested, bar::step)
                    .run(steps, reportEvery != null ? reportEvery : atLeastOne(steps / REPORTS), report -> {
                        lines.write(report.toJson());
                        if (!Terminal.isStderr() && !common.isJsonToStdout()) {
                            print(report);
                        }
                    });
            lines.write(last.toJson());
            if (stop.requested()) {
                common.note("interrupted after step " + trainer.steps() + "; go on with --resume " + out);
            } else {
                result(trainer, last);
            }
            return lines.hasFailed() ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
        }
    }

    private DataOptions.Training augmented(DataOptions.Training training) {
        return new DataOptions.Training(augmented(training.model()), training.data());
    }

    private ModelSpec augmented(ModelSpec plain) {
        return augment == null ? plain : plain.augmented(augmentation());
    }

    private Augmentation augmentation() {
        try {
            return Augmentation.parse(augment);
        } catch (DataException e) {
            throw common.usage("--augment is " + e.getMessage());
        }
    }

    private static Trainer trainer(
            Checkpoint source,
            DataOptions.Training training,
            Device device,
            TrainingOptions options,
            TrainingState state) {
        if (source == null) {
            return new Trainer(
                    training.model().toGraph(), device, training.data().train(), options);
        }
        return state == null
                ? Trainer.from(source, device, training.data().train(), options)
                : Trainer.resume(source, device, training.data().train(), options, state);
    }

    /** What reports evaluate; null, with a note, where nothing can be evaluated. */
    private DataSet heldOut(Data examples) {
        String unknown = ": the validation figures are unknown";
        if (!examples.hasTest()) {
            common.note("there is one example, and none is held out" + unknown);
            return null;
        }
        HeldOut record = examples.train().heldOut();
        // the same rows in every part of a run
        DataSet rows = examples.test().sample(validationRows, record.seed(), "rows/validation");
        if (!rows.hasCounted()) {
            common.note(
                    "no held-out label counts, all " + rows.size() + " are " + CrossEntropy.IGNORED_LABEL + unknown);
            return null;
        }
        return rows;
    }

    private void noteChanges(TrainingState state, TrainingOptions options, Data examples) {
        int size = examples.train().size();
        if (state.examples() != size) {
            common.note("the checkpoint was trained on " + state.examples() + " examples, these are " + size
                    + ": the epoch that it had begun begins anew in another order");
        } else if (state.options().seed() != options.seed() && state.seen() % size != 0) {
            common.note("the order of examples is that of seed " + options.seed()
                    + " from here on: of the epoch begun by seed "
                    + state.options().seed() + ", some examples are seen twice and some not at all");
        }
    }

    private CheckpointKeeper.Interval interval() {
        if (!FilePlace.ofOutput(out).isReplaceable()) {
            // a stream takes one checkpoint, not one after the other
            return new CheckpointKeeper.Interval(0, true);
        }
        return checkpointEvery != null
                ? new CheckpointKeeper.Interval(checkpointEvery, true)
                : new CheckpointKeeper.Interval(atLeastOne(steps / REPORTS), false);
    }

    private static long atLeastOne(long n) {
        return Math.max(1, n);
    }

    private void result(Trainer trainer, TrainingReport last) {
        ObjectNode result = last.toJson();
        ObjectNode memory = result.putObject("memoryBytes");
        trainer.memory().forEach((category, bytes) -> memory.put(category.name().toLowerCase(Locale.ROOT), bytes));
        result.put("checkpoint", out.toString());
        common.result(result, writer -> {
            print(last);
            writer.println("wrote " + out);
        });
    }

    private void print(TrainingReport report) {
        common.out().println(report);
        common.out().flush();
    }

    private ModelSpec model() {
        return ModelSpec.PRESETS.contains(model) && data.context() != null
                ? ModelSpec.preset(model, data.context())
                : ModelFiles.read(model);
    }

    private void requireSameModel(ModelSpec resumed) {
        if (resume != null && model != null) {
            ModelSpec given = augmented(model());
            given = resumed.vocabulary() == null ? given : given.withVocabulary(resumed.vocabulary());
            if (!given.toJson().equals(resumed.toJson())) {
                throw new DataException("--model " + model + " is not the model of " + resume + "; leave --model out");
            }
        }
    }

    /** What was given, over what the checkpoint says, over defaults. */
    private TrainingOptions options(TrainingState state) {
        TrainingOptions old = state == null ? null : state.options();
        try {
            String bits = activationBits != null ? activationBits : old == null ? "none" : old.activationBits();
            ActivationPolicy.parse(bits);
            return new TrainingOptions(
                    batch != null ? batch : old == null ? 64 : old.batch(),
                    optimiser(old == null ? null : old.optimiser()),
                    bits,
                    common.seed(old == null ? 0 : old.seed()));
        } catch (IllegalArgumentException e) {
            throw common.usage(e.getMessage());
        }
    }

    private OptimiserOptions optimiser(OptimiserOptions old) {
        OptimiserType wanted = optimizer == null
                ? old == null ? AdamW.TYPE : old.type()
                : Optimisers.find(optimizer)
                        .orElseThrow(
                                () -> common.usage("--optimizer '" + optimizer + "', expected " + Optimisers.names()));
        OptimiserOptions changed = old == null || old.type() != wanted ? OptimiserOptions.of(wanted) : old;
        if (momentum != null) {
            common.require(
                    changed.own().containsKey(Sgd.MOMENTUM.name()),
                    "--momentum is of " + Sgd.TYPE.name() + "; " + wanted.name() + " has none");
            changed = changed.with(Sgd.MOMENTUM.name(), momentum);
        }
        return new OptimiserOptions(
                wanted,
                rate != null ? rate : changed.rate(),
                weightDecay != null ? weightDecay : changed.weightDecay(),
                clip != null ? clip : changed.maxNorm(),
                changed.own());
    }
}
