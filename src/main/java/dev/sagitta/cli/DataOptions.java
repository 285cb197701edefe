package dev.sagitta.cli;

import dev.sagitta.data.Data;
import dev.sagitta.data.DataSet;
import dev.sagitta.data.TextData;
import dev.sagitta.io.array.NpyFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.image.CifarFile;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.io.vision.VisionNetwork;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Examples for a command: one of a text, MNIST's or CIFAR's files, a folder of images, or arrays of numpy. */
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
                description =
                        "Characters of these UTF-8 files, or tokens (--tokenizer); an example is as many as the model reads,"
                                + " its target the next one, or, where the model has an output per position, the next one of each.")
        private List<Path> text;

        @Reads(folder = Reads.Folder.IDX)
        @Option(names = "--idx", paramLabel = "DIR", description = "MNIST's four files, plain or .gz.")
        private Path idx;

        @Reads(folder = Reads.Folder.CIFAR)
        @Option(
                names = "--cifar",
                paramLabel = "DIR",
                description =
                        "CIFAR-10's or CIFAR-100's binary files (data_batch_1.bin ... or train.bin, and those of the test set), or one of them.")
        private Path cifar;

        @Reads(folder = Reads.Folder.IMAGES)
        @Option(
                names = "--images",
                paramLabel = "DIR",
                description =
                        "PNG and JPEG images, a folder for each class, the classes by name; or such folders in DIR/train, and in"
                                + " DIR/test or DIR/val those to evaluate on.")
        private Path images;

        @ArgGroup(exclusive = false, multiplicity = "1")
        private Arrays arrays;
    }

    /** Two files that belong together. */
    static final class Arrays {
        @Reads
        @Option(
                names = "--inputs",
                required = true,
                converter = InputFile.Converter.class,
                paramLabel = "[NAME=]X.npy",
                description =
                        "Features [n, ...] or ids; once more with the name of an input for each further one that the model has.")
        private List<InputFile> inputs;

        @Reads
        @Option(
                names = "--targets",
                paramLabel = "Y.npy",
                description =
                        "Labels [n, ...] or targets (default, for ids and an output per position: the next id of each).")
        private Path targets;

        @Reads
        @Option(
                names = "--lengths",
                paramLabel = "L.npy",
                description = "How many ids of each row count, [n] (default: all): --inputs lengths=L.npy.")
        private Path lengths;

        @Reads
        @Option(
                names = "--types",
                paramLabel = "T.npy",
                description = "Types of the ids, [n, ...] (default: 0): --inputs types=T.npy.")
        private Path types;
    }

    @Option(
            names = "--context",
            paramLabel = "N",
            description =
                    "Characters or tokens of an example of --text (default: what the model reads; 16 for a new char-mlp, 128 for other presets). A checkpoint with attention reads other numbers, too.")
    private Integer context;

    @Reads
    @Option(
            names = "--tokenizer",
            paramLabel = "tokenizer.json",
            description = "Tokens of --text in place of characters, by the library " + TokenizerJson.LIBRARY
                    + " on the class path.")
    private Path tokenizer;

    @ArgGroup(validate = false)
    private ImageOptions pictures = new ImageOptions();

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    /** A model with what it takes from the data, and the data. */
    record Training(ModelSpec model, Data data) {}

    /**
     * All examples, for a checkpoint's network.
     *
     * @throws DataException naming what cannot be read or does not fit
     */
    DataSet all(Checkpoint source, CommonOptions common) {
        long seed = source.heldOut().map(HeldOut::seed).orElse(0L);
        return normalised(plain(source.model(), null, seed, common), source, common)
                .data()
                .all();
    }

    /**
     * The examples that a checkpoint's network can read, cut as its training cut them, whatever {@code --seed} says. Notes say where that
     * cannot be.
     *
     * @throws DataException naming what cannot be read or does not fit
     */
    Data read(Checkpoint source, CommonOptions common) {
        return readFor(source, common).data();
    }

    /** The same, with the model. */
    Training readFor(Checkpoint source, CommonOptions common) {
        HeldOut known = source.heldOut().orElse(null);
        long seed = known == null ? common.seed(EvalCommand.seed(source)) : known.seed();
        Training read = normalised(plain(source.model(), null, seed, common), source, common);
        HeldOut here = read.data().train().heldOut();
        if (here != null) {
            noteHeldOut(source, known, here, common);
        }
        return read;
    }

    /** @param source null for a new network */
    private Training normalised(Training read, Checkpoint source, CommonOptions common) {
        Normalisation known = source == null ? null : source.normalisation().orElse(null);
        String where = source == null ? null : source.path().toString();
        return new Training(read.model(), pictures.normalised(read.data(), known, where, common::note));
    }

    private void noteHeldOut(Checkpoint source, HeldOut known, HeldOut here, CommonOptions common) {
        String unknown = ": it may have learnt from those that are held out here";
        if (known == null && here.isDrawn()) {
            common.note(source.path() + " does not say which examples its training held out" + unknown);
        } else if (known != null && !known.equals(here)) {
            common.note(source.path() + " was trained on " + known + ", these are " + here + unknown);
        } else if (here.isDrawn() && common.seed(here.seed()) != here.seed()) {
            common.note("the held-out examples stay those of " + source.path() + ", drawn by its seed " + known.seed());
        }
    }

    /**
     * The examples for a new network, which takes its vocabulary from a text. Text takes its context, and where it has one its vocabulary, from
     * the model.
     *
     * @param network over images, which has the size and the number of classes of the examples; null for another one
     * @param seed that chooses the held-out examples
     * @throws DataException naming what cannot be read or does not fit
     */
    Training readFor(ModelSpec model, VisionNetwork network, long seed, CommonOptions common) {
        return normalised(plain(model, network, seed, common), null, common);
    }

    /** The same, and nothing done to the inputs. */
    private Training plain(ModelSpec model, VisionNetwork network, long seed, CommonOptions common) {
        if (context != null && source.text == null) {
            throw new ParameterException(
                    spec.commandLine(), "--context is of --text; examples of " + option() + " are as long as they are");
        }
        if (tokenizer != null && source.text == null) {
            throw new ParameterException(spec.commandLine(), "--tokenizer is of --text");
        }
        if (pictures.isSized() && source.images == null) {
            throw new ParameterException(
                    spec.commandLine(), "--image-size is of --images; examples of " + option() + " are as they are");
        }
        ModelSpec complete = model;
        Data data;
        if (source.arrays != null) {
            requireTargets(model);
            data = Data.npy(main(), source.arrays.targets, further(model), seed);
        } else if (source.idx != null) {
            data = Data.idx(source.idx);
        } else if (source.cifar != null) {
            data = Data.cifar(source.cifar, seed);
        } else if (source.images != null) {
            data = Data.images(source.images, pictures.form(network == null ? model.inputShape() : null), seed);
        } else {
            TextData text = text(model);
            complete =
                    text.vocabulary() == null ? model.withIds(text.classes()) : model.withVocabulary(text.vocabulary());
            int window = Math.toIntExact(model.inputShape().elements());
            data = Data.windows(text, source.text, window, complete.hasOutputPerPosition(), seed);
        }
        if (network != null) {
            complete = fitted(network, data.all(), common);
        }
        // every part is some of these
        data.all().requireFits(complete.toGraph());
        data.all().requireCounted();
        return new Training(complete, data);
    }

    private String option() {
        return source.text != null
                ? "--text"
                : source.idx != null
                        ? "--idx"
                        : source.cifar != null ? "--cifar" : source.images != null ? "--images" : "--inputs";
    }

    private static ModelSpec fitted(VisionNetwork network, DataSet examples, CommonOptions common) {
        Shape image = network.imageOf(examples.inputShape());
        int classes = examples.targetType() == DType.I32 ? Math.max(1, examples.classes()) : network.classes();
        if (!image.equals(network.input()) || classes != network.classes()) {
            common.note(network.name() + " over images " + image + " of " + classes + " classes, as the examples are");
        }
        return ModelSpec.vision(network, image, classes);
    }

    /** The file of the main input. */
    private Path main() {
        return source.arrays.inputs.stream()
                .filter(InputFile::isMain)
                .map(InputFile::file)
                .reduce((first, second) -> {
                    throw twice(InputFile.MAIN);
                })
                .orElseThrow(() -> new ParameterException(
                        spec.commandLine(),
                        "--inputs names further inputs alone; give the main one too: --inputs X.npy"));
    }

    private Map<String, Path> further(ModelSpec model) {
        Map<String, Path> further = new LinkedHashMap<>();
        for (InputFile input : source.arrays.inputs) {
            if (!input.isMain()) {
                add(further, "--inputs " + input.name() + "=" + input.file(), input.name(), input.file(), model);
            }
        }
        if (source.arrays.lengths != null) {
            add(further, "--lengths", DataSet.LENGTHS, source.arrays.lengths, model);
        }
        if (source.arrays.types != null) {
            add(further, "--types", DataSet.TYPES, source.arrays.types, model);
        }
        return further;
    }

    private void add(Map<String, Path> further, String option, String name, Path file, ModelSpec model) {
        if (!model.inputs().containsKey(name)) {
            List<String> names = new ArrayList<>(List.of(InputFile.MAIN));
            names.addAll(model.inputs().keySet());
            throw new DataException(option + ": the model has no input '" + name + "'; it has " + names);
        }
        if (further.put(name, file) != null) {
            throw twice(name);
        }
    }

    private ParameterException twice(String name) {
        return new ParameterException(spec.commandLine(), "the model's input '" + name + "' is given two files");
    }

    private void requireTargets(ModelSpec model) {
        if (source.arrays.targets == null && !(model.inputType() == DType.I32 && model.hasOutputPerPosition())) {
            throw new ParameterException(
                    spec.commandLine(),
                    "Missing required option: --targets; without it the target of an id is the next one, which is for"
                            + " models of ids with an output per position");
        }
    }

    private TextData text(ModelSpec model) {
        if (model.inputType() != DType.I32) {
            throw new DataException("the model reads features, not characters: it cannot read --text");
        }
        long reads = model.inputShape().elements();
        if (context != null && context != reads) {
            throw new DataException("--context is " + context + ", the model reads " + reads + " characters");
        }
        if (tokenizer != null) {
            try (Tokens tokens = TokenizerJson.open(tokenizer)) {
                return TextData.read(source.text, tokens::encode, tokens.size());
            }
        }
        Vocabulary vocabulary = model.vocabulary();
        return vocabulary == null ? TextData.read(source.text) : TextData.read(source.text, vocabulary);
    }

    /** Tokens of an example as far as options say: {@code --context}, or the last axis of {@code --inputs}; 0 where nothing does. */
    int tokens() {
        if (context != null) {
            return context;
        }
        // a pipe can be read once, and not here
        if (source.arrays == null || !Files.isRegularFile(main())) {
            return 0;
        }
        Shape shape = NpyFile.read(main()).shape();
        return shape.rank() < 2 ? 0 : (int) Math.min(Integer.MAX_VALUE, shape.extent(-1));
    }

    /** Shape of an image of {@code --inputs}, {@code --cifar} or {@code --images}; null where they are no images. */
    Shape image() {
        if (source.cifar != null) {
            return CifarFile.IMAGE;
        }
        if (source.images != null) {
            return pictures.image(source.images);
        }
        if (source.arrays == null || !Files.isRegularFile(main())) {
            return null;
        }
        Shape shape = NpyFile.read(main()).shape();
        return shape.rank() < 3 ? null : Shape.of(java.util.Arrays.copyOfRange(shape.toArray(), 1, shape.rank()));
    }

    /** Null unless given. */
    Integer context() {
        return context;
    }

    /** Whether a test set comes with the examples: it is given, not drawn. */
    boolean bringsTest() {
        return source.idx != null
                || source.cifar != null && Data.cifarBringsTest(source.cifar)
                || source.images != null && Data.imagesBringTest(source.images);
    }

    /** Whether all examples are what to evaluate on unless something else is said: arrays and images that come without a test set. */
    boolean isOnePart() {
        return source.text == null && !bringsTest();
    }
}
