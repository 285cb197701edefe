package dev.sagitta.device;

/** A kernel did not compile or load. The message holds the file, the options and the compiler's log. */
public final class KernelBuildException extends DeviceException {
    private static final long serialVersionUID = 1L;

    public KernelBuildException(String message) {
        super(message);
    }

    @Override
    public KernelBuildException in(String where) {
        KernelBuildException placed = new KernelBuildException(where + ": " + getMessage());
        placed.initCause(this);
        return placed;
    }
}
