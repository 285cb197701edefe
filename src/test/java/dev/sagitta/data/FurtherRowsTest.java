package dev.sagitta.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Values of further inputs go with their rows through every way of choosing some. */
final class FurtherRowsTest {
    /** Row i has the id i, the label i and the weight i / 2 twice. */
    private static DataSet numbered(int from, int count, boolean weights) {
        int[] ids = new int[count];
        float[] values = new float[2 * count];
        for (int i = 0; i < count; i++) {
            ids[i] = from + i;
            values[2 * i] = (from + i) / 2f;
            values[2 * i + 1] = -values[2 * i];
        }
        DataSet rows =
                DataSet.of(HostTensor.of("x", Shape.of(count, 1), ids), HostTensor.of("y", Shape.of(count), ids));
        return weights ? rows.with("weights", HostTensor.of("w", Shape.of(count, 2), values)) : rows;
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
    }

    private static void matches(DataSet data, int... rows) {
        ByteBuffer inputs = buffer(data.inputBytes(rows.length));
        ByteBuffer targets = buffer(data.targetBytes(rows.length));
        ByteBuffer weights = buffer(8 * rows.length);
        data.batch(rows, 0, rows.length, inputs, targets);
        data.batch("weights", 2, rows, 0, rows.length, weights);
        for (int i = 0; i < rows.length; i++) {
            int id = inputs.getInt(4 * i);
            assertThat(targets.getInt(4 * i)).isEqualTo(id);
            assertThat(weights.getFloat(8 * i)).isEqualTo(id / 2f);
            assertThat(weights.getFloat(8 * i + 4)).isEqualTo(-id / 2f);
        }
    }

    @Test
    void ofJoinedSets() {
        DataSet joined = new JoinedRows("both", numbered(0, 3, true), numbered(3, 4, true));
        assertThat(joined.hasFurther("weights")).isTrue();
        matches(joined, 0, 6, 2, 3);
        ByteBuffer inputs = buffer(joined.inputBytes(7));
        joined.batch(0, 7, inputs, buffer(joined.targetBytes(7)));
        assertThat(inputs.getInt(4 * 6)).isEqualTo(6);
        assertThat(new JoinedRows("both", numbered(0, 3, true), numbered(3, 4, false)).hasFurther("weights"))
                .isFalse();
    }

    @Test
    void ofPartsAndSamples() {
        DataSet all = numbered(0, 50, true);
        DataSet.Split split = all.split(1);
        assertThat(split.train().hasFurther("weights")).isTrue();
        matches(split.train(), 0, 7, 44);
        matches(split.heldOut(), 4, 0);
        matches(all.sample(10, 2, "rows/test"), 9, 3, 0);
        // lengths and types are known where nothing brings them
        ByteBuffer values = buffer(8);
        numbered(0, 2, false).batch(DataSet.LENGTHS, 1, new int[] {0, 1}, 0, 2, values);
        assertThat(values.getInt(4)).isEqualTo(1);
    }
}
