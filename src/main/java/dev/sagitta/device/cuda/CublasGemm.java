package dev.sagitta.device.cuda;

import static jcuda.cudaDataType.*;
import static jcuda.jcublas.cublasComputeType.*;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.Stream;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import jcuda.jcublas.cublasStatus;
import org.slf4j.LoggerFactory;

/**
 * Dense products by cuBLAS, row-major. Each stream has a handle and a workspace of its own, made on its first use: so a warm call allocates
 * nothing, may be captured once the same product has run outside a capture, and gives the same bits every time.
 */
public final class CublasGemm {
    private final CudaDevice device;
    private final Map<CudaStream, CublasHandle> handles = new ConcurrentHashMap<>();
    private final Set<Object> kinds = ConcurrentHashMap.newKeySet();

    /** Types of A and B, of C, and of the multiplication; sums are always fp32. */
    public enum Precision {
        /** Plain fp32. */
        F32(CUDA_R_32F, 4, CUDA_R_32F, 4, CUBLAS_COMPUTE_32F),
        /** fp32 storage, factors rounded to TF32. */
        TF32(CUDA_R_32F, 4, CUDA_R_32F, 4, CUBLAS_COMPUTE_32F_FAST_TF32),
        BF16(CUDA_R_16BF, 2, CUDA_R_16BF, 2, CUBLAS_COMPUTE_32F),
        F16(CUDA_R_16F, 2, CUDA_R_16F, 2, CUBLAS_COMPUTE_32F),
        /** bf16 factors, fp32 product. */
        BF16_TO_F32(CUDA_R_16BF, 2, CUDA_R_32F, 4, CUBLAS_COMPUTE_32F),
        /** fp16 factors, fp32 product. */
        F16_TO_F32(CUDA_R_16F, 2, CUDA_R_32F, 4, CUBLAS_COMPUTE_32F);

        final int factor;
        private final int factorBytes;
        final int product;
        private final int productBytes;
        final int compute;

        Precision(int factor, int factorBytes, int product, int productBytes, int compute) {
            this.factor = factor;
            this.factorBytes = factorBytes;
            this.product = product;
            this.productBytes = productBytes;
            this.compute = compute;
        }

        int factorBytes() {
            return factorBytes;
        }
    }

    private CublasGemm(CudaDevice device) {
        this.device = device;
    }

    /** Empty, and the log says why, where the library loads but does not work on this device. */
    static Optional<CublasGemm> tryOn(CudaDevice device) {
        CublasGemm gemm = new CublasGemm(device);
        try {
            gemm.prepare(device.stream());
            return Optional.of(gemm);
        } catch (DeviceException e) {
            LoggerFactory.getLogger(CublasGemm.class)
                    .warn(
                            "cuBLAS does not work on {} ({}), so our own kernel multiplies dense matrices, which is slower; check that"
                                    + " its version fits the driver ({})",
                            device.info().id(),
                            e.getMessage(),
                            device.info().driver());
            return Optional.empty();
        }
    }

    /** Makes the handle and workspace of {@code stream}, as the first product on it would: for those who capture next. */
    public void prepare(Stream stream) {
        handle(own(stream));
    }

    /** Whether a product of this kind has run on this device, so that cuBLAS has loaded what it needs and another may be captured. */
    public boolean hasRun(Object kind) {
        return kinds.contains(kind);
    }

    /** Remembers that a product of this kind, a value of the caller's, has run. */
    public void ran(Object kind) {
        kinds.add(kind);
    }

    /**
     * C_i = alpha op(A_i) op(B_i) + beta C_i for i in [0, batch), row-major: op(A) is [m, k], op(B) is [k, n], C is [m, n]. Leading
     * dimensions and strides count elements; a stride may be 0 for a factor that all products share. C is not read where beta is 0.
     */
    public void gemm(
            Stream stream,
            boolean transA,
            boolean transB,
            int m,
            int n,
            int k,
            float alpha,
            Buffer a,
            int lda,
            long strideA,
            Buffer b,
            int ldb,
            long strideB,
            float beta,
            Buffer c,
            int ldc,
            long strideC,
            int batch,
            Precision precision) {
        if (m < 1 || n < 1 || k < 1 || batch < 1) {
            throw new IllegalArgumentException(
                    "gemm: m " + m + ", n " + n + ", k " + k + ", batch " + batch + "; expected extents of at least 1");
        }
        requireMatrix("A", a, transA ? k : m, transA ? m : k, lda, strideA, batch, precision.factorBytes);
        requireMatrix("B", b, transB ? n : k, transB ? k : n, ldb, strideB, batch, precision.factorBytes);
        requireMatrix("C", c, m, n, ldc, strideC, batch, precision.productBytes);
        if (batch > 1 && strideC < (m - 1L) * ldc + n) {
            throw new IllegalArgumentException("gemm: stride of C is " + strideC + ", products of [" + m + ", " + n
                    + "] with leading dimension " + ldc + " would overlap");
        }
        CudaStream own = own(stream);
        CublasHandle handle = handle(own);
        own.enterCall(a, b, c);
        try {
            device.makeCurrent();
            handle.set(alpha, beta);
            int status = handle.multiply(
                    transA, transB, m, n, k, a, lda, strideA, b, ldb, strideB, c, ldc, strideC, batch, precision);
            if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
                throw new DeviceException("cublasGemm m " + m + " n " + n + " k " + k + " batch " + batch + " "
                        + precision + " failed: " + cublasStatus.stringFor(status));
            }
        } finally {
            own.exitCall();
        }
    }

    private static void requireMatrix(
            String name, Buffer buffer, int rows, int columns, int leading, long stride, int batch, int elementBytes) {
        if (leading < columns || stride < 0) {
            throw new IllegalArgumentException(
                    "gemm: " + name + " [" + rows + ", " + columns + "] has leading dimension " + leading
                            + " and stride " + stride + "; expected at least " + columns + " and 0");
        }
        long elements = Math.addExact(Math.multiplyExact(batch - 1L, stride), (rows - 1L) * leading + columns);
        if (elements > buffer.bytes() / elementBytes) {
            throw new IllegalArgumentException(
                    "gemm: " + name + " [" + batch + " x " + rows + ", " + columns + "] with leading dimension "
                            + leading + " and stride " + stride + " needs " + elements + " elements of " + elementBytes
                            + " bytes, " + buffer
                            + " is too small");
        }
    }

    CudaStream own(Stream stream) {
        if (stream.device() != device) {
            throw new IllegalArgumentException(
                    "gemm: the stream belongs to " + stream.device().info().id() + ", cuBLAS to "
                            + device.info().id() + " of another Device");
        }
        return (CudaStream) stream;
    }

    CublasHandle handle(CudaStream stream) {
        CublasHandle handle = handles.get(stream);
        if (handle == null) {
            if (stream.isRecording()) {
                throw new IllegalStateException(
                        "gemm: the first product on a stream allocates, which a capture forbids; call CublasGemm.prepare(stream) before it");
            }
            handle = new CublasHandle(device, stream);
            handles.put(stream, handle);
        }
        return handle;
    }

    /** Called when the device is closed. */
    void release() {
        handles.keySet().forEach(this::forget);
    }

    /** Called when a stream is closed. */
    void forget(CudaStream stream) {
        CublasHandle handle = handles.remove(stream);
        if (handle != null) {
            handle.release();
        }
    }
}
