package dev.sagitta.kernel.embedding;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/**
 * dtable[k, v] = sum of dy[k, i] over the i with id[i] = v, in order of i: the same bits every time. Rows without an id become 0; with
 * {@code accumulate} the sum is added to what stands there. Ids out of range scatter nothing.
 *
 * @param ids i32, n elements of any shape, or null: the workspace holds the result of an {@link EmbeddingSort} of the same ids
 * @param dy f32 [K, n, D]
 * @param dtable f32 [K, V, D]
 * @param workspace at least {@link #workspaceBytes}
 */
public record EmbeddingScatter(Tensor ids, Tensor dy, Tensor dtable, Tensor workspace, boolean accumulate)
        implements HandDescriptor {
    /** Lanes of a row at most, and its elements that one lane adds up on CUDA: one access of 16 bytes. */
    private static final int WARP = 32;

    private static final int PER_LANE = 4;

    private static final int MAX_SLICES = 65_535;

    public static long workspaceBytes(long n, long rows) {
        return EmbeddingSort.workspaceBytes(n, rows);
    }

    /** Sorts the ids first: two launches. */
    public static EmbeddingScatter of(Tensor ids, Tensor dy, Tensor dtable, Tensor workspace, boolean accumulate) {
        return new EmbeddingScatter(ids, dy, dtable, workspace, accumulate);
    }

    /** For ids that an {@link EmbeddingSort} has sorted into {@code workspace}: one launch. */
    public static EmbeddingScatter sorted(Tensor dy, Tensor dtable, Tensor workspace, boolean accumulate) {
        return new EmbeddingScatter(null, dy, dtable, workspace, accumulate);
    }

    @Override
    public String file() {
        return "embedding";
    }

    @Override
    public String entry() {
        return "embedding_scatter_f32";
    }

    private long n() {
        return dy.shape().extent(1);
    }

    private long rows() {
        return dtable.shape().extent(1);
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device, "EMBEDDING_RANGE", EmbeddingSort.RANGE);
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry()).dtype(dy, DType.F32).dtype(dtable, DType.F32);
        checks.require(dtable.shape().rank() == 3, dtable + " must be [tables, rows, width]; reshape it");
        checks.require(dtable.elements() > 0, dtable + " is empty; a table needs rows and a width");
        checks.require(dy.shape().rank() == 3, dy + " must be [tables, ids, width]; reshape it");
        checks.shape(dy, dtable.shape().extent(0), n(), dtable.shape().extent(2));
        if (ids != null) {
            checks.dtype(ids, DType.I32).elements(ids, n());
        }
        long needed = workspaceBytes(n(), rows());
        checks.require(
                workspace.bytes() >= needed,
                workspace + " has " + workspace.bytes() + " bytes, expected at least " + needed
                        + "; ask workspaceBytes for the size");
    }

    @Override
    public Geometry geometry(Device device) {
        long width = dtable.shape().extent(2);
        if (device.kind() != DeviceKind.CUDA) {
            return Work.rows(device, rows(), width, dtable.shape().extent(0));
        }
        long lanes = Math.min(WARP, Work.ceil(width, PER_LANE));
        long slices = Math.min(MAX_SLICES, Work.ceil(width, WARP * PER_LANE));
        Geometry flat = Work.rows(device, rows(), lanes, dtable.shape().extent(0));
        return Geometry.of(flat.gridX(), flat.gridY(), slices, flat.blockX(), flat.blockY());
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(dy.buffer())
                .buffer(workspace.buffer())
                .buffer(dtable.buffer())
                .i64(n())
                .i64(rows())
                .i64(dtable.shape().extent(2))
                .i64(dtable.shape().extent(0))
                .i32(accumulate ? 1 : 0);
    }

    @Override
    public Step prepare(Device device) {
        check();
        Step scatter = HandDescriptor.super.prepare(device);
        return ids == null
                ? scatter
                : Step.sequence(List.of(new EmbeddingSort(ids, workspace, rows()).prepare(device), scatter));
    }

    @Override
    public long bytes() {
        return dy.bytes() + dtable.bytes() + EmbeddingSort.resultBytes(n(), rows());
    }

    @Override
    public long flops() {
        return dy.elements();
    }
}
