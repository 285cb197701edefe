package dev.sagitta.kernel;

import dev.sagitta.tensor.Tensor;

/** Scratch memory of the loss kernels: a scale, then one sum per work-group and probe. Its layout stands in the headers of the kernels. */
public final class LossWorkspace {
    /** Most work-groups in x of a loss kernel. */
    public static final int MAX_GROUPS = 1024;

    /** Floats before the first sum: {@code GROUP_PARTIALS} of the kernels. */
    private static final int PARTIALS = 16;

    /** Metrics keep two 64-bit counts and a sum per group. */
    private static final int METRIC_FLOATS = 5;

    private LossWorkspace() {}

    /** @param units rows or elements, whatever the kernel hands out to groups */
    public static long bytes(long units, long probes) {
        long groups = Math.max(1, Math.min(MAX_GROUPS, units));
        return 4 * Math.addExact(PARTIALS, Math.multiplyExact(groups, Math.max(METRIC_FLOATS, probes)));
    }

    public static void check(Checks checks, Tensor workspace, long units, long probes) {
        long needed = bytes(units, probes);
        checks.require(
                workspace.bytes() >= needed,
                workspace + " has " + workspace.bytes() + " bytes, expected at least " + needed
                        + "; ask workspaceBytes for the size");
    }
}
