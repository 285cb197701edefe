package dev.sagitta.device.cuda;

import dev.sagitta.device.DeviceException;
import dev.sagitta.device.DeviceLibrary;
import dev.sagitta.device.KernelBuildException;
import dev.sagitta.device.KernelText;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;
import jcuda.nvrtc.nvrtcResult;

/** The run-time compiler. */
final class Nvrtc {
    static final String REMEDY =
            "install NVRTC 12 or 13 (CUDA toolkit, or the Python package nvidia-cuda-nvrtc), or name the folder of libnvrtc.so.12 or"
                    + " .so.13 by -Dsagitta.nvrtc.dir or SAGITTA_NVRTC_DIR, or build the jar where nvcc is installed";

    /** The library, loaded when first asked for. */
    static final DeviceLibrary LIBRARY = NvrtcLibrary.load();

    /** Why it cannot be used, or null. */
    static final String PROBLEM = LIBRARY.problem();

    private Nvrtc() {}

    /** Machine code where this NVRTC knows the device, else PTX for the newest one it knows, which the driver translates. */
    static byte[] compile(String path, Map<String, String> defines, int computeCapability) {
        int newest = Arrays.stream(architectures())
                .filter(a -> a <= computeCapability)
                .max()
                .orElse(computeCapability);
        boolean known = newest == computeCapability;
        List<String> options = new ArrayList<>();
        // the a-suffix admits wgmma and its like; code made with it runs on exactly this architecture
        options.add("--gpu-architecture=" + (known ? "sm_" + newest + (newest == 90 ? "a" : "") : "compute_" + newest));
        options.add("--std=c++17");
        defines.forEach((name, value) -> options.add("-D" + name + "=" + value));
        nvrtcProgram program = new nvrtcProgram();
        check(
                JNvrtc.nvrtcCreateProgram(program, KernelText.read(path), path, 0, null, null),
                "nvrtcCreateProgram of " + path);
        try {
            int status = JNvrtc.nvrtcCompileProgram(program, options.size(), options.toArray(String[]::new));
            if (status != nvrtcResult.NVRTC_SUCCESS) {
                String[] log = new String[1];
                JNvrtc.nvrtcGetProgramLog(program, log);
                throw new KernelBuildException("kernel file '" + path + "' with options '" + String.join(" ", options)
                        + "' did not build: " + nvrtcResult.stringFor(status) + "\n" + log[0]);
            }
            return known ? machineCode(program) : ptx(program);
        } finally {
            JNvrtc.nvrtcDestroyProgram(program);
        }
    }

    private static byte[] machineCode(nvrtcProgram program) {
        long[] size = new long[1];
        check(JNvrtc.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
        byte[] code = new byte[Math.toIntExact(size[0])];
        check(JNvrtc.nvrtcGetCUBIN(program, code), "nvrtcGetCUBIN");
        return code;
    }

    private static byte[] ptx(nvrtcProgram program) {
        String[] text = new String[1];
        check(JNvrtc.nvrtcGetPTX(program, text), "nvrtcGetPTX");
        return (text[0] + "\0").getBytes(StandardCharsets.UTF_8);
    }

    private static int[] architectures() {
        int[] count = new int[1];
        check(JNvrtc.nvrtcGetNumSupportedArchs(count), "nvrtcGetNumSupportedArchs");
        int[] all = new int[count[0]];
        check(JNvrtc.nvrtcGetSupportedArchs(all), "nvrtcGetSupportedArchs");
        return all;
    }

    private static void check(int status, String call) {
        if (status != nvrtcResult.NVRTC_SUCCESS) {
            throw new DeviceException(call + " failed: " + nvrtcResult.stringFor(status));
        }
    }
}
