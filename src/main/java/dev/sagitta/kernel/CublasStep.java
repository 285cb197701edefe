package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.device.Stream;
import dev.sagitta.device.cuda.CublasGemm;
import dev.sagitta.device.cuda.CublasGemm.Precision;
import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Optional;

/** A {@link Gemm} without bias and function, computed by cuBLAS. */
record CublasStep(CublasGemm blas, Gemm gemm, Precision precision) implements Step {

    /** Empty where cuBLAS is not there, or does not compute what {@code gemm} describes: then our own kernel serves. */
    static Optional<Step> of(Gemm gemm, Device device) {
        boolean plain = gemm.bias() == null && gemm.function() == null;
        if (!plain || gemm.batch() > Integer.MAX_VALUE || !(device instanceof CudaDevice cuda)) {
            return Optional.empty();
        }
        Precision precision = precision(gemm.a().dtype(), gemm.c().dtype());
        return precision == null ? Optional.empty() : cuda.blas().map(blas -> new CublasStep(blas, gemm, precision));
    }

    private static Precision precision(DType factors, DType product) {
        if (product == DType.F32) {
            return switch (factors) {
                case F32 -> Precision.F32;
                case BF16 -> Precision.BF16_TO_F32;
                case F16 -> Precision.F16_TO_F32;
                default -> null;
            };
        }
        if (factors != product) {
            return null;
        }
        return factors == DType.BF16 ? Precision.BF16 : factors == DType.F16 ? Precision.F16 : null;
    }

    @Override
    public void enqueue(Stream stream) {
        Tensor a = gemm.a();
        Tensor b = gemm.b();
        Tensor c = gemm.c();
        blas.gemm(
                stream,
                gemm.transA(),
                gemm.transB(),
                (int) gemm.m(),
                (int) gemm.n(),
                (int) gemm.k(),
                gemm.alpha(),
                a.buffer(),
                (int) a.shape().extent(-1),
                stride(a),
                b.buffer(),
                (int) b.shape().extent(-1),
                stride(b),
                gemm.beta(),
                c.buffer(),
                (int) c.shape().extent(-1),
                stride(c),
                (int) gemm.batch(),
                precision);
    }

    private static long stride(Tensor tensor) {
        return tensor.shape().rank() == 3
                ? tensor.shape().extent(1) * tensor.shape().extent(2)
                : 0;
    }

    @Override
    public void close() {}
}
