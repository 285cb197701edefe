package dev.sagitta.device;

/** A driver call failed, or the engine was asked for something that the device cannot do. The message names call, value and remedy. */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DeviceException(String message) {
        super(message);
    }

    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }

    /** The same error, saying where it happened. */
    public DeviceException in(String where) {
        return new DeviceException(where + ": " + getMessage(), this);
    }
}
