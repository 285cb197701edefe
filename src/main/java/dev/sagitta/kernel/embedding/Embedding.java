package dev.sagitta.kernel.embedding;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** Rows of a table by number, and the reverse, for K tables [V, D] at once. */
public final class Embedding {
    /** {@code EMBEDDING_RANGE} of the kernels. */
    private static final int RANGE = 2048;

    private static final String TABLES = "[tables, rows, width]";

    private Embedding() {}

    public static Gather gather(Tensor table, Tensor ids, Tensor y) {
        return new Gather(table, ids, y);
    }

    /** Sorts the ids first: two launches. */
    public static Scatter scatter(Tensor ids, Tensor dy, Tensor dtable, Tensor workspace, boolean accumulate) {
        return new Scatter(ids, dy, dtable, workspace, accumulate);
    }

    /** For ids that {@link #sort} has sorted into {@code workspace}: one launch. */
    public static Scatter sorted(Tensor dy, Tensor dtable, Tensor workspace, boolean accumulate) {
        return new Scatter(null, dy, dtable, workspace, accumulate);
    }

    public static Sort sort(Tensor ids, Tensor workspace, long rows) {
        return new Sort(ids, workspace, rows);
    }

    /** Of {@link #scatter} and {@link #sort}, for n ids and a table of so many rows. */
    public static long workspaceBytes(long n, long rows) {
        return Math.addExact(resultBytes(n, rows), Math.multiplyExact(4, n));
    }

    /** Of the workspace, bounds and positions. */
    private static long resultBytes(long n, long rows) {
        return Math.multiplyExact(4, Math.addExact(Math.addExact(rows, n), 1));
    }

    private interface Entry extends Descriptor {
        @Override
        default Map<String, String> defines(Device device) {
            return Work.defines(device, "EMBEDDING_RANGE", RANGE);
        }
    }

    /**
     * y[k, i] = table[k, id[i]]. An id out of range gives a row of NaN.
     *
     * @param table f32 [K, V, D]
     * @param ids i32, n elements of any shape
     * @param y f32 [K, n, D]
     */
    public record Gather(Tensor table, Tensor ids, Tensor y) implements Entry {
        /** Elements of a row that one lane copies at once on CUDA: four accesses of 16 bytes. */
        private static final int PER_LANE = 16;

        @Override
        public Signature signature() {
            Signature s = Signature.of("embedding_gather_f32")
                    .in("table", table, DType.F32)
                    .rank(3, TABLES)
                    .require(table.elements() > 0, table + " is empty; a table needs rows and a width")
                    .in("ids", ids, DType.I32);
            long k = table.shape().extent(0);
            long n = ids.elements();
            long d = table.shape().extent(2);
            return s.out("y", y, DType.F32, k, n, d)
                    .i64("n", n)
                    .i64("v", table.shape().extent(1))
                    .i64("d", d)
                    .i64("probes", k)
                    // the rows that are read, not the table: each once per id
                    .bytes(ids.bytes() + 2 * y.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            long width = table.shape().extent(2);
            long perRow = device.kind() == DeviceKind.CUDA ? Work.ceil(width, PER_LANE) : width;
            return Work.rows(device, ids.elements(), perRow, table.shape().extent(0));
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    /**
     * The positions of each id, ascending: what {@link Scatter} reads. Once per batch of ids is enough. Ids out of range are left out.
     *
     * @param ids i32, n elements of any shape, n &lt; 2^31
     * @param workspace at least {@link #workspaceBytes}: i32 [V + 1] bounds, then the n positions, then scratch
     * @param rows V, of the table
     */
    public record Sort(Tensor ids, Tensor workspace, long rows) implements Entry {
        private static final int GROUPS = 256;

        /** {@code EMBEDDING_SORT} of the CUDA kernel, and about one such group for every multiprocessor: each reads all ids. */
        private static final int CUDA_GROUP = 1024;

        private static final int CUDA_GROUPS = 128;

        @Override
        public Signature signature() {
            Signature s = Signature.of("embedding_sort_i32")
                    .in("ids", ids, DType.I32)
                    .fitsInt()
                    .require(
                            rows >= 1 && rows <= Integer.MAX_VALUE,
                            "a table of " + rows + " rows; ids are 32 bits: expected 1 to 2^31 - 1");
            long n = ids.elements();
            return s.scratch("workspace", workspace, DType.I32, workspaceBytes(n, rows))
                    .i64("n", n)
                    .i64("v", rows)
                    .bytes(ids.bytes() + resultBytes(n, rows));
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(1, 1);
            }
            boolean cuda = device.kind() == DeviceKind.CUDA;
            long groups = Math.max(Math.min(rows, cuda ? CUDA_GROUPS : GROUPS), Work.ceil(rows, RANGE));
            return Geometry.linear(groups, cuda ? CUDA_GROUP : Work.GROUP);
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    /**
     * dtable[k, v] = sum of dy[k, i] over the i with id[i] = v, in order of i: the same bits every time. Rows without an id become 0; with
     * {@code accumulate} the sum is added to what stands there. Ids out of range scatter nothing.
     *
     * @param ids i32, n elements of any shape, or null: the workspace holds the result of a {@link Sort} of the same ids
     * @param dy f32 [K, n, D]
     * @param dtable f32 [K, V, D]
     * @param workspace at least {@link #workspaceBytes}
     */
    public record Scatter(Tensor ids, Tensor dy, Tensor dtable, Tensor workspace, boolean accumulate) implements Entry {
        /** Lanes of a row at most, and its elements that one lane adds up on CUDA: one access of 16 bytes. */
        private static final int WARP = 32;

        private static final int PER_LANE = 4;

        private long rows() {
            return dtable.shape().extent(1);
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("embedding_scatter_f32")
                    .present("dtable", dtable)
                    .require(dtable.shape().rank() == 3, dtable + " must be " + TABLES + "; reshape it")
                    .require(dtable.elements() > 0, dtable + " is empty; a table needs rows and a width")
                    .in("dy", dy, DType.F32)
                    .rank(3, "[tables, ids, width]");
            long k = dtable.shape().extent(0);
            long n = dy.shape().extent(1);
            long d = dtable.shape().extent(2);
            s.exactly(k, n, d);
            return s.inOrNull("ids", ids, DType.I32)
                    .elements(n)
                    .ofAnotherLaunch()
                    .scratch("workspace", workspace, DType.I32, workspaceBytes(n, rows()))
                    .out("dtable", dtable, DType.F32)
                    .i64("n", n)
                    .i64("v", rows())
                    .i64("d", d)
                    .i64("probes", k)
                    .i32("accumulate", accumulate ? 1 : 0)
                    .bytes(dy.bytes() + dtable.bytes() + resultBytes(n, rows()));
        }

        @Override
        public Geometry geometry(Device device) {
            long width = dtable.shape().extent(2);
            if (device.kind() != DeviceKind.CUDA) {
                return Work.rows(device, rows(), width, dtable.shape().extent(0));
            }
            long lanes = Math.min(WARP, Work.ceil(width, PER_LANE));
            long slices = Math.min(Work.MOST_ACROSS, Work.ceil(width, WARP * PER_LANE));
            Geometry flat = Work.rows(device, rows(), lanes, dtable.shape().extent(0));
            return Geometry.of(flat.gridX(), flat.gridY(), slices, flat.blockX(), flat.blockY());
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return ids == null ? List.of(this) : List.of(new Sort(ids, workspace, rows()), this);
        }

        @Override
        public long flops() {
            return dy.elements();
        }
    }
}
