package dev.sagitta.cli;

import dev.sagitta.graph.Graph;
import dev.sagitta.io.Data;
import dev.sagitta.io.DataException;
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
        @Reads
        @Option(
                names = "--text",
                arity = "1..*",
                paramLabel = "FILE",
                description = "Characters of these UTF-8 files; an example is as many as the model reads.")
        private List<Path> text;

        @Reads(idx = true)
        @Option(names = "--idx", paramLabel = "DIR", description = "MNIST's four files, plain or .gz.")
        private Path idx;

        @ArgGroup(exclusive = false, multiplicity = "1")
        private Arrays arrays;
    }

    /** Two files that belong together. */
    static final class Arrays {
        @Reads
        @Option(names = "--inputs", required = true, paramLabel = "X.npy", description = "Features [n, ...] or ids.")
        private Path inputs;

        @Reads
        @Option(names = "--targets", required = true, paramLabel = "Y.npy", description = "Labels [n] or targets.")
        private Path targets;
    }

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Characters of an example of --text (default: what the model reads; 16 for a new char-mlp).")
    private Integer context;

    /** A model with what it takes from the data, and the data. */
    record Training(ModelSpec model, Data data) {}

    /**
     * The examples that a model's network can read, checked. Text takes its context and vocabulary from the model.
     *
     * @throws DataException naming what cannot be read or does not fit
     */
    Data read(ModelSpec model, long seed) {
        return readFor(model, seed).data();
    }

    /** The same for a model whose vocabulary is that of the text. */
    Training readFor(ModelSpec model, long seed) {
        ModelSpec complete = model;
        Data data;
        if (source.arrays != null) {
            data = Data.npy(source.arrays.inputs, source.arrays.targets, seed);
        } else if (source.idx != null) {
            data = Data.idx(source.idx);
        } else {
            data = text(model, seed);
            complete = model.withVocabulary(data.vocabulary());
        }
        Graph graph = complete.toGraph();
        for (DataSet set : List.of(data.all(), data.train(), data.test())) {
            set.requireFits(graph);
        }
        return new Training(complete, data);
    }

    private Data text(ModelSpec model, long seed) {
        if (model.inputType() != DType.I32) {
            throw new DataException("the model reads features, not characters: it cannot read --text");
        }
        long reads = model.inputShape().elements();
        if (context != null && context != reads) {
            throw new DataException("--context is " + context + ", the model reads " + reads + " characters");
        }
        Vocabulary vocabulary = model.vocabulary();
        int window = Math.toIntExact(reads);
        return vocabulary == null
                ? Data.text(source.text, window, seed)
                : Data.text(source.text, window, seed, vocabulary);
    }

    /** Null unless given. */
    Integer context() {
        return context;
    }

    /** Whether the examples are MNIST's files: its test set is given, not drawn. */
    boolean isIdx() {
        return source.idx != null;
    }

    /** Whether the examples are arrays: no test set comes with them. */
    boolean isArrays() {
        return source.arrays != null;
    }
}
