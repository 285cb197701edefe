package dev.sagitta.kernel.gemm;

import dev.sagitta.device.cuda.CublasGemm;

/**
 * What a library chooses its kernel for a {@link Gemm} by: all but the addresses and the scalars.
 *
 * @param biases vectors of bias: none, one, or one for each product
 */
record GemmKind(
        boolean transA,
        boolean transB,
        long m,
        long n,
        long k,
        long batch,
        boolean sharedA,
        boolean sharedB,
        boolean adds,
        long biases,
        CublasGemm.Precision precision) {

    static GemmKind of(Gemm gemm, CublasGemm.Precision precision) {
        return new GemmKind(
                gemm.transA(),
                gemm.transB(),
                gemm.m(),
                gemm.n(),
                gemm.k(),
                gemm.batch(),
                gemm.a().shape().rank() == 2,
                gemm.b().shape().rank() == 2,
                gemm.beta() != 0,
                gemm.bias() == null ? 0 : gemm.bias().elements() / gemm.n(),
                precision);
    }

    @Override
    public String toString() {
        return precision + " " + (transA ? "t" : "n") + (transB ? "t" : "n") + " " + (batch > 1 ? batch + " x " : "")
                + m + "x" + n + "x" + k + (biases == 0 ? "" : biases == 1 ? " + bias" : " + biases")
                + (adds ? " + C" : "");
    }
}
