package dev.sagitta.device.opencl;

import static org.jocl.CL.*;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.DeviceProvider;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jocl.CL;
import org.jocl.cl_device_id;
import org.jocl.cl_platform_id;

/** OpenCL devices of every installed platform, GPUs first. */
public final class OpenClProvider implements DeviceProvider {
    private static final String REMEDY =
            "install an OpenCL runtime: your GPU vendor's, or PoCL for the CPU (Debian: apt-get install pocl-opencl-icd ocl-icd-libopencl1)";

    @Override
    public String prefix() {
        return "opencl";
    }

    @Override
    public Discovery discover() {
        if (OpenCl.PROBLEM != null) {
            return Discovery.unusable("OpenCL", OpenCl.PROBLEM, REMEDY);
        }
        try {
            List<cl_device_id> ids = deviceIds();
            if (ids.isEmpty()) {
                String cache = PoclCache.problem(System.getenv());
                return cache != null && platformNames().contains(PoclCache.PLATFORM)
                        ? Discovery.none("no OpenCL platform has a device: " + cache, PoclCache.remedy())
                        : Discovery.none("no OpenCL platform has a device", REMEDY);
            }
            List<DeviceInfo> infos = new ArrayList<>();
            for (int i = 0; i < ids.size(); i++) {
                infos.add(OpenClInfo.read("opencl:" + i, ids.get(i), null));
            }
            return Discovery.found(infos);
        } catch (LinkageError | RuntimeException e) {
            return Discovery.unusable("OpenCL", OpenCl.firstLine(e), REMEDY);
        }
    }

    @Override
    public Device open(int index) {
        return open(index, null, file -> "");
    }

    /**
     * Opens a device with the kernel variants of another kind: how the GPU variants are tested on a CPU.
     *
     * @param kind {@code OPENCL_GPU}, {@code OPENCL_CPU}, or null for the device's own
     * @param moreOptions for the kernels' compiler besides Sagitta's own, by kernel file, as {@code gemm}
     */
    public static OpenClDevice open(int index, DeviceKind kind, UnaryOperator<String> moreOptions) {
        if (OpenCl.PROBLEM != null) {
            throw Discovery.unusable("OpenCL", OpenCl.PROBLEM, REMEDY).error("opencl:" + index);
        }
        List<cl_device_id> ids = deviceIds();
        if (index >= ids.size()) {
            throw new DeviceException(
                    "device 'opencl:" + index + "': there are " + ids.size() + " OpenCL devices; " + REMEDY);
        }
        return OpenClDevice.create(
                OpenClInfo.read("opencl:" + index, ids.get(index), kind), ids.get(index), moreOptions);
    }

    private static cl_platform_id[] platforms() {
        int[] count = new int[1];
        int status = clGetPlatformIDs(0, null, count);
        // ICD loaders answer "no platform" with an error of their own
        if (status != CL_SUCCESS || count[0] == 0) {
            return new cl_platform_id[0];
        }
        cl_platform_id[] platforms = new cl_platform_id[count[0]];
        OpenCl.check(clGetPlatformIDs(platforms.length, platforms, null), "clGetPlatformIDs");
        return platforms;
    }

    private static List<String> platformNames() {
        return Arrays.stream(platforms()).map(OpenClInfo::name).toList();
    }

    private static List<cl_device_id> deviceIds() {
        int[] count = new int[1];
        List<cl_device_id> gpus = new ArrayList<>();
        List<cl_device_id> others = new ArrayList<>();
        for (cl_platform_id platform : platforms()) {
            if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, null, count) != CL_SUCCESS || count[0] == 0) {
                continue;
            }
            cl_device_id[] devices = new cl_device_id[count[0]];
            OpenCl.check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, devices.length, devices, null), "clGetDeviceIDs");
            for (cl_device_id device : devices) {
                boolean gpu = (OpenClInfo.getLong(device, CL.CL_DEVICE_TYPE) & CL_DEVICE_TYPE_GPU) != 0;
                (gpu ? gpus : others).add(device);
            }
        }
        gpus.addAll(others);
        return gpus;
    }
}
