package dev.sagitta.kernel;

import dev.sagitta.device.Stream;
import dev.sagitta.device.cuda.CublasGemm;
import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** A dense product by cuBLAS. May be captured once its stream has run a product; the device's own stream is made ready here. */
final class CublasStep implements Step {
    private final CublasGemm blas;
    private final Gemm gemm;
    private final CublasGemm.Precision precision;
    private final int m;
    private final int n;
    private final int k;
    private final int lda;
    private final int ldb;
    private final long strideA;
    private final long strideB;
    private final long strideC;
    private final int batch;

    private CublasStep(Gemm gemm, CublasGemm blas) {
        this.blas = blas;
        this.gemm = gemm;
        this.precision = precisionOf(gemm);
        this.m = (int) gemm.m();
        this.n = (int) gemm.n();
        this.k = (int) gemm.k();
        this.lda = (int) gemm.a().shape().extent(-1);
        this.ldb = (int) gemm.b().shape().extent(-1);
        this.strideA = Gemm.stride(gemm.a());
        this.strideB = Gemm.stride(gemm.b());
        this.strideC = Gemm.stride(gemm.c());
        this.batch = (int) gemm.batch();
    }

    static CublasStep of(Gemm gemm, CudaDevice device, CublasGemm blas) {
        for (Tensor tensor : new Tensor[] {gemm.a(), gemm.b(), gemm.c()}) {
            if (tensor.buffer().device() != device) {
                throw new IllegalArgumentException(
                        "gemm: " + tensor + " is not on " + device.info().id());
            }
        }
        if (!device.stream().isRecording()) {
            blas.prepare(device.stream());
        }
        return new CublasStep(gemm, blas);
    }

    private static CublasGemm.Precision precisionOf(Gemm gemm) {
        boolean widens = gemm.c().dtype() != gemm.a().dtype();
        if (gemm.a().dtype() == DType.BF16) {
            return widens ? CublasGemm.Precision.BF16_TO_F32 : CublasGemm.Precision.BF16;
        }
        if (gemm.a().dtype() == DType.F16) {
            return widens ? CublasGemm.Precision.F16_TO_F32 : CublasGemm.Precision.F16;
        }
        return gemm.precision() == Gemm.Precision.TF32 ? CublasGemm.Precision.TF32 : CublasGemm.Precision.F32;
    }

    @Override
    public void enqueue(Stream stream) {
        blas.gemm(
                stream,
                gemm.transA(),
                gemm.transB(),
                m,
                n,
                k,
                gemm.alpha(),
                gemm.a().buffer(),
                lda,
                strideA,
                gemm.b().buffer(),
                ldb,
                strideB,
                gemm.beta(),
                gemm.c().buffer(),
                n,
                strideC,
                batch,
                precision);
    }

    @Override
    public void close() {}
}
