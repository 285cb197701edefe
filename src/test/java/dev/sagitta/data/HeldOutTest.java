package dev.sagitta.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.io.model.ModelSpec;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeldOutTest {
    private static final int EXAMPLES = 10_000;

    @TempDir
    Path folder;

    /** Row i has the feature i. */
    private Data numbered(int examples, long seed) {
        float[] x = new float[examples];
        for (int i = 0; i < examples; i++) {
            x[i] = i;
        }
        return Data.npy(
                NpyWriter.write(folder.resolve("x.npy"), x, examples, 1),
                NpyWriter.write(folder.resolve("y.npy"), new long[examples], examples),
                seed);
    }

    private static Set<Integer> rows(DataSet set) {
        ByteBuffer inputs = ByteBuffer.allocate(set.inputBytes(set.size())).order(ByteOrder.nativeOrder());
        ByteBuffer targets = ByteBuffer.allocate(set.targetBytes(set.size())).order(ByteOrder.nativeOrder());
        set.batch(0, set.size(), inputs, targets);
        Set<Integer> rows = new HashSet<>();
        for (int i = 0; i < set.size(); i++) {
            rows.add((int) inputs.getFloat(Float.BYTES * i));
        }
        return rows;
    }

    /** A thousand held out and a thousand drawn for another purpose share a hundred, give or take nine. */
    @Test
    void drawsOfDifferentPurposesHaveNothingToDoWithEachOther() {
        for (long seed = 0; seed < 5; seed++) {
            Data data = numbered(EXAMPLES, seed);
            Set<Integer> heldOut = rows(data.test());
            assertThat(heldOut).hasSize(EXAMPLES / 10);
            Set<Integer> curvature = rows(data.all().sample(1000, seed, "rows/curvature"));
            Set<Integer> validation = rows(data.all().sample(1000, seed, "rows/validation"));
            assertThat(common(curvature, heldOut)).as("seed " + seed).isBetween(55, 145);
            assertThat(common(validation, heldOut)).as("seed " + seed).isBetween(55, 145);
            assertThat(common(validation, curvature)).as("seed " + seed).isBetween(55, 145);
        }
    }

    private static int common(Set<Integer> a, Set<Integer> b) {
        Set<Integer> both = new HashSet<>(a);
        both.retainAll(b);
        return both.size();
    }

    @Test
    void theTrainingSetSaysWhatWasHeldOut() throws Exception {
        Data rows = numbered(57, 3);
        assertThat(rows.train().heldOut()).isEqualTo(new HeldOut("rows", HeldOut.TENTH_OF_ROWS, 3, 57, 5));
        assertThat(rows.test().heldOut()).isNull();
        Path text = Files.writeString(folder.resolve("t.txt"), "to be or not to be, ".repeat(100));
        Data windows = Data.text(List.of(text), 4, 5);
        assertThat(windows.train().heldOut())
                .isEqualTo(new HeldOut(
                        "text", HeldOut.TENTH_OF_BLOCKS, 5, 1996, windows.test().size()));
        for (Data data : List.of(rows, windows)) {
            HeldOut record = data.train().heldOut();
            assertThat(HeldOut.parse(JsonInput.parse(record.toJson(), "test"))).isEqualTo(record);
        }
        assertThatThrownBy(() -> HeldOut.parse(JsonInput.parse("{\"examples\": 2, \"source\": \"rows\"}", "f")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("rule");
    }

    @Test
    void oneExampleIsNotHeldOut() {
        Data data = numbered(1, 0);
        assertThat(data.hasTest()).isFalse();
        assertThat(data.train().size()).isEqualTo(1);
        assertThatThrownBy(data::test)
                .hasMessageContaining("x.npy: one example, at least 2 are needed to hold one out");
    }

    /** MNIST's files: {@code all} was the training files alone. */
    @Test
    void allOfIdxIsTrainingAndTestFiles() throws Exception {
        images("train", 3, 1, 2, 3);
        images("t10k", 2, 4, 5);
        Data data = Data.idx(folder);
        assertThat(data.all().size()).isEqualTo(5);
        ByteBuffer inputs = ByteBuffer.allocate(data.all().inputBytes(5)).order(ByteOrder.nativeOrder());
        ByteBuffer targets = ByteBuffer.allocate(data.all().targetBytes(5)).order(ByteOrder.nativeOrder());
        data.all().batch(0, 5, inputs, targets);
        for (int i = 0; i < 5; i++) {
            assertThat(inputs.getFloat(Float.BYTES * i)).isEqualTo((i + 1) / 255f);
            assertThat(targets.getInt(Integer.BYTES * i)).isEqualTo(i + 1);
        }
        assertThat(data.train().heldOut()).isEqualTo(HeldOut.files(3, 2));
    }

    private void images(String part, int n, int... pixels) throws Exception {
        ByteArrayOutputStream images = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(images);
        for (int word : new int[] {0x803, n, 1, 1}) {
            out.writeInt(word);
        }
        ByteArrayOutputStream labels = new ByteArrayOutputStream();
        DataOutputStream outLabels = new DataOutputStream(labels);
        outLabels.writeInt(0x801);
        outLabels.writeInt(n);
        for (int pixel : pixels) {
            out.writeByte(pixel);
            outLabels.writeByte(pixel);
        }
        Files.write(folder.resolve(part + "-images-idx3-ubyte"), images.toByteArray());
        Files.write(folder.resolve(part + "-labels-idx1-ubyte"), labels.toByteArray());
    }

    @Test
    void anErrorAboutTargetsNamesTheirFile() {
        Path x = NpyWriter.write(folder.resolve("x.npy"), new float[6], 2, 3);
        Path wrong = NpyWriter.write(folder.resolve("wrong.npy"), new float[2], 2);
        String model =
                "{\"input\": {\"shape\": [3]}, \"loss\": \"%s\", \"layers\": [{\"type\": \"linear\", \"out\": 3}]}";
        assertThatThrownBy(() -> Data.rows(x, wrong)
                        .requireFits(ModelSpec.parse(model.formatted("cross_entropy"), "m")
                                .toGraph()))
                .hasMessageContaining("wrong.npy: targets are fp32")
                .hasMessageNotContaining("x.npy");
        assertThatThrownBy(() -> Data.rows(x, wrong)
                        .requireFits(
                                ModelSpec.parse(model.formatted("mse"), "m").toGraph()))
                .hasMessageContaining("wrong.npy: the target of an example has shape []");
    }

    @Test
    void labelsThatAllAreLeftOutAreAnError() {
        Path x = NpyWriter.write(folder.resolve("x.npy"), new float[6], 2, 3);
        DataSet none = Data.rows(x, NpyWriter.write(folder.resolve("none.npy"), new long[] {-100, -100}, 2));
        assertThatThrownBy(none::requireCounted)
                .hasMessageContaining("none.npy: all labels of these 2 examples are -100");
        DataSet one = Data.rows(x, NpyWriter.write(folder.resolve("one.npy"), new long[] {-100, 2}, 2));
        one.requireCounted();
        assertThat(one.countedTargets(new int[] {0, 1, 1}, 0, 3)).isEqualTo(2);
        DataSet numbers = Data.rows(x, NpyWriter.write(folder.resolve("f.npy"), new float[] {-100, -100}, 2));
        assertThat(numbers.countedTargets(new int[] {0, 1}, 0, 2)).isEqualTo(2);
    }
}
