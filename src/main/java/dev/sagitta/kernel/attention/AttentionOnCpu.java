package dev.sagitta.kernel.attention;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import java.util.Map;

/** Groups of attention/attention.cpu.cl, a work-item each, and its pool of local memory. A group takes every so many of the pieces of work. */
final class AttentionOnCpu {
    /** Fewer rows of a head are not worth packing the keys for. */
    static final int LEAST_ROWS = 48;

    /** Floats of the pool: blocks of 128 by 128 with all operands of a tangent's gradient, half of a large L2 cache. */
    private static final int POOL = 196608;

    /** Blocks of 16 by 16 of the widest heads. */
    private static final int LEAST_POOL = 77824;

    /** More groups than this only repeat what starts one. */
    private static final int GROUPS_PER_CORE = 64;

    /** Of delta: enough to fill the cores evenly. */
    private static final int DELTA_PER_CORE = 4;

    private static final int DELTA_ROWS = 64;

    private AttentionOnCpu() {}

    static Map<String, String> defines(Device device) {
        long floats = device.info().localMemoryBytes() / Float.BYTES / 64 * 64;
        if (floats < LEAST_POOL) {
            return Map.of("ATTENTION_POOL", Integer.toString(LEAST_POOL), "ATTENTION_PRIVATE", "1");
        }
        return Map.of("ATTENTION_POOL", Long.toString(Math.min(floats, POOL)));
    }

    /** A group for each of {@code whole}; where those are fewer than the cores, each is cut, into {@code most} at most. */
    static Geometry pieces(Device device, long whole, long most) {
        int cores = device.info().computeUnits();
        long cut = whole >= cores ? 1 : Math.min(most, (cores + whole - 1) / whole);
        return Geometry.linear(Math.min(whole * cut, (long) cores * GROUPS_PER_CORE), 1);
    }

    /** Groups of curvature, whatever the copies. */
    static long sums(Device device, AttentionProblem p) {
        int cores = device.info().computeUnits();
        return Math.min(Math.max(p.batch() * (long) p.kvHeads(), cores), (long) cores * GROUPS_PER_CORE);
    }

    static Geometry delta(Device device, long rows) {
        long groups = Math.max(1, Math.min(rows / DELTA_ROWS, (long) device.info().computeUnits() * DELTA_PER_CORE));
        return Geometry.linear(groups, 1);
    }
}
