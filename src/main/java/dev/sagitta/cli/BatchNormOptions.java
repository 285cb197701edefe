package dev.sagitta.cli;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.program.ProgramOptions;
import picocli.CommandLine.Option;

/** {@code --batch-norm} of the commands that measure curvature. */
final class BatchNormOptions {
    private static final String NAME = "--batch-norm";

    /** Which mean and variance batch norm uses. */
    enum Statistics {
        running,
        batch
    }

    @Option(
            names = NAME,
            defaultValue = "running",
            paramLabel = "S",
            description =
                    "Statistics of batch norm: running (default), those that the model is used with: the matrix is of the function"
                            + " that eval computes, and --batch does not change it; or batch, as in a training step, differentiated"
                            + " twice: each batch has its own, so --batch and the order of rows change the matrix.")
    private Statistics statistics;

    /** Whether statistics are the batch's. */
    boolean isBatch() {
        return statistics == Statistics.batch;
    }

    /** The options with the statistics that were asked for. */
    ProgramOptions of(ProgramOptions options) {
        return options.batchStatistics(isBatch());
    }

    /** Notes where there is nothing to choose. */
    void note(Graph graph, CommonOptions common) {
        boolean any = graph.everyParameter().stream().anyMatch(parameter -> parameter.use() == Parameter.Use.STATE);
        common.noteEffect(any, NAME, "the model has no batch norm");
    }
}
