package dev.sagitta.device.opencl;

import dev.sagitta.device.DeviceException;
import org.jocl.CL;

/** Return codes of OpenCL calls. */
final class OpenCl {
    private OpenCl() {}

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
