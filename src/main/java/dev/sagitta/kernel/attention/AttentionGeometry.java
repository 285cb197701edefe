package dev.sagitta.kernel.attention;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Work;
import java.util.Map;

/** Work-groups of the passes of attention: a tile of queries or keys and a chunk of the result's columns each. */
final class AttentionGeometry {
    /** {@code ATTENTION_TILE} of the kernels. */
    static final int TILE = 64;

    /** {@code ATTENTION_COPIES}: probes for which a group of {@code curvature} makes a tile of probabilities once. */
    static final int COPIES = 8;

    /** Groups of {@code curvature} on each multiprocessor, twice as many as run at once: fewer, and probes share less. */
    private static final int ENOUGH = 4;

    /** Work-items that share a row of {@code delta}. */
    private static final int LANES = 16;

    private AttentionGeometry() {}

    static Map<String, String> defines(Device device) {
        if (Work.onCpu(device)) {
            return AttentionOnCpu.defines(device);
        }
        return Map.of("ATTENTION_TILE", Integer.toString(TILE), "ATTENTION_COPIES", Integer.toString(COPIES));
    }

    /** Groups that have rows of queries each. */
    static long byRows(AttentionProblem p, int copies) {
        return Math.multiplyExact(copies * p.batch() * (long) p.heads(), tiles(p.t()) * tiles(p.d()));
    }

    /** Groups that have keys and values each. */
    static long byKeys(AttentionProblem p, int copies) {
        return Math.multiplyExact(copies * p.batch() * (long) p.kvHeads(), tiles(p.s()) * tiles(p.d()));
    }

    private static long tiles(long extent) {
        return Work.ceil(extent, TILE);
    }

    static Geometry rows(Device device, AttentionProblem p, int copies) {
        if (Work.onCpu(device)) {
            return AttentionOnCpu.pieces(
                    device, p.batch() * (long) p.heads(), Work.ceil(p.t(), AttentionOnCpu.LEAST_ROWS));
        }
        return Geometry.linear(byRows(p, copies), Work.GROUP);
    }

    static Geometry both(Device device, AttentionProblem p, int copies, boolean rows, boolean keys) {
        if (Work.onCpu(device)) {
            return AttentionOnCpu.pieces(device, p.batch() * (long) p.kvHeads(), copies);
        }
        return Geometry.linear((rows ? byRows(p, copies) : 0) + (keys ? byKeys(p, copies) : 0), Work.GROUP);
    }

    static Geometry delta(Device device, long rows) {
        if (Work.onCpu(device)) {
            return AttentionOnCpu.delta(device, rows);
        }
        return Geometry.linear(Work.ceil(rows, Work.GROUP / LANES), Work.GROUP);
    }

    /** Groups whose sums {@code curvature} leaves for each copy. */
    static long sums(Device device, AttentionProblem p) {
        if (Work.onCpu(device)) {
            return AttentionOnCpu.sums(device, p);
        }
        return p.batch() * p.heads() * tiles(p.t());
    }

    static Geometry curvature(Device device, AttentionProblem p, int copies) {
        if (Work.onCpu(device)) {
            return Geometry.linear(sums(device, p), 1);
        }
        long groups = sums(device, p);
        long wanted = Work.ceil(ENOUGH * (long) device.info().computeUnits(), groups);
        long share = Math.min(COPIES, Work.ceil(copies, Math.min(copies, wanted)));
        return Geometry.of(groups, Work.ceil(copies, share), 1, Work.GROUP, 1);
    }
}
