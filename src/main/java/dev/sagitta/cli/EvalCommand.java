package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.data.Data;
import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import dev.sagitta.program.StatisticsObserver;
import dev.sagitta.quant.StoredModel;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sagitta eval}: loss and accuracy of a checkpoint, plain or packed. */
@Command(
        name = "eval",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Prints {\"loss\", \"accuracy\", \"examples\"} of a checkpoint; accuracy is null for a loss without classes, "
                        + "both are where the loss is not finite. "
                        + "Packed weights are used as they are stored.")
final class EvalCommand implements Callable<Integer> {
    @Reads
    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "C.safetensors",
            description = "The model, or a folder of Hugging Face's layout.")
    private Path checkpoint;

    @Option(
            names = "--split",
            paramLabel = "PART",
            description =
                    "test: the source's test files, or the tenth that training held out; train: the rest; all: both "
                            + "(default: all of --inputs, --cifar or --images where they bring no test files, otherwise test).")
    private Split split;

    @Option(
            names = "--batch",
            defaultValue = "256",
            paramLabel = "B",
            description = "Examples at a time; changes memory, not the result (default ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--activations",
            description =
                    "Adds \"layers\": mean, standard deviation and largest element of what each layer gives, over all rows.")
    private boolean activations;

    @Mixin
    private DataOptions data;

    @Mixin
    private CommonOptions common;

    /** A part of the data. */
    enum Split {
        test,
        train,
        all;

        DataSet of(Data data) {
            return switch (this) {
                case test -> data.test();
                case train -> data.train();
                case all -> data.all();
            };
        }
    }

    @Override
    public Integer call() {
        common.require(batch >= 1, "--batch is " + batch + ", expected at least 1");
        try (Checkpoint source = ModelFiles.open(checkpoint, data, common)) {
            Split part = split != null ? split : data.isOnePart() ? Split.all : Split.test;
            common.noteEffect(part != Split.all && !data.bringsTest(), "--seed", "no examples are held out by it");
            DataSet examples = part == Split.all ? data.all(source, common) : part.of(data.read(source, common));
            examples.requireCounted();
            Rows rows = DataRows.of(examples);
            try (Device device = common.open();
                    StoredModel model = StoredModel.open(source, device);
                    Batches batches = model.batches(ProgramOptions.of(batch, Computation.EVALUATE), rows)) {
                ObjectNode result = json(Evaluation.of(batches));
                if (activations) {
                    addLayers(result, model, rows);
                }
                // the result is JSON anyway
                common.result(result, out -> out.println(result));
            }
        }
        return CommandLine.ExitCode.OK;
    }

    private void addLayers(ObjectNode result, StoredModel model, Rows rows) {
        StatisticsObserver observer = new StatisticsObserver();
        ArrayNode layers = result.putArray("layers");
        try (Batches batches =
                model.batches(ProgramOptions.of(batch, Computation.EVALUATE).observer(observer), rows)) {
            for (StatisticsObserver.Statistics layer : observer.of(batches)) {
                ObjectNode json = layers.addObject().put("layer", layer.wire());
                Numbers.put(json, "mean", layer.mean());
                Numbers.put(json, "deviation", layer.deviation());
                Numbers.put(json, "largest", layer.largest());
            }
        }
    }

    /** The seed that a checkpoint was trained with, or that chose the examples held out from it, or 0. */
    static long seed(Checkpoint checkpoint) {
        return checkpoint
                .training()
                .map(state -> state.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE))
                .or(() -> checkpoint.heldOut().map(HeldOut::seed))
                .orElse(0L);
    }

    static ObjectNode json(Evaluation evaluation) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        Numbers.put(json, "loss", evaluation.loss());
        Numbers.put(json, "accuracy", evaluation.accuracy());
        return json.put("examples", evaluation.examples());
    }
}
