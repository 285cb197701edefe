package dev.sagitta.device.cuda;

import dev.sagitta.device.DeviceException;
import dev.sagitta.device.NativeBindings;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The driver library, loaded once, and the return codes of its calls. */
final class Cuda {
    /** Why the driver cannot be used, or null. */
    static final String PROBLEM = load();

    private Cuda() {}

    private static String load() {
        try {
            int[] status = new int[1];
            NativeBindings.load(() -> status[0] = JCudaDriver.cuInit(0));
            return status[0] == CUresult.CUDA_SUCCESS ? null : "cuInit failed: " + name(status[0]);
        } catch (LinkageError e) {
            return problem(e);
        } catch (RuntimeException e) {
            // the program that we are linked into may have switched JCuda's exceptions on
            return "cuInit failed: " + e.getMessage();
        }
    }

    /** The line of JCuda's many that says what is missing. */
    static String problem(LinkageError error) {
        String text = String.valueOf(error.getMessage());
        return text.lines()
                .filter(line -> line.contains(".so"))
                .filter(line -> line.contains("cannot open") || line.contains("undefined") || line.contains("version"))
                .map(line -> line.replaceFirst("^.*?: (?=lib)", "").strip())
                .findFirst()
                .orElse(text.lines().findFirst().orElse(error.toString()).strip());
    }

    static void check(int status, String call) {
        if (status != CUresult.CUDA_SUCCESS) {
            throw new DeviceException(call + " failed: " + name(status) + remedy(status));
        }
    }

    static String name(int status) {
        String[] text = new String[1];
        JCudaDriver.cuGetErrorString(status, text);
        return CUresult.stringFor(status) + (text[0] == null ? "" : " (" + text[0] + ")");
    }

    /** Errors after which the driver refuses every further call in this process. */
    private static String remedy(int status) {
        switch (status) {
            case CUresult.CUDA_ERROR_ILLEGAL_ADDRESS:
            case CUresult.CUDA_ERROR_MISALIGNED_ADDRESS:
            case CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION:
            case CUresult.CUDA_ERROR_LAUNCH_TIMEOUT:
            case CUresult.CUDA_ERROR_ASSERT:
            case CUresult.CUDA_ERROR_LAUNCH_FAILED:
                return "; where later calls fail too, the CUDA context is lost with all its memory: restart the program; compute-sanitizer"
                        + " finds the access";
            case CUresult.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES:
                return "; the block needs more registers or shared memory than a multiprocessor has: use a smaller one";
            default:
                return "";
        }
    }
}
