package dev.sagitta.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.io.array.IdxFileTest;
import dev.sagitta.io.array.NpyFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DataTest {
    private static final Path MNIST = Path.of("../shared/data/mnist-6k");

    @TempDir
    Path folder;

    private Path npy(String name, HostTensor tensor) {
        Path path = folder.resolve(name);
        NpyFile.write(path, tensor);
        return path;
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    private Path features(int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        return npy("X.npy", HostTensor.of("x", Shape.of(rows, columns), values));
    }

    private Path labels(int rows) {
        long[] values = new long[rows];
        for (int i = 0; i < rows; i++) {
            values[i] = i % 3;
        }
        return npy("Y.npy", HostTensor.of("y", Shape.of(rows), values));
    }

    private static ModelSpec model(int in, int out, String loss) {
        return ModelSpec.parse(
                "{\"input\":{\"shape\":[" + in + "]},\"loss\":\"" + loss
                        + "\",\"layers\":[{\"type\":\"linear\",\"out\":" + out + "}]}",
                "model");
    }

    @Test
    void batchesHoldTheRowsAskedFor() {
        DataSet data = Data.rows(features(10, 4), labels(10));
        assertThat(data.size()).isEqualTo(10);
        assertThat(data.inputShape()).isEqualTo(Shape.of(4));
        assertThat(data.targetType()).isEqualTo(DType.I32);
        ByteBuffer inputs = buffer(data.inputBytes(3));
        ByteBuffer targets = buffer(data.targetBytes(3));
        data.batch(new int[] {99, 7, 0, 7}, 1, 3, inputs, targets);
        assertThat(inputs.getFloat(0)).isEqualTo(28);
        assertThat(inputs.getFloat(16)).isEqualTo(0);
        assertThat(inputs.getFloat(44)).isEqualTo(31);
        assertThat(targets.getInt(0)).isEqualTo(1);
        data.batch(8, 2, inputs, targets);
        assertThat(inputs.getFloat(0)).isEqualTo(32);
        assertThat(targets.getInt(4)).isEqualTo(0);
        data.requireFits(model(4, 3, "cross_entropy").toGraph());

        assertThatThrownBy(() -> data.batch(8, 3, inputs, targets)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> data.batch(new int[] {10}, 0, 1, inputs, targets))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> data.batch(0, 4, inputs, targets)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> data.batch(0, 1, ByteBuffer.allocateDirect(64), targets))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("byte order");
    }

    @Test
    void aBatchAllocatesNothing() throws IOException {
        DataSet rows = Data.npy(features(100, 4), labels(100), 1).train();
        Path text = Files.writeString(folder.resolve("t.txt"), "abcdefghij".repeat(100));
        DataSet windows = Data.text(List.of(text), 8, 1).train();
        int[] order = {5, 3, 8, 1};
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (DataSet data : List.of(rows, windows)) {
            ByteBuffer inputs = buffer(data.inputBytes(4));
            ByteBuffer targets = buffer(data.targetBytes(4));
            long least = Long.MAX_VALUE;
            for (int attempt = 0; attempt < 20; attempt++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 100; i++) {
                    data.batch(order, 0, 4, inputs, targets);
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertThat(least).isLessThan(200);
        }
    }

    @Test
    void aTenthIsHeldOutBySeed() {
        DataSet all = Data.rows(features(57, 1), labels(57));
        DataSet.Split split = all.split(3);
        assertThat(split.heldOut().size()).isEqualTo(5);
        assertThat(split.train().size()).isEqualTo(52);
        Set<Float> seen = new HashSet<>(first(split.train()));
        assertThat(seen).doesNotContainAnyElementsOf(first(split.heldOut()));
        assertThat(seen).hasSize(52);
        assertThat(first(all.split(3).heldOut())).isEqualTo(first(split.heldOut()));
        assertThat(first(all.split(4).heldOut())).isNotEqualTo(first(split.heldOut()));
    }

    private static List<Float> first(DataSet data) {
        ByteBuffer inputs = buffer(data.inputBytes(1));
        ByteBuffer targets = buffer(data.targetBytes(1));
        return java.util.stream.IntStream.range(0, data.size())
                .mapToObj(i -> {
                    data.batch(i, 1, inputs, targets);
                    return inputs.getFloat(0);
                })
                .toList();
    }

    @Test
    void textWindowsPredictTheNextCharacterAndPartsShareNone() throws IOException {
        StringBuilder unique = new StringBuilder();
        for (int i = 0; i < 3000; i++) {
            unique.appendCodePoint(0x4e00 + i);
        }
        Path path = Files.writeString(folder.resolve("t.txt"), unique);
        Data data = Data.text(List.of(path), 5, 7);
        assertThat(data.all().size()).isEqualTo(2995);
        ByteBuffer inputs = buffer(20);
        ByteBuffer targets = buffer(4);
        Set<Integer> train = new HashSet<>();
        for (DataSet part : List.of(data.train(), data.test())) {
            for (int row = 0; row < part.size(); row++) {
                part.batch(row, 1, inputs, targets);
                for (int i = 0; i < 5; i++) {
                    assertThat(inputs.getInt(4 * i)).isEqualTo(targets.getInt(0) - 5 + i);
                    assertThat(part == data.train() || !train.contains(inputs.getInt(4 * i)))
                            .isTrue();
                }
                assertThat(part == data.train() || !train.contains(targets.getInt(0)))
                        .isTrue();
                if (part == data.train()) {
                    for (int i = 0; i <= 5; i++) {
                        train.add(targets.getInt(0) - i);
                    }
                }
            }
        }
        assertThat((double) data.test().size() / data.all().size()).isBetween(0.07, 0.11);
        assertThat(data.vocabulary().size()).isEqualTo(3000);
        ModelSpec.charMlp(5).withVocabulary(data.vocabulary()).toGraph();
        data.all()
                .requireFits(
                        ModelSpec.charMlp(5).withVocabulary(data.vocabulary()).toGraph());
        assertThatThrownBy(() -> data.all()
                        .requireFits(ModelSpec.charMlp(5)
                                .withVocabulary(Vocabulary.of("ab", "x"))
                                .toGraph()))
                .hasMessageContaining("the text has 3000 different characters, the model knows 2");
    }

    @Test
    void shortTextsAreSplitOrRefused() throws IOException {
        Path path = Files.writeString(folder.resolve("t.txt"), "abcdefghijkl");
        Data data = Data.text(List.of(path), 5, 0);
        assertThat(data.train().size()).isPositive();
        assertThat(data.test().size()).isPositive();
        assertThatThrownBy(() -> Data.text(List.of(path), 6, 0))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("hold some out");
        for (int context : new int[] {12, 1 << 30, 0, -1}) {
            assertThatThrownBy(() -> Data.text(List.of(path), context, 0))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("context of " + context);
        }
    }

    @Test
    void nanAndInfinityAreNamedByRowAndColumn() {
        Path y = labels(2);
        Path x = npy("X.npy", HostTensor.of("x", Shape.of(2, 3), 1, 2, 3, 4, Float.NaN, 6f));
        assertThatThrownBy(() -> Data.rows(x, y))
                .isInstanceOf(DataException.class)
                .hasMessage(x + ": NaN at row 1, column 1, expected finite numbers");
        Path x2 = npy("X2.npy", HostTensor.of("x", Shape.of(2, 3), 1f, 2, Float.NEGATIVE_INFINITY, 4, 5, 6));
        assertThatThrownBy(() -> Data.rows(x2, y)).hasMessageContaining("-Infinity at row 0, column 2");
        Path good = npy("X3.npy", HostTensor.of("x", Shape.of(2, 1), 1f, 2f));
        Path t = npy("T.npy", HostTensor.of("y", Shape.of(2), 1f, Float.POSITIVE_INFINITY));
        assertThatThrownBy(() -> Data.rows(good, t)).hasMessageContaining(t + ": Infinity at row 1,");
    }

    @Test
    void labelsAndIdsOutOfRangeAreNamed() {
        Path x = features(3, 2);
        Path y = npy("Y.npy", HostTensor.of("y", Shape.of(3), 0L, -100L, 3L));
        DataSet data = Data.rows(x, y);
        assertThatThrownBy(() -> data.requireFits(model(2, 3, "cross_entropy").toGraph()))
                .isInstanceOf(DataException.class)
                .hasMessage(y + ": label 3 at row 2, the model has 3 classes (0 to 2)");
        data.requireFits(model(2, 4, "cross_entropy").toGraph());
        Path negative = npy("N.npy", HostTensor.of("y", Shape.of(3), 0, -1, 2));
        assertThatThrownBy(() -> Data.rows(x, negative)
                        .requireFits(model(2, 3, "cross_entropy").toGraph()))
                .hasMessageContaining("label -1 at row 1");

        Path ids = npy("I.npy", HostTensor.of("x", Shape.of(3, 2), 0L, 1, 2, 3, 4, 5));
        ModelSpec embedding = ModelSpec.parse(
                "{\"input\":{\"shape\":[2],\"type\":\"ids\"},\"loss\":\"cross_entropy\",\"layers\":[{\"type\":\"embedding\","
                        + "\"rows\":5,\"width\":2},{\"type\":\"flatten\"},{\"type\":\"linear\",\"out\":9}]}",
                "model");
        assertThatThrownBy(() -> Data.rows(ids, y).requireFits(embedding.toGraph()))
                .hasMessageContaining("id 5 at row 2, column 1, the model's table has 5 rows");
    }

    /** A table over another input of ids than the data's says nothing of these. */
    @Test
    void idsOfAFurtherInputAreTheirOwn() throws IOException {
        Path ids = npy("J.npy", HostTensor.of("x", Shape.of(3, 2), 0L, 1, 2, 3, 4, 5));
        ModelSpec model = ModelSpec.parse("""
                {"input": {"shape": [2], "type": "ids"}, "inputs": {"types": {"shape": [2], "type": "ids"}}, "loss": "cross_entropy",
                 "layers": [{"type": "embedding", "name": "token", "rows": 6, "width": 3},
                  {"type": "embedding", "name": "type", "from": "types", "rows": 2, "width": 3},
                  {"type": "add", "from": ["token", "type"]}, {"type": "mean", "axis": 0}]}""", "model");
        Data.rows(ids, labels(3)).requireFits(model.toGraph());
    }

    /** Labels and ids as numpy's users have them: whatever type counts far enough. */
    @Test
    void labelsAndIdsMayBeOfAnyIntegerType() {
        ModelSpec embedding = ModelSpec.parse(
                "{\"input\":{\"shape\":[1],\"type\":\"ids\"},\"loss\":\"cross_entropy\",\"layers\":[{\"type\":\"embedding\","
                        + "\"rows\":2,\"width\":2},{\"type\":\"flatten\"},{\"type\":\"linear\",\"out\":2}]}",
                "model");
        for (NpyFile.Element element : NpyFile.Element.values()) {
            if (!element.isFloat()) {
                int width = Integer.parseInt(element.descr().substring(2));
                ByteBuffer zeroAndOne = ByteBuffer.allocate(2 * width).put(width, (byte) 1);
                Path ids = folder.resolve("ids.npy");
                Path labels = folder.resolve("labels.npy");
                NpyFile.write(ids, element, Shape.of(2, 1), zeroAndOne);
                NpyFile.write(labels, element, Shape.of(2), zeroAndOne);
                DataSet rows = Data.rows(ids, labels);
                rows.requireFits(embedding.toGraph());
                ByteBuffer input = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder());
                ByteBuffer label = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder());
                rows.copyInput(1, input, 0);
                rows.copyTarget(1, label, 0);
                assertThat(input.getInt(0)).as(element.descr()).isEqualTo(1);
                assertThat(label.getInt(0)).as(element.descr()).isEqualTo(1);
            }
        }
    }

    @Test
    void whatDoesNotFitTheModelIsNamed() {
        Path x = features(3, 2);
        DataSet labelled = Data.rows(x, labels(3));
        assertThatThrownBy(
                        () -> labelled.requireFits(model(5, 3, "cross_entropy").toGraph()))
                .hasMessageContaining("an example has shape [2], the model's input is [5]");
        assertThatThrownBy(() -> labelled.requireFits(model(2, 3, "mse").toGraph()))
                .hasMessageContaining("loss mse expects fp32");
        DataSet regression = Data.rows(x, npy("T.npy", HostTensor.of("y", Shape.of(3, 2), new float[6])));
        regression.requireFits(model(2, 2, "mse").toGraph());
        assertThatThrownBy(() -> regression.requireFits(model(2, 3, "mse").toGraph()))
                .hasMessageContaining("has shape [2]");
        assertThatThrownBy(() ->
                        regression.requireFits(model(2, 3, "cross_entropy").toGraph()))
                .hasMessageContaining("labels");
        DataSet ids = Data.rows(npy("I.npy", HostTensor.of("x", Shape.of(3, 2), new int[6])), labels(3));
        assertThatThrownBy(() -> ids.requireFits(model(2, 3, "cross_entropy").toGraph()))
                .hasMessageContaining("inputs are integer ids, the model expects fp32 features");
    }

    @Test
    void rowCountsEmptyDataAndTypesAreChecked() {
        Path x = features(3, 2);
        Path y = labels(2);
        assertThatThrownBy(() -> Data.rows(x, y))
                .isInstanceOf(DataException.class)
                .hasMessage(x + " has 3 rows, " + y + " has 2; expected one target per input");
        Path empty = npy("E.npy", HostTensor.of("x", Shape.of(0, 4), new float[0]));
        assertThatThrownBy(() -> Data.rows(empty, y))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no data");
        Path scalar = npy("S.npy", HostTensor.of("x", Shape.of(), 1f));
        assertThatThrownBy(() -> Data.rows(scalar, y)).hasMessageContaining("a single number");
        Path bytes = npy("B.npy", HostTensor.of("x", Shape.of(2, 2), new byte[4]));
        assertThatThrownBy(() -> Data.rows(bytes, y)
                        .requireFits(model(2, 3, "cross_entropy").toGraph()))
                .hasMessageContaining("inputs are integer ids, the model expects fp32 features; convert them")
                .hasMessageContaining("(array / 255).astype('<f4')");
    }

    @Test
    void foldersWithoutMnistAreNamed() throws IOException {
        assertThatThrownBy(() -> Data.idx(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("train-images-idx3-ubyte");
        assertThatThrownBy(() -> Data.idx(folder.resolve("absent")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("not a folder");
        Files.write(folder.resolve("train-images-idx3-ubyte"), IdxFileTest.idx(8, new int[] {2, 2, 2}, 8));
        Files.write(folder.resolve("train-labels-idx1-ubyte"), IdxFileTest.idx(8, new int[] {3}, 3));
        assertThatThrownBy(() -> Data.idx(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("expected one target per input");
        Files.write(folder.resolve("train-images-idx3-ubyte"), IdxFileTest.idx(8, new int[] {3, 2}, 6));
        assertThatThrownBy(() -> Data.idx(folder)).hasMessageContaining("expected [examples, rows, columns]");
    }

    @Test
    void mnistIsReadAsPublished() {
        Assumptions.assumeTrue(Files.isDirectory(MNIST));
        Data data = Data.idx(MNIST);
        assertThat(data.train().size()).isEqualTo(5000);
        assertThat(data.test().size()).isEqualTo(1000);
        data.train().requireFits(ModelSpec.mlp().toGraph());
        data.test().requireFits(ModelSpec.mlp().toGraph());
        ByteBuffer inputs = buffer(data.train().inputBytes(1000));
        ByteBuffer targets = buffer(data.train().targetBytes(1000));
        data.train().batch(0, 1000, inputs, targets);
        double sum = 0;
        float largest = 0;
        for (int i = 0; i < 784_000; i++) {
            sum += inputs.getFloat(4 * i);
            largest = Math.max(largest, inputs.getFloat(4 * i));
        }
        assertThat(largest).isEqualTo(1f);
        // the mean pixel of the whole set is 0.1307
        assertThat(sum / 784_000).isBetween(0.12, 0.14);
    }
}
