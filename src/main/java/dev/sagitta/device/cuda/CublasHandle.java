package dev.sagitta.device.cuda;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.MemoryCategory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/** cuBLAS on one stream: a handle, a workspace and the scalars, none of which change from call to call. */
final class CublasHandle {
    private static final int MIB = 1 << 20;

    private final CudaDevice device;
    private final cublasHandle handle = new cublasHandle();
    private final Buffer workspace;
    private final long workspaceAddress;
    private final FloatBuffer scalars =
            ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder()).asFloatBuffer();
    private final Pointer alpha = Pointer.to(scalars);
    private final Pointer beta = Pointer.to(scalars).withByteOffset(4);

    CublasHandle(CudaDevice device, CudaStream stream) {
        this.device = device;
        device.makeCurrent();
        check(JCublas2.cublasCreate(handle), "cublasCreate");
        long bytes = workspaceBytes(device);
        try {
            workspace = device.allocate(bytes, MemoryCategory.WORKSPACE, "cuBLAS workspace");
        } catch (RuntimeException e) {
            JCublas2.cublasDestroy(handle);
            throw e;
        }
        workspaceAddress = ((CudaBuffer) workspace).address();
        try {
            // in this order: setting the stream puts the library's own workspace back, which it would allocate
            check(JCublas2.cublasSetStream(handle, new cudaStream_t(stream.stream())), "cublasSetStream");
            check(JCublas2.cublasSetWorkspace(handle, ((CudaBuffer) workspace).pointer(), bytes), "cublasSetWorkspace");
        } catch (RuntimeException e) {
            release();
            throw e;
        }
    }

    /** NVIDIA's own default: Hopper's kernels want more. */
    static long workspaceBytes(CudaDevice device) {
        return (device.computeCapability() >= 90 ? 32L : 4L) * MIB;
    }

    /** For cuBLASLt, whose work on the stream comes before or after that of this handle. */
    long workspaceAddress() {
        return workspaceAddress;
    }

    long workspaceBytes() {
        return workspace.bytes();
    }

    void set(float alphaValue, float betaValue) {
        scalars.put(0, alphaValue).put(1, betaValue);
    }

    /** Row-major product, see {@link CublasGemm#gemm}; returns cuBLAS's status. */
    int multiply(
            boolean transA,
            boolean transB,
            int m,
            int n,
            int k,
            Buffer a,
            int lda,
            long strideA,
            Buffer b,
            int ldb,
            long strideB,
            Buffer c,
            int ldc,
            long strideC,
            int batch,
            CublasGemm.Precision p) {
        // cuBLAS is column-major and a row-major matrix read by columns is its transpose: so it is asked for C' =
        // op(B)' op(A)'
        int first = transB ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
        int second = transA ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
        // JCublas2's methods without "_new" take an older enumeration and allocate
        Pointer pa = ((CudaBuffer) a).pointer();
        Pointer pb = ((CudaBuffer) b).pointer();
        Pointer pc = ((CudaBuffer) c).pointer();
        int any = cublasGemmAlgo.CUBLAS_GEMM_DEFAULT;
        if (batch == 1) {
            return JCublas2.cublasGemmEx_new(
                    handle, first, second, n, m, k, alpha, pb, p.factor, ldb, pa, p.factor, lda, beta, pc, p.product,
                    ldc, p.compute, any);
        }
        return JCublas2.cublasGemmStridedBatchedEx_new(
                handle, first, second, n, m, k, alpha, pb, p.factor, ldb, strideB, pa, p.factor, lda, strideA, beta, pc,
                p.product, ldc, strideC, batch, p.compute, any);
    }

    void release() {
        device.makeCurrent();
        workspace.close();
        check(JCublas2.cublasDestroy(handle), "cublasDestroy");
    }

    private static void check(int status, String call) {
        if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
            throw new DeviceException(call + " failed: " + cublasStatus.stringFor(status));
        }
    }
}
