package dev.sagitta.device;

import java.util.Optional;

/** Reads the energy counter and the clocks of an NVIDIA GPU through NVML. */
public final class EnergyMeter {
    private static final int CLOCK_SM = 1;
    private static final int CLOCK_MEMORY = 2;

    private final long handle;

    private EnergyMeter(long handle) {
        this.handle = handle;
    }

    /**
     * One look at the meter. Energy used by everything on the GPU between two readings is the difference of their {@code joules}; the
     * counter advances some tens of times a second, so the work between them should take seconds.
     *
     * @param joules since the driver was loaded
     * @param multiprocessorMegahertz now; -1 where the driver does not tell
     * @param memoryMegahertz now; -1 where the driver does not tell
     */
    public record Reading(double joules, int multiprocessorMegahertz, int memoryMegahertz) {}

    /** Empty where the device is not NVIDIA's, has no counter, or native/profiling was not built. */
    public static Optional<EnergyMeter> of(Device device) {
        String busId = device.pciBusId();
        if (busId.isEmpty() || !ProfilingLibrary.LOADED) {
            return Optional.empty();
        }
        long handle = open(busId);
        return handle == 0 || millijoules(handle) < 0 ? Optional.empty() : Optional.of(new EnergyMeter(handle));
    }

    public Reading read() {
        return new Reading(millijoules(handle) * 1e-3, megahertz(handle, CLOCK_SM), megahertz(handle, CLOCK_MEMORY));
    }

    private static native long open(String pciBusId);

    private static native long millijoules(long handle);

    private static native int megahertz(long handle, int clock);
}
