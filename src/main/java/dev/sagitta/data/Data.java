package dev.sagitta.data;

import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.io.array.IdxFile;
import dev.sagitta.io.array.NpyFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What the command line reads examples from.
 *
 * @param all every example of the source; for MNIST those of the training files and then those of the test files
 * @param train to learn from; {@link DataSet#heldOut} says what was held out from it
 * @param test to evaluate on: the source's own test set, or a tenth of it held out by seed; null where there is only one example
 * @param vocabulary of a text; null otherwise
 */
public record Data(DataSet all, DataSet train, DataSet test, Vocabulary vocabulary) {

    /**
     * All parts with their inputs normalised.
     *
     * @param how null for mean and deviation of the training part, by channels
     * @throws DataException if the inputs are no numbers, or have another number of channels
     */
    public Data normalised(Normalisation how) {
        if (train.inputType() != DType.F32) {
            // refused by name
            train.normalised(how);
        }
        Normalisation fixed = how == null ? ChannelStatistics.of(train) : how;
        DataSet held = test == null ? null : test.normalised(fixed);
        return new Data(all.normalised(fixed), train.normalised(fixed), held, vocabulary);
    }

    /** Whether any example is held out: not where there is only one. */
    public boolean hasTest() {
        return test != null;
    }

    /** @throws DataException if none is held out */
    @Override
    public DataSet test() {
        if (test == null) {
            throw new DataException(all.source() + ": one example, at least 2 are needed to hold one out");
        }
        return test;
    }

    /** Windows of {@code context} characters, each with the character that follows. The vocabulary is taken from the text. */
    public static Data text(List<Path> files, int context, long seed) {
        return windows(TextData.read(files), files, context, false, seed);
    }

    /** The same with the vocabulary of a model. */
    public static Data text(List<Path> files, int context, long seed, Vocabulary vocabulary) {
        return windows(TextData.read(files, vocabulary), files, context, false, seed);
    }

    /**
     * Windows of {@code context} ids of a text.
     *
     * @param files that it was read from, for errors
     * @param perPosition whether each id of a window has the next one as its target, or the last one alone
     */
    public static Data windows(TextData text, List<Path> files, int context, boolean perPosition, long seed) {
        String source =
                files.size() == 1 ? files.get(0).toString() : files.get(0) + " and " + (files.size() - 1) + " more";
        if (text.length() <= context) {
            throw new DataException(source + ": " + text.length() + " " + text.unit() + ", a context of " + context
                    + " needs at least " + (context + 1L));
        }
        if (context < 1) {
            throw new DataException("a context of " + context + " " + text.unit() + ", expected at least 1");
        }
        DataSet all = new TextWindows(text, context, perPosition, source);
        DataSet.Split split = all.split(seed);
        return new Data(all, split.train(), split.heldOut(), text.vocabulary());
    }

    /** MNIST's four files, plain or .gz, in a folder. Pixels are scaled to [0, 1]; an example is flat: [784]. */
    public static Data idx(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(
                    folder + ": not a folder; expected one with MNIST's files train-images-idx3-ubyte[.gz], ...");
        }
        DataSet train = images(folder, "train");
        DataSet test = images(folder, "t10k");
        if (!train.inputShape().equals(test.inputShape())) {
            throw new DataException(folder + ": training examples have shape " + train.inputShape() + ", test examples "
                    + test.inputShape());
        }
        return parts(folder, train, test, 0);
    }

    private static DataSet images(Path folder, String part) {
        IdxFile images = IdxFile.read(existing(folder, part + "-images-idx3-ubyte"));
        IdxFile labels = IdxFile.read(existing(folder, part + "-labels-idx1-ubyte"));
        if (images.shape().rank() != 3 || labels.shape().rank() != 1) {
            IdxFile wrong = images.shape().rank() != 3 ? images : labels;
            throw new DataException(wrong.file() + ": shape " + wrong.shape() + ", expected "
                    + (wrong == images ? "[examples, rows, columns]" : "[examples]"));
        }
        long n = images.shape().extent(0);
        Shape flat = Shape.of(n, images.shape().extent(1) * images.shape().extent(2));
        HostTensor pixels = new HostTensor("images", DType.U8, flat, images.data());
        HostTensor bytes = new HostTensor("labels", DType.U8, labels.shape(), labels.data());
        NpyFile column = new NpyFile(labels.file(), NpyFile.Element.U8, labels.shape(), bytes.bytes());
        return new LabelledRows(images.file(), pixels, labels.file(), column.toI32("labels"));
    }

    private static Path existing(Path folder, String name) {
        Path packed = folder.resolve(name + ".gz");
        Path plain = folder.resolve(name);
        if (!Files.exists(plain) && !Files.exists(packed)) {
            throw new DataException("cannot read " + plain + " or " + packed.getFileName() + ": no such file");
        }
        return Files.exists(plain) ? plain : packed;
    }

    /** Of MNIST's files in a folder those that are there. */
    public static List<Path> idxFiles(Path folder) {
        return Stream.of("train", "t10k")
                .flatMap(part -> Stream.of(part + "-images-idx3-ubyte", part + "-labels-idx1-ubyte"))
                .flatMap(name -> Stream.of(folder.resolve(name), folder.resolve(name + ".gz")))
                .filter(Files::exists)
                .toList();
    }

    /** CIFAR-10 or CIFAR-100 in the binary version: a folder with its files, or one of them. Pixels are scaled to [0, 1]; an example is [3, 32, 32]. */
    public static Data cifar(Path path, long seed) {
        CifarFolder files = CifarFolder.of(path);
        return parts(path, files.train(), files.test(), seed);
    }

    /**
     * Pictures in a folder for each class, in the order of its names, and of those in the order of the files'. Where {@code folder/train} holds such folders, it is the training
     * part, and {@code folder/test} or else {@code folder/val} the test part. Pixels are scaled to [0, 1]; an example is [channels, height, width].
     *
     * @param form of an example
     */
    public static Data images(Path folder, ImageFolder.Form form, long seed) {
        ImageFolder images = ImageFolder.of(folder);
        if (images.test() == null) {
            return parts(folder, images.rows(form), null, seed);
        }
        DataSet train = images.rows(form);
        return parts(folder, train, images.test().rows(form.of(train)), seed);
    }

    /** @param test null for a tenth held out by seed */
    private static Data parts(Path source, DataSet train, DataSet test, long seed) {
        if (test != null) {
            DataSet all = new JoinedRows(source.toString(), train, test);
            return new Data(all, train.holdingOut(HeldOut.files(train.size(), test.size())), test, null);
        }
        return drawn(train, seed);
    }

    private static Data drawn(DataSet all, long seed) {
        if (all.size() < 2) {
            return new Data(all, all, null, null);
        }
        DataSet.Split split = all.split(seed);
        return new Data(all, split.train(), split.heldOut(), null);
    }

    /** Whether a folder has CIFAR's test file beside those to learn from. */
    public static boolean cifarBringsTest(Path path) {
        return CifarFolder.bringsTest(path);
    }

    /** Whether a folder of images has a part to evaluate on. */
    public static boolean imagesBringTest(Path folder) {
        return ImageFolder.testPart(folder) != null;
    }

    /** Of CIFAR's files in a folder those that are there, or the one that a path names. */
    public static List<Path> cifarFiles(Path path) {
        return CifarFolder.files(path);
    }

    /** Arrays of numpy; see {@link #rows}. A tenth is held out by seed. */
    public static Data npy(Path inputs, Path targets, long seed) {
        return npy(inputs, targets, Map.of(), seed);
    }

    /**
     * The same with arrays [n, ...] of the network's further inputs, by name: features where they are floating point, ids otherwise.
     *
     * @param targets null for the next id of each of {@code inputs} [n, T]
     */
    public static Data npy(Path inputs, Path targets, Map<String, Path> further, long seed) {
        DataSet all = targets == null ? nextIds(inputs) : rows(inputs, targets);
        for (Map.Entry<String, Path> input : further.entrySet()) {
            NpyFile values = NpyFile.read(input.getValue());
            all = all.with(
                    input.getKey(),
                    values.element().isFloat() ? values.toF32(values.file()) : values.toI32(values.file()));
        }
        return drawn(all, seed);
    }

    /** Ids [n, T], each with the id after it as its target; the last of a row has none that counts. */
    private static DataSet nextIds(Path inputs) {
        NpyFile x = NpyFile.read(inputs);
        if (x.element().isFloat() || x.shape().rank() != 2) {
            throw new DataException(x.file() + ": " + x.element() + " " + x.shape()
                    + ", expected integer ids [n, T] where --targets is left out");
        }
        HostTensor ids = x.toI32("inputs");
        int columns = Math.toIntExact(x.shape().extent(1));
        ByteBuffer from = ids.bytes().order(ByteOrder.nativeOrder());
        int[] next = new int[Math.toIntExact(ids.elements())];
        for (int i = 0; i < next.length; i++) {
            next[i] = (i + 1) % columns == 0 ? CrossEntropy.IGNORED_LABEL : from.getInt(Integer.BYTES * (i + 1));
        }
        return new LabelledRows(x.file(), ids, x.file(), HostTensor.of("targets", x.shape(), next));
    }

    /**
     * All rows of two arrays of numpy.
     *
     * @param inputs floating point features [n, ...] or ids [n, context] of any integer type
     * @param targets labels [n] of any integer type or bool (cross-entropy), or floating point targets [n, ...] (mean squared error)
     */
    public static DataSet rows(Path inputs, Path targets) {
        NpyFile x = NpyFile.read(inputs);
        NpyFile y = NpyFile.read(targets);
        return new LabelledRows(
                x.file(),
                x.element().isFloat() ? x.toF32("inputs") : x.toI32("inputs"),
                y.file(),
                y.element().isFloat() ? y.toF32("targets") : y.toI32("targets"));
    }
}
