package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;

/** Geometry of kernels that go through memory from end to end: on a CPU few long pieces, elsewhere 256 work-items to a group. */
public final class Pieces {
    private static final int BLOCK = 256;
    /** Pieces per core: enough that a core that was interrupted does not hold up the rest. */
    private static final int PER_CORE = 8;
    /** Elements below which a second piece costs more than it saves. */
    private static final long PIECE_ELEMENTS = 16_384;

    private Pieces() {}

    /**
     * @param units what a CPU's pieces consist of
     * @param unitElements elements of one
     * @param workItems on every other device
     */
    public static Geometry geometry(Device device, long units, long unitElements, long workItems) {
        if (device.kind() == DeviceKind.OPENCL_CPU) {
            long useful = units / Math.max(1, PIECE_ELEMENTS / unitElements);
            return Geometry.linear(
                    Math.max(1, Math.min(useful, (long) PER_CORE * device.info().computeUnits())), 1);
        }
        return Geometry.linear(Math.max(1, (workItems + BLOCK - 1) / BLOCK), BLOCK);
    }
}
