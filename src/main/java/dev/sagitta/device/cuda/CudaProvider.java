package dev.sagitta.device.cuda;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceLibrary;
import dev.sagitta.device.DeviceProvider;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;

/** CUDA devices in the driver's order, which CUDA_VISIBLE_DEVICES changes. */
public final class CudaProvider implements DeviceProvider {
    private static final String REMEDY =
            "install NVIDIA's driver, which brings libcuda.so.1; in a container, pass the GPU in (docker run --gpus all)";

    @Override
    public String prefix() {
        return "cuda";
    }

    @Override
    public Discovery discover() {
        if (Cuda.PROBLEM != null) {
            return Discovery.unusable("CUDA", Cuda.PROBLEM, REMEDY);
        }
        try {
            int count = count();
            if (count == 0) {
                return Discovery.none("the CUDA driver has no device", "check nvidia-smi and CUDA_VISIBLE_DEVICES");
            }
            List<DeviceInfo> infos = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                infos.add(CudaInfo.read("cuda:" + i, device(i)));
            }
            return Discovery.found(infos);
        } catch (RuntimeException | LinkageError e) {
            return Discovery.unusable("CUDA", String.valueOf(e.getMessage()), REMEDY);
        }
    }

    @Override
    public Device open(int index) {
        if (Cuda.PROBLEM != null) {
            throw Discovery.unusable("CUDA", Cuda.PROBLEM, REMEDY).error("cuda:" + index);
        }
        CUdevice device = device(index);
        return CudaDevice.create(CudaInfo.read("cuda:" + index, device), device);
    }

    @Override
    public List<DeviceLibrary> libraries() {
        return Cuda.PROBLEM == null ? List.of(CublasLibrary.describe(), CublasLt.describe(), Nvrtc.LIBRARY) : List.of();
    }

    private static int count() {
        int[] count = new int[1];
        Cuda.check(JCudaDriver.cuDeviceGetCount(count), "cuDeviceGetCount");
        return count[0];
    }

    private static CUdevice device(int index) {
        CUdevice device = new CUdevice();
        Cuda.check(JCudaDriver.cuDeviceGet(device, index), "cuDeviceGet " + index);
        return device;
    }
}
