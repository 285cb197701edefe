package dev.sagitta.kernel.gemm;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.OutOfDeviceMemoryException;
import dev.sagitta.device.Stream;
import dev.sagitta.device.cuda.CublasGemm;
import dev.sagitta.kernel.Step;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the first product of a kind on a device before its use: NVIDIA's libraries load a kernel when it first runs, and a capture may forbid
 * that.
 */
final class FirstProduct {
    private static final Logger LOG = LoggerFactory.getLogger(FirstProduct.class);

    private FirstProduct() {}

    /**
     * Unless one of {@code kind} has run, runs what {@code prepare} makes of {@code gemm}, into memory of no use.
     *
     * @return false, and the log says why, where the library refuses it
     */
    static boolean works(
            Gemm gemm,
            GemmKind kind,
            Device device,
            CublasGemm blas,
            Function<Gemm, Optional<? extends Step>> prepare) {
        if (blas.hasRun(kind)) {
            return true;
        }
        // a stream of its own: another thread may be using the device's
        try (Stream stream = device.newStream("first product");
                Buffer unused = device.allocate(gemm.c().bytes(), MemoryCategory.WORKSPACE, "first product")) {
            blas.prepare(stream);
            Optional<? extends Step> step = prepare.apply(gemm.into(unused));
            if (step.isEmpty()) {
                return false;
            }
            try (Step first = step.get()) {
                first.enqueue(stream);
                stream.synchronize();
            }
            blas.ran(kind);
            return true;
        } catch (OutOfDeviceMemoryException e) {
            LOG.debug(
                    "no memory for a first product of {}, which must run before it is captured: {}",
                    kind,
                    e.getMessage());
            return true;
        } catch (DeviceException e) {
            LOG.warn("the library does not multiply {}, and another way is taken: {}", kind, e.getMessage());
            return false;
        }
    }
}
