package dev.sagitta.device;

/** An allocation did not fit. The device stays usable; the message names the request, what is free and the largest holders. */
public final class OutOfDeviceMemoryException extends DeviceException {
    private static final long serialVersionUID = 1L;

    public OutOfDeviceMemoryException(String message) {
        super(message);
    }

    @Override
    public OutOfDeviceMemoryException in(String where) {
        OutOfDeviceMemoryException placed = new OutOfDeviceMemoryException(where + ": " + getMessage());
        placed.initCause(this);
        return placed;
    }
}
