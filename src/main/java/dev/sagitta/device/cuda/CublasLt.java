package dev.sagitta.device.cuda;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.DeviceLibrary;
import dev.sagitta.device.NativeResource;
import dev.sagitta.device.Stream;
import java.util.Optional;
import jcuda.jcublas.cublasStatus;
import org.slf4j.LoggerFactory;

/**
 * Products that add a bias, by cuBLASLt: on one device, through the JNI library of native/cublaslt. Each product is a plan that keeps the
 * operands' addresses and the algorithm, so it gives the same bits every time and a warm call allocates nothing.
 */
public final class CublasLt {
    private final CudaDevice device;
    private final CublasGemm blas;
    private final long handle;

    private CublasLt(CudaDevice device, CublasGemm blas, long handle) {
        this.device = device;
        this.blas = blas;
        this.handle = handle;
    }

    /** What serves, or why nothing does. The first call loads. */
    static DeviceLibrary describe() {
        return Loaded.LIBRARY;
    }

    /** Empty where it is not there or does not work on this device; the log says why. */
    static Optional<CublasLt> tryOn(CudaDevice device, CublasGemm blas) {
        String problem = describe().problem();
        if (problem == null) {
            device.makeCurrent();
            long[] made = new long[1];
            int status = create(made);
            if (status == cublasStatus.CUBLAS_STATUS_SUCCESS) {
                return Optional.of(new CublasLt(device, blas, made[0]));
            }
            problem = "cublasLtCreate failed: " + cublasStatus.stringFor(status);
        }
        LoggerFactory.getLogger(CublasLt.class)
                .debug("no cuBLASLt on {}: {}", device.info().id(), problem);
        return Optional.empty();
    }

    /**
     * Plans C_i = alpha op(A_i) op(B_i) + beta C_i + bias_i for i in [0, batch): row-major as for {@link CublasGemm#gemm}, without gaps between
     * rows. C and bias [n] are fp32; {@code strideBias} is 0 for a bias that all products share.
     *
     * @return empty where cuBLASLt has no algorithm for it
     */
    public Optional<Plan> plan(
            boolean transA,
            boolean transB,
            int m,
            int n,
            int k,
            float alpha,
            Buffer a,
            long strideA,
            Buffer b,
            long strideB,
            float beta,
            Buffer c,
            long strideC,
            int batch,
            Buffer bias,
            long strideBias,
            CublasGemm.Precision precision) {
        if (precision.product != CublasGemm.Precision.F32.product) {
            return Optional.empty(); // its bias would have the product's type
        }
        require("A", a, (batch - 1) * strideA + (long) m * k, precision.factorBytes());
        require("B", b, (batch - 1) * strideB + (long) k * n, precision.factorBytes());
        require("C", c, (batch - 1) * strideC + (long) m * n, Float.BYTES);
        require("bias", bias, (batch - 1) * strideBias + n, Float.BYTES);
        device.makeCurrent();
        long[] made = new long[1];
        int status = plan(
                handle,
                transA,
                transB,
                m,
                n,
                k,
                precision.factor,
                precision.product,
                precision.compute,
                ((CudaBuffer) a).address(),
                transA ? m : k,
                strideA,
                ((CudaBuffer) b).address(),
                transB ? k : n,
                strideB,
                ((CudaBuffer) c).address(),
                n,
                strideC,
                batch,
                ((CudaBuffer) bias).address(),
                strideBias,
                CublasHandle.workspaceBytes(device),
                made);
        return status == cublasStatus.CUBLAS_STATUS_SUCCESS
                ? Optional.of(new Plan(this, made[0], alpha, beta, a, b, c, bias))
                : Optional.empty();
    }

    private void require(String name, Buffer buffer, long elements, int bytes) {
        if (buffer.device() != device || elements > buffer.bytes() / bytes) {
            throw new IllegalArgumentException("gemm: " + name + " needs " + elements + " elements of " + bytes
                    + " bytes on " + device.info().id() + ", and is " + buffer);
        }
    }

    /** A product that is ready to run; close it when its operands are. */
    public static final class Plan implements AutoCloseable {
        private final CublasLt owner;
        private final float alpha;
        private final float beta;
        private final Buffer a;
        private final Buffer b;
        private final Buffer c;
        private final Buffer bias;
        private long plan;

        private Plan(CublasLt owner, long plan, float alpha, float beta, Buffer a, Buffer b, Buffer c, Buffer bias) {
            this.owner = owner;
            this.plan = plan;
            this.alpha = alpha;
            this.beta = beta;
            this.a = a;
            this.b = b;
            this.c = c;
            this.bias = bias;
        }

        /** May be captured once it has run, on a stream that {@link CublasGemm#prepare} or a product has made ready. */
        public void enqueue(Stream stream) {
            if (plan == 0) {
                throw new IllegalStateException("gemm: this product has been closed");
            }
            bias.requireOpen();
            CudaStream own = owner.blas.own(stream);
            CublasHandle workspace = owner.blas.handle(own);
            own.enterCall(a, b, c);
            try {
                owner.device.makeCurrent();
                int status =
                        run(plan, alpha, beta, own.address(), workspace.workspaceAddress(), workspace.workspaceBytes());
                if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
                    throw new DeviceException(
                            "cublasLtMatmul into " + c + " failed: " + cublasStatus.stringFor(status));
                }
            } finally {
                own.exitCall();
            }
        }

        @Override
        public void close() {
            long closed = plan;
            plan = 0;
            if (closed != 0) {
                CublasLt.release(closed);
            }
        }
    }

    /** Called when the device is closed, with its context current. */
    void release() {
        destroy(handle);
    }

    private static final class Loaded {
        static final DeviceLibrary LIBRARY = load();

        private static DeviceLibrary load() {
            String name = "cuBLASLt";
            if (CublasLibrary.problem() != null) {
                return DeviceLibrary.missing(name, "no cuBLAS, which it belongs to");
            }
            try {
                if (!NativeResource.load("libsagitta-cublaslt.so")) {
                    return DeviceLibrary.missing(
                            name, "this jar was built without libsagitta-cublaslt.so; build it where g++ is installed");
                }
                String file = "libcublasLt.so." + CublasLibrary.major();
                String path = CublasLibrary.folder()
                        .map(folder -> folder.resolve(file).toString())
                        .orElse(file);
                String problem = open(path);
                if (problem != null) {
                    return DeviceLibrary.missing(name, problem);
                }
                long version = version();
                DeviceLibrary found = DeviceLibrary.found(
                        name, version / 10000 + "." + version / 100 % 100 + "." + version % 100, "beside cuBLAS");
                LoggerFactory.getLogger(CublasLt.class).debug("{}", found);
                return found;
            } catch (LinkageError e) {
                return DeviceLibrary.missing(name, Cuda.problem(e));
            }
        }
    }

    private static native String open(String file);

    private static native long version();

    private static native int create(long[] made);

    private static native int destroy(long handle);

    private static native int plan(
            long handle,
            boolean transA,
            boolean transB,
            long m,
            long n,
            long k,
            int factor,
            int product,
            int compute,
            long a,
            long lda,
            long strideA,
            long b,
            long ldb,
            long strideB,
            long c,
            long ldc,
            long strideC,
            int batch,
            long bias,
            long strideBias,
            long workspace,
            long[] made);

    private static native int run(long plan, float alpha, float beta, long stream, long workspace, long workspaceBytes);

    private static native void release(long plan);
}
