package dev.sagitta.device.cuda;

import static jcuda.driver.CUfunction_attribute.*;
import static jcuda.driver.CUresult.*;

import dev.sagitta.device.DeviceException;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.KernelBuildException;
import dev.sagitta.device.KernelFiles;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.KernelText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The loaded modules of one context. An image is, in this order: {@code X.fatbin} in the folder that {@code -Dsagitta.cuda.modules} names;
 * the fatbin in the jar; what NVRTC makes of the source. Fatbins are compiled with the file's own constants, so other constants need NVRTC.
 */
final class CudaModules {
    private static final Logger LOG = LoggerFactory.getLogger(CudaModules.class);

    private final int computeCapability;
    private final ModuleLoader loader;
    private final Map<String, CUmodule> modules = new HashMap<>();

    CudaModules(int computeCapability, PageLockedMemory memory) {
        this.computeCapability = computeCapability;
        this.loader = new ModuleLoader(memory);
    }

    synchronized CUfunction function(KernelSource source) {
        String key = source.file() + " " + source.options();
        CUmodule module = modules.get(key);
        boolean first = module == null;
        if (first) {
            module = load(source);
            modules.put(key, module);
        }
        CUfunction function = new CUfunction();
        int status = JCudaDriver.cuModuleGetFunction(function, module, source.entry());
        if (status == CUDA_ERROR_NOT_FOUND) {
            throw new KernelBuildException("kernel file '" + KernelFiles.path(DeviceKind.CUDA, source.file())
                    + "' has no entry '" + source.entry() + "'");
        }
        Cuda.check(status, "cuModuleGetFunction " + source);
        if (first && LOG.isDebugEnabled()) {
            LOG.debug(
                    "{}: machine code for sm_{}, made from PTX for compute_{}",
                    KernelFiles.path(DeviceKind.CUDA, source.file()),
                    attribute(function, CU_FUNC_ATTRIBUTE_BINARY_VERSION),
                    attribute(function, CU_FUNC_ATTRIBUTE_PTX_VERSION));
        }
        return function;
    }

    private static int attribute(CUfunction function, int which) {
        int[] value = new int[1];
        Cuda.check(JCudaDriver.cuFuncGetAttribute(value, which, function), "cuFuncGetAttribute(" + which + ")");
        return value[0];
    }

    private CUmodule load(KernelSource source) {
        String path = KernelFiles.path(DeviceKind.CUDA, source.file());
        String why = hasOwnConstants(source, path)
                ? "the constants " + source.options() + " are not those of the file"
                : null;
        if (why == null) {
            Image image = image(KernelFiles.stem(source.file()));
            if (image == null) {
                why = "there is no fatbin: the jar was built where nvcc is missing";
            } else {
                CUmodule module = new CUmodule();
                int status = loader.load(module, image.content());
                if (status == CUDA_SUCCESS) {
                    LOG.debug("{}: {}", path, image.origin());
                    return module;
                }
                why = image.origin() + " does not load: " + Cuda.name(status) + loader.log();
                if (!isOtherArchitecture(status)) {
                    throw new KernelBuildException("kernel file '" + path + "': " + why);
                }
            }
        }
        if (Nvrtc.PROBLEM != null) {
            throw new KernelBuildException("kernel file '" + path + "' with options '" + source.options() + "': " + why
                    + ", and NVRTC cannot compile it: " + Nvrtc.PROBLEM + "; " + Nvrtc.REMEDY);
        }
        LOG.info("{} is compiled by NVRTC, because {}", path, why);
        CUmodule module = new CUmodule();
        byte[] image = Nvrtc.compile(path, source.defines(), computeCapability);
        int status = loader.load(module, ModuleLoader.outsideHeap(image));
        if (status != CUDA_SUCCESS) {
            Cuda.check(status, "cuModuleLoadDataEx of what NVRTC made of " + path + loader.log());
        }
        return module;
    }

    private static boolean hasOwnConstants(KernelSource source, String path) {
        if (source.defines().isEmpty()) {
            return false;
        }
        Map<String, String> defaults = KernelText.defaults(path);
        return source.defines().entrySet().stream()
                .anyMatch(define -> !define.getValue().equals(defaults.get(define.getKey())));
    }

    /** Errors of an image that was made for other devices or drivers, where compiling anew helps. */
    private static boolean isOtherArchitecture(int status) {
        return status == CUDA_ERROR_NO_BINARY_FOR_GPU
                // an older driver's words for a container that it cannot read
                || status == CUDA_ERROR_INVALID_IMAGE
                || status == CUDA_ERROR_INVALID_SOURCE
                || status == CUDA_ERROR_INVALID_PTX
                || status == CUDA_ERROR_UNSUPPORTED_PTX_VERSION
                || status == CUDA_ERROR_JIT_COMPILER_NOT_FOUND;
    }

    private record Image(ByteBuffer content, String origin) {}

    private static Image image(String file) {
        String folder = System.getProperty("sagitta.cuda.modules", "");
        try {
            if (!folder.isEmpty()) {
                Path path = Path.of(folder, file + ".fatbin");
                if (Files.exists(path)) {
                    return new Image(ModuleLoader.outsideHeap(Files.readAllBytes(path)), path.toString());
                }
                LOG.info("-Dsagitta.cuda.modules: there is no {}; trying the jar", path);
            }
            String resource = "/dev/sagitta/fatbin/" + file + ".fatbin";
            try (InputStream in = CudaModules.class.getResourceAsStream(resource)) {
                return in == null ? null : new Image(ModuleLoader.outsideHeap(in.readAllBytes()), "fatbin in the jar");
            }
        } catch (IOException e) {
            throw new DeviceException("fatbin of kernel file '" + file + "' cannot be read: " + e.getMessage(), e);
        }
    }

    synchronized void release() {
        for (CUmodule module : modules.values()) {
            Cuda.check(JCudaDriver.cuModuleUnload(module), "cuModuleUnload");
        }
        modules.clear();
    }
}
