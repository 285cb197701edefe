package dev.sagitta.kernel;

/**
 * Sums that the work-groups of one kernel leave in a workspace and a finishing kernel adds up in their order: a scale, then one sum per
 * work-group and probe. The layout stands in the headers of the kernels.
 */
public final class GroupSums {
    /** Most work-groups in x of a kernel that leaves its sums so. */
    public static final int MOST = 1024;

    /** Floats before the first sum: {@code GROUP_PARTIALS} of the kernels. */
    private static final int BEFORE = 16;

    /** Metrics keep two 64-bit counts and a sum per group. */
    private static final int METRIC_FLOATS = 5;

    private GroupSums() {}

    /**
     * Bytes of a workspace.
     *
     * @param units rows or elements, whatever the kernel hands out to groups
     */
    public static long bytes(long units, long probes) {
        long groups = Math.max(1, Math.min(MOST, units));
        return 4 * Math.addExact(BEFORE, Math.multiplyExact(groups, Math.max(METRIC_FLOATS, probes)));
    }
}
