package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceKind;
import java.nio.charset.StandardCharsets;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_device_id;
import org.jocl.cl_mem;
import org.jocl.cl_platform_id;

/** Device queries. */
final class OpenClInfo {
    private OpenClInfo() {}

    static DeviceInfo read(String id, cl_device_id device, DeviceKind kind) {
        boolean gpu = (getLong(device, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_GPU) != 0;
        return new DeviceInfo(
                id,
                kind != null ? kind : gpu ? DeviceKind.OPENCL_GPU : DeviceKind.OPENCL_CPU,
                getString(device, CL_DEVICE_NAME),
                getString(device, CL_DRIVER_VERSION),
                getString(device, CL_DEVICE_VERSION),
                getLong(device, CL_DEVICE_GLOBAL_MEM_SIZE),
                getLong(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE),
                (int) getLong(device, CL_DEVICE_MAX_COMPUTE_UNITS),
                getLong(device, CL_DEVICE_LOCAL_MEM_SIZE),
                (int) getLong(device, CL_DEVICE_MAX_WORK_GROUP_SIZE));
    }

    /** Bit fields and sizes; 32-bit answers leave the upper half zero. */
    static long getLong(cl_device_id device, int what) {
        long[] value = new long[1];
        OpenCl.check(
                clGetDeviceInfo(device, what, Sizeof.cl_ulong, Pointer.to(value), null),
                "clGetDeviceInfo(" + what + ")");
        return value[0];
    }

    static String getString(cl_device_id device, int what) {
        long[] size = new long[1];
        OpenCl.check(clGetDeviceInfo(device, what, 0, null, size), "clGetDeviceInfo(" + what + ")");
        byte[] text = new byte[(int) size[0]];
        OpenCl.check(
                clGetDeviceInfo(device, what, text.length, Pointer.to(text), null), "clGetDeviceInfo(" + what + ")");
        return string(text);
    }

    static String name(cl_platform_id platform) {
        long[] size = new long[1];
        OpenCl.check(clGetPlatformInfo(platform, CL_PLATFORM_NAME, 0, null, size), "clGetPlatformInfo");
        byte[] text = new byte[(int) size[0]];
        OpenCl.check(
                clGetPlatformInfo(platform, CL_PLATFORM_NAME, text.length, Pointer.to(text), null),
                "clGetPlatformInfo");
        return string(text);
    }

    private static String string(byte[] text) {
        return new String(text, 0, Math.max(0, text.length - 1), StandardCharsets.UTF_8).strip();
    }

    /** Where a caller's CL_MEM_USE_HOST_PTR memory lies; 0 where the driver has allocated it. */
    static long hostAddress(cl_mem memory) {
        long[] address = new long[1];
        OpenCl.check(
                clGetMemObjectInfo(memory, CL_MEM_HOST_PTR, Sizeof.POINTER, Pointer.to(address), null),
                "clGetMemObjectInfo(CL_MEM_HOST_PTR)");
        return address[0];
    }
}
