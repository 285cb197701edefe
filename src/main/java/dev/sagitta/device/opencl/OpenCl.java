package dev.sagitta.device.opencl;

import dev.sagitta.device.DeviceException;
import dev.sagitta.device.NativeBindings;
import org.jocl.CL;

/** JOCL, loaded once, and the return codes of its calls. */
final class OpenCl {
    /** Why it cannot be used, or null. */
    static final String PROBLEM = load();

    private OpenCl() {}

    private static String load() {
        try {
            NativeBindings.load(() -> CL.clGetPlatformIDs(0, null, new int[1]));
            return null;
        } catch (LinkageError | RuntimeException e) {
            return firstLine(e);
        }
    }

    static String firstLine(Throwable error) {
        return String.valueOf(error.getMessage())
                .lines()
                .findFirst()
                .orElse(error.toString())
                .strip();
    }

    static void check(int status, String call) {
        if (status != CL.CL_SUCCESS) {
            throw new DeviceException(call + " failed: " + name(status));
        }
    }

    static String name(int status) {
        return CL.stringFor_errorCode(status);
    }

    static boolean isOutOfMemory(int status) {
        return status == CL.CL_MEM_OBJECT_ALLOCATION_FAILURE
                || status == CL.CL_OUT_OF_RESOURCES
                || status == CL.CL_OUT_OF_HOST_MEMORY
                || status == CL.CL_INVALID_BUFFER_SIZE;
    }
}
