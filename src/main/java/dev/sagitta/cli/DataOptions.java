package dev.sagitta.cli;

import dev.sagitta.graph.Graph;
import dev.sagitta.io.Data;
import dev.sagitta.io.DataSet;
import dev.sagitta.io.ModelSpec;
import dev.sagitta.io.Vocabulary;
import dev.sagitta.tensor.DType;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Examples for a command: one of a text, MNIST's files, or arrays of numpy. */
final class DataOptions {
    @ArgGroup(multiplicity = "1")
    private Source source;

    /** Where the examples are. */
    static final class Source {
        @Option(
                names = "--text",
                arity = "1..*",
                paramLabel = "FILE",
                description = "Characters of these UTF-8 files; an example is as many as the model reads.")
        private List<Path> text;

        @Option(names = "--idx", paramLabel = "DIR", description = "MNIST's four files, plain or .gz.")
        private Path idx;

        @ArgGroup(exclusive = false, multiplicity = "1")
        private Arrays arrays;
    }

    /** Two files that belong together. */
    static final class Arrays {
        @Option(names = "--inputs", required = true, paramLabel = "X.npy", description = "Features [n, ...] or ids.")
        private Path inputs;

        @Option(names = "--targets", required = true, paramLabel = "Y.npy", description = "Labels [n] or targets.")
        private Path targets;
    }

    /**
     * The examples that a model's network can read, checked. Text takes its context and vocabulary from the model.
     *
     * @throws dev.sagitta.io.DataException naming what cannot be read or does not fit
     */
    Data read(ModelSpec model, long seed) {
        Graph graph = model.toGraph();
        Data data = source.arrays != null
                ? Data.npy(source.arrays.inputs, source.arrays.targets, seed)
                : source.idx != null ? Data.idx(source.idx) : text(model, seed);
        for (DataSet set : List.of(data.all(), data.train(), data.test())) {
            set.requireFits(graph);
        }
        return data;
    }

    private Data text(ModelSpec model, long seed) {
        Vocabulary vocabulary = model.vocabulary();
        if (vocabulary == null || model.inputType() != DType.I32) {
            throw new dev.sagitta.io.DataException("the model has no vocabulary: it cannot read --text");
        }
        return Data.text(source.text, (int) model.inputShape().elements(), seed, vocabulary);
    }
}
