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
 * The positions of each id, ascending: what {@link EmbeddingScatter} reads. Once per batch of ids is enough. Ids out of range are left out.
 *
 * @param ids i32, n elements of any shape, n &lt; 2^31
 * @param workspace at least {@link #workspaceBytes}: i32 [V + 1] bounds, then the n positions, then scratch
 * @param rows V, of the table
 */
public record EmbeddingSort(Tensor ids, Tensor workspace, long rows) implements HandDescriptor {
    /** {@code EMBEDDING_RANGE} of the kernels. */
    static final int RANGE = 2048;

    private static final int GROUPS = 256;

    /** {@code EMBEDDING_SORT} of the CUDA kernel, and about one such group for every multiprocessor: each reads all ids. */
    private static final int CUDA_GROUP = 1024;

    private static final int CUDA_GROUPS = 128;

    public static long workspaceBytes(long n, long rows) {
        return Math.addExact(resultBytes(n, rows), Math.multiplyExact(4, n));
    }

    /** Of the workspace, bounds and positions. */
    static long resultBytes(long n, long rows) {
        return Math.multiplyExact(4, Math.addExact(Math.addExact(rows, n), 1));
    }

    @Override
    public String file() {
        return "embedding";
    }

    @Override
    public String entry() {
        return "embedding_sort_i32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device, "EMBEDDING_RANGE", EmbeddingSort.RANGE);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry()).dtype(ids, DType.I32).fitsInt(ids);
        checks.require(
                rows >= 1 && rows <= Integer.MAX_VALUE,
                "a table of " + rows + " rows; ids are 32 bits: expected 1 to 2^31 - 1");
        long needed = workspaceBytes(ids.elements(), rows);
        checks.require(
                workspace.bytes() >= needed,
                workspace + " has " + workspace.bytes() + " bytes, expected at least " + needed
                        + "; ask workspaceBytes for the size");
    }

    @Override
    public Geometry geometry(Device device) {
        return geometry(device.kind());
    }

    Geometry geometry(DeviceKind kind) {
        if (kind == DeviceKind.OPENCL_CPU) {
            return Geometry.linear(1, 1);
        }
        boolean cuda = kind == DeviceKind.CUDA;
        long groups = Math.max(Math.min(rows, cuda ? CUDA_GROUPS : GROUPS), (rows + RANGE - 1) / RANGE);
        return Geometry.linear(groups, cuda ? CUDA_GROUP : Work.GROUP);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(ids.buffer())
                .buffer(workspace.buffer())
                .i64(ids.elements())
                .i64(rows);
    }

    @Override
    public long bytes() {
        return ids.bytes() + resultBytes(ids.elements(), rows);
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
