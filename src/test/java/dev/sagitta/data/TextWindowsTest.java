package dev.sagitta.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.HeldOut;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TextWindowsTest {
    private static final int CONTEXT = 5;
    /** Beyond what two bytes hold. */
    private static final int LARGE = 70_000;

    @TempDir
    Path folder;

    /** Character i of the text has the id LARGE + i. */
    private TextData numbered(int length) throws IOException {
        Path file = Files.writeString(folder.resolve("t"), "x".repeat(length));
        return TextData.read(
                List.of(file),
                text -> {
                    int[] ids = new int[text.length()];
                    for (int i = 0; i < ids.length; i++) {
                        ids[i] = LARGE + i;
                    }
                    return ids;
                },
                LARGE + length);
    }

    private Data windows(TextData text, boolean perPosition) {
        return Data.windows(text, List.of(folder.resolve("t")), CONTEXT, perPosition, 3);
    }

    private static int[] ints(DataSet data, int row, boolean target) {
        ByteBuffer inputs = ByteBuffer.allocate(data.inputBytes(1)).order(ByteOrder.nativeOrder());
        ByteBuffer targets = ByteBuffer.allocate(data.targetBytes(1)).order(ByteOrder.nativeOrder());
        data.batch(new int[] {row}, 0, 1, inputs, targets);
        ByteBuffer wanted = target ? targets : inputs;
        int[] values = new int[wanted.capacity() / Integer.BYTES];
        wanted.asIntBuffer().get(values);
        return values;
    }

    @Test
    void theTargetOfEachPositionIsTheNextId() throws IOException {
        DataSet all = windows(numbered(1000), true).all();
        assertThat(all.size()).isEqualTo(995);
        assertThat(all.targetShape()).isEqualTo(Shape.of(CONTEXT));
        assertThat(ints(all, 7, false)).containsExactly(70_007, 70_008, 70_009, 70_010, 70_011);
        assertThat(ints(all, 7, true)).containsExactly(70_008, 70_009, 70_010, 70_011, 70_012);
        assertThat(ints(all, 994, true)).endsWith(70_999);
        assertThat(all.countedTargets(new int[] {0, 1, 2}, 0, 3)).isEqualTo(3 * CONTEXT);

        DataSet last = windows(numbered(1000), false).all();
        assertThat(last.targetShape()).isEqualTo(Shape.of());
        assertThat(ints(last, 7, true)).containsExactly(70_012);
        assertThat(last.countedTargets(new int[] {0, 1, 2}, 0, 3)).isEqualTo(3);
    }

    @Test
    void heldOutWindowsShareNothing() throws IOException {
        for (boolean perPosition : new boolean[] {true, false}) {
            Data data = windows(numbered(6000), perPosition);
            BitSet learnt = new BitSet();
            for (int row = 0; row < data.train().size(); row++) {
                mark(learnt, ints(data.train(), row, false));
                mark(learnt, ints(data.train(), row, true));
            }
            BitSet judged = new BitSet();
            int targets = 0;
            for (int row = 0; row < data.test().size(); row++) {
                for (int id : ints(data.test(), row, false)) {
                    assertThat(learnt.get(id)).isFalse();
                }
                for (int id : ints(data.test(), row, true)) {
                    assertThat(learnt.get(id)).isFalse();
                    judged.set(id);
                    targets++;
                }
            }
            // each character is judged once
            assertThat(judged.cardinality()).as("per position: %s", perPosition).isEqualTo(targets);
            assertThat(targets).isBetween(450, 600);
            assertThat(data.train().heldOut().rule())
                    .isEqualTo(perPosition ? HeldOut.TENTH_OF_BLOCKS_APART : HeldOut.TENTH_OF_BLOCKS);
        }
    }

    private static void mark(BitSet seen, int... ids) {
        for (int id : ids) {
            seen.set(id);
        }
    }

    private static ModelSpec model(String rows) {
        return ModelSpec.parse("""
                {"input": {"shape": [5], "type": "ids"}, "loss": "cross_entropy", "layers": [
                  {"type": "embedding", "name": "tokens", ROWS, "width": 4},
                  {"type": "linear", "name": "head", "out": "vocabulary"}]}
                """.replace("ROWS", rows), "m");
    }

    @Test
    void aModelTakesTheNumberOfIdsFromTheText() throws IOException {
        TextData text = numbered(100);
        ModelSpec model = model("\"vocabulary\": true").withIds(text.classes());
        Graph graph = model.toGraph();
        assertThat(graph.output().shape()).isEqualTo(Shape.of(CONTEXT, 70_100));
        assertThat(model.vocabulary()).isNull();
        assertThat(model.hasOutputPerPosition()).isTrue();
        assertThat(ModelSpec.parse(model.toJson(), "again")).isEqualTo(model);
        windows(text, true).all().requireFits(graph);
        // what is there stays
        ModelSpec more = model("\"rows\": 70200").withIds(70_200);
        windows(text, true).all().requireFits(more.toGraph());

        for (int rows : new int[] {70_099, 71_124}) {
            ModelSpec other = model("\"vocabulary\": true").withIds(rows);
            assertThatThrownBy(() -> windows(text, true).all().requireFits(other.toGraph()))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("the tokeniser has 70100 tokens, the model's table " + rows + " rows");
        }
    }

    @Test
    void idsOfATokeniserAreBelowWhatItSays() throws IOException {
        Path file = Files.writeString(folder.resolve("t"), "abc");
        for (int wrong : new int[] {-1, 9}) {
            assertThatThrownBy(() -> TextData.read(List.of(file), text -> new int[] {wrong}, 9))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("the tokeniser gives id " + wrong + " and says that it has 9");
        }
        assertThatThrownBy(() -> TextData.read(List.of(file), text -> new int[0], 9))
                .hasMessageContaining("the text is empty");
        TextData short5 = numbered(5);
        assertThatThrownBy(() -> windows(short5, true))
                .hasMessageContaining("5 tokens, a context of 5 needs at least 6");
    }
}
