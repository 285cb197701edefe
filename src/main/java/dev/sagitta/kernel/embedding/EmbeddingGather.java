package dev.sagitta.kernel.embedding;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * y[k, i] = table[k, id[i]]. An id out of range gives a row of NaN.
 *
 * @param table f32 [K, V, D]
 * @param ids i32, n elements of any shape
 * @param y f32 [K, n, D]
 */
public record EmbeddingGather(Tensor table, Tensor ids, Tensor y) implements HandDescriptor {
    /** Elements of a row that one lane copies at once on CUDA: four accesses of 16 bytes. */
    private static final int PER_LANE = 16;

    public static EmbeddingGather of(Tensor table, Tensor ids, Tensor y) {
        return new EmbeddingGather(table, ids, y);
    }

    @Override
    public String file() {
        return "embedding";
    }

    @Override
    public String entry() {
        return "embedding_gather_f32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device, "EMBEDDING_RANGE", EmbeddingSort.RANGE);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry())
                .dtype(table, DType.F32)
                .dtype(ids, DType.I32)
                .dtype(y, DType.F32);
        checks.require(table.shape().rank() == 3, table + " must be [tables, rows, width]; reshape it");
        checks.require(table.elements() > 0, table + " is empty; a table needs rows and a width");
        checks.shape(y, table.shape().extent(0), ids.elements(), table.shape().extent(2));
    }

    @Override
    public Geometry geometry(Device device) {
        long width = table.shape().extent(2);
        long perRow = device.kind() == DeviceKind.CUDA ? Work.ceil(width, PER_LANE) : width;
        return Work.rows(device, ids.elements(), perRow, table.shape().extent(0));
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(table.buffer())
                .buffer(ids.buffer())
                .buffer(y.buffer())
                .i64(ids.elements())
                .i64(table.shape().extent(1))
                .i64(table.shape().extent(2))
                .i64(table.shape().extent(0));
    }

    /** The rows that are read, not the table: each once per id. */
    @Override
    public long bytes() {
        return ids.bytes() + 2 * y.bytes();
    }

    @Override
    public long flops() {
        return 0;
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
