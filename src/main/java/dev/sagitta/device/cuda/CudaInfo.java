package dev.sagitta.device.cuda;

import static jcuda.driver.CUdevice_attribute.*;

import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceKind;
import java.nio.charset.StandardCharsets;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;

/** Device queries. */
final class CudaInfo {
    private CudaInfo() {}

    static DeviceInfo read(String id, CUdevice device) {
        long[] memory = new long[1];
        Cuda.check(JCudaDriver.cuDeviceTotalMem(memory, device), "cuDeviceTotalMem");
        int[] version = new int[1];
        Cuda.check(JCudaDriver.cuDriverGetVersion(version), "cuDriverGetVersion");
        return new DeviceInfo(
                id,
                DeviceKind.CUDA,
                name(device),
                "CUDA " + version[0] / 1000 + "." + version[0] % 1000 / 10,
                "sm_" + computeCapability(device),
                memory[0],
                memory[0],
                attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
                attribute(device, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK));
    }

    /** 80, 90, 120. */
    static int computeCapability(CUdevice device) {
        return 10 * attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
                + attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    }

    static int attribute(CUdevice device, int which) {
        int[] value = new int[1];
        Cuda.check(JCudaDriver.cuDeviceGetAttribute(value, which, device), "cuDeviceGetAttribute(" + which + ")");
        return value[0];
    }

    static String pciBusId(CUdevice device) {
        String[] id = new String[1];
        Cuda.check(JCudaDriver.cuDeviceGetPCIBusId(id, 64, device), "cuDeviceGetPCIBusId");
        return id[0];
    }

    private static String name(CUdevice device) {
        byte[] text = new byte[256];
        Cuda.check(JCudaDriver.cuDeviceGetName(text, text.length, device), "cuDeviceGetName");
        int length = 0;
        while (length < text.length && text[length] != 0) {
            length++;
        }
        return new String(text, 0, length, StandardCharsets.UTF_8).strip();
    }
}
