package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.device.Device;
import dev.sagitta.io.Checkpoint;
import dev.sagitta.io.Data;
import dev.sagitta.io.DataSet;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.quant.StoredModel;
import dev.sagitta.tensor.DType;
import dev.sagitta.train.TrainingState;
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
                "Prints {\"loss\", \"accuracy\", \"examples\"} of a checkpoint; accuracy is null for a loss without classes. "
                        + "Packed weights are used as they are stored.")
final class EvalCommand implements Callable<Integer> {
    @Reads
    @Option(names = "--checkpoint", required = true, paramLabel = "C.safetensors", description = "The model.")
    private Path checkpoint;

    @Option(
            names = "--split",
            paramLabel = "PART",
            description = "test: MNIST's test files, or the tenth held out by seed; train: the rest; all "
                    + "(default: all rows of --inputs, otherwise test).")
    private Split split;

    @Option(
            names = "--batch",
            defaultValue = "256",
            paramLabel = "B",
            description = "Examples at a time; changes memory, not the result (default ${DEFAULT-VALUE}).")
    private int batch;

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
        try (Checkpoint source = Checkpoint.open(checkpoint)) {
            Split part = split != null ? split : data.isArrays() ? Split.all : Split.test;
            common.noteEffect(part != Split.all && !data.isIdx(), "--seed", "no examples are held out by it");
            DataSet examples = part.of(data.read(source.model(), common.seed(seed(source))));
            try (Device device = common.open();
                    StoredModel model = StoredModel.open(source, device);
                    Batches batches =
                            model.batches(ProgramOptions.of(batch, Computation.EVALUATE), Batches.Rows.of(examples))) {
                ObjectNode result = json(Evaluation.of(batches), batches);
                // the result is JSON anyway
                common.result(result, out -> out.println(result));
            }
        }
        return CommandLine.ExitCode.OK;
    }

    /** The seed that a checkpoint was trained with, so that the same examples are held out. */
    static long seed(Checkpoint checkpoint) {
        return checkpoint
                .training()
                .map(json -> TrainingState.parse(json).options().seed())
                .orElse(0L);
    }

    static ObjectNode json(Evaluation evaluation, Batches batches) {
        boolean classes = batches.program().graph().loss().targetType() == DType.I32;
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        // NaN and infinity have no JSON
        json.put("loss", Double.isFinite(evaluation.loss()) ? (Double) evaluation.loss() : null);
        json.put("accuracy", classes ? (Double) evaluation.accuracy() : null);
        return json.put("examples", evaluation.examples());
    }
}
