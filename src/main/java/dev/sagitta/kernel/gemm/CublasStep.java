package dev.sagitta.kernel.gemm;

import dev.sagitta.device.Device;
import dev.sagitta.device.Stream;
import dev.sagitta.device.cuda.CublasGemm;
import dev.sagitta.device.cuda.CublasGemm.Precision;
import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Optional;

/**
 * A {@link Gemm} without bias and function, computed by cuBLAS. May be captured on the device's own stream, and on any other after {@link
 * CublasGemm#prepare}.
 */
public record CublasStep(CublasGemm blas, Gemm gemm, Precision precision) implements Step {
    /**
     * Empty where cuBLAS is not there, or does not compute what {@code gemm} describes: then our own kernel serves. Unless the device's stream
     * is recording, that stream is made ready and {@link FirstProduct} sees to it that a product may be captured.
     */
    public static Optional<Step> of(Gemm gemm, Device device) {
        boolean plain = gemm.bias() == null && gemm.function() == null;
        if (!plain || !(device instanceof CudaDevice cuda)) {
            return Optional.empty();
        }
        Precision precision = precision(gemm);
        Optional<CublasGemm> blas = precision == null ? Optional.empty() : cuda.blas();
        if (blas.isEmpty()) {
            return Optional.empty();
        }
        CublasStep step = new CublasStep(blas.get(), gemm, precision);
        if (device.stream().isRecording()) {
            return Optional.of(step);
        }
        blas.get().prepare(device.stream());
        boolean works = FirstProduct.works(
                gemm,
                GemmKind.of(gemm, precision),
                device,
                step.blas,
                other -> Optional.of(new CublasStep(step.blas, other, precision)));
        return works ? Optional.of(step) : Optional.empty();
    }

    /** Null where cuBLAS has none for these types. */
    static Precision precision(Gemm gemm) {
        DType factors = gemm.a().dtype();
        DType product = gemm.c().dtype();
        if (product == DType.F32) {
            return switch (factors) {
                case F32 -> gemm.precision() == Gemm.Precision.TF32 ? Precision.TF32 : Precision.F32;
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
                Gemm.stride(a),
                b.buffer(),
                (int) b.shape().extent(-1),
                Gemm.stride(b),
                gemm.beta(),
                c.buffer(),
                (int) c.shape().extent(-1),
                Gemm.stride(c),
                (int) gemm.batch(),
                precision);
    }

    @Override
    public void close() {}
}
