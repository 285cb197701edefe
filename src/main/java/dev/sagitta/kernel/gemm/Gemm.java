package dev.sagitta.kernel.gemm;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * C = f(alpha op(A) op(B) + beta C + bias), row-major, batched. A is [M, K] (or [K, M] transposed), B is [K, N] (or [N, K]), C is [M, N],
 * each with an optional leading batch axis; an operand without that axis is shared by the whole batch. Bias is [N] or [batch, N], fp32.
 *
 * <p>A and B are both fp32, bf16 or fp16; C has their type or is fp32. Sums are fp32. On CUDA, cuBLAS computes what has neither bias nor
 * function, whatever was measured to be fastest what has a bias ({@link BiasedGemm}), and our own kernel the rest; where cuBLAS cannot be
 * loaded, our own computes everything. Within a process the same descriptor takes the same path, and gives the same bits, every time.
 *
 * @param function applied last, or null
 */
public record Gemm(
        Tensor a,
        boolean transA,
        Tensor b,
        boolean transB,
        Tensor c,
        Tensor bias,
        float alpha,
        float beta,
        Function function,
        Precision precision)
        implements Descriptor {
    /** Kernels count with 32 bits and look at most one block beyond the end. */
    private static final long MOST = Integer.MAX_VALUE - 1023L;

    private static final long MOST_PRODUCTS = 65535;

    /** What fp32 factors are multiplied as. */
    public enum Precision {
        /** As they are stored. */
        FULL,
        /** Rounded to TF32 (10 bits of fraction) for tensor cores; elsewhere than on CUDA, as stored. */
        TF32
    }

    public static Gemm of(Tensor a, boolean transA, Tensor b, boolean transB, Tensor c) {
        return new Gemm(a, transA, b, transB, c, null, 1, 0, null, Precision.FULL);
    }

    /** Adds {@code bias} to each row; null leaves the product alone. */
    public Gemm bias(Tensor bias) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, beta, function, precision);
    }

    /** C += product when {@code accumulate}, else C = product. */
    public Gemm accumulate(boolean accumulate) {
        return beta(accumulate ? 1 : 0);
    }

    /** Adds {@code beta} times what C held; with 0, C is not read. */
    public Gemm beta(float beta) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, beta, function, precision);
    }

    public Gemm scaled(float alpha) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, beta, function, precision);
    }

    public Gemm then(Function function) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, beta, function, precision);
    }

    public Gemm precision(Precision precision) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, beta, function, precision);
    }

    /** The same product with its result elsewhere. */
    Gemm into(Buffer other) {
        Tensor target = new Tensor(c.name(), other, c.dtype(), c.shape());
        return new Gemm(a, transA, b, transB, target, bias, alpha, beta, function, precision);
    }

    public long m() {
        return c.shape().extent(-2);
    }

    public long n() {
        return c.shape().extent(-1);
    }

    public long k() {
        return a.shape().extent(transA ? -2 : -1);
    }

    public long batch() {
        return c.shape().rank() == 3 ? c.shape().extent(0) : 1;
    }

    @Override
    public String entry() {
        return entry(precision == Precision.TF32 ? "tf32" : a.dtype().suffix());
    }

    private String entry(String factors) {
        String product = a.dtype() == c.dtype() ? "" : "_" + c.dtype().suffix();
        return "gemm_" + factors + product + "_" + (transA ? "t" : "n") + (transB ? "t" : "n");
    }

    @Override
    public Map<String, String> defines(Device device) {
        return GemmGeometry.defines(device);
    }

    /** Whether tensor cores have no part in it. */
    boolean isPlainFp32() {
        return a.dtype() == DType.F32 && precision == Precision.FULL;
    }

    private void checkFit() {
        Checks checks = new Checks("gemm");
        checks.require(a != null, "a is missing, expected a tensor")
                .require(b != null, "b is missing, expected a tensor")
                .require(c != null, "c is missing, expected a tensor");
        axes(checks, "C", c);
        axes(checks, "A", a);
        axes(checks, "B", b);
        checks.require(
                a.dtype() == DType.F32 || a.dtype() == DType.BF16 || a.dtype() == DType.F16,
                "A, " + a + ", has dtype " + a.dtype().suffix() + ", expected f32, bf16 or f16");
        checks.dtype(b, a.dtype());
        checks.require(
                c.dtype() == a.dtype() || c.dtype() == DType.F32,
                "C, " + c + ", has dtype " + c.dtype().suffix() + ", expected f32 or that of A and B, "
                        + a.dtype().suffix());
        checks.require(
                precision == Precision.FULL || a.dtype() == DType.F32,
                "TF32 rounds fp32 factors, and A, " + a + ", is " + a.dtype().suffix()
                        + "; leave the precision at FULL");
        checks.require(
                m() >= 1 && n() >= 1 && k() >= 1 && batch() >= 1,
                "M " + m() + ", N " + n() + ", K " + k() + ", batch " + batch()
                        + " must all be at least 1; leave an empty product out");
        checks.require(
                m() <= MOST && n() <= MOST && k() <= MOST,
                "M " + m() + ", N " + n() + ", K " + k() + " must be at most " + MOST + "; split the product");
        checks.require(
                batch() <= MOST_PRODUCTS && GemmGeometry.mostGroups(this) <= MOST,
                "batch " + batch() + " must be at most " + MOST_PRODUCTS + " and C, " + c
                        + ", must have fewer than 2^31 blocks of 64 x 64; split it");
        operand(checks, "A", a, transA ? k() : m(), transA ? m() : k());
        operand(checks, "B", b, transB ? n() : k(), transB ? k() : n());
        operand(checks, "C", c, m(), n());
        checks.require(
                c.buffer() != a.buffer() && c.buffer() != b.buffer(),
                "C, " + c + ", is also a factor; give the product memory of its own");
        if (bias != null) {
            checks.dtype(bias, DType.F32);
            checks.require(
                    bias.elements() == n() || bias.elements() == batch() * n(),
                    bias + " has " + bias.elements() + " elements, expected N = " + n() + ", or batch x N = "
                            + batch() * n());
        }
    }

    private void axes(Checks checks, String role, Tensor t) {
        int rank = t.shape().rank();
        checks.require(
                rank == 2 || rank == 3,
                role + ", " + t + ", has " + rank + " axes, expected 2, or 3 with a batch in front");
        checks.require(
                rank == 2 || t.shape().extent(0) == batch(),
                role + ", " + t + ", has batch " + t.shape().extent(0) + ", expected that of C, " + batch()
                        + "; without that axis it is shared");
    }

    private static void operand(Checks checks, String role, Tensor t, long rows, long columns) {
        checks.require(
                t.shape().extent(-2) == rows && t.shape().extent(-1) == columns,
                role + ", " + t + ", has shape " + t.shape() + ", expected [" + rows + ", " + columns + "]");
    }

    @Override
    public Geometry geometry(Device device) {
        return GemmGeometry.of(this, device);
    }

    @Override
    public Step prepare(Device device) {
        signature().on(device);
        return CublasStep.of(this, device).or(() -> BiasedGemm.of(this, device)).orElseGet(() -> prepareKernel(device));
    }

    /** Our own kernel, whether or not a vendor's library could do it. */
    public Step prepareKernel(Device device) {
        Gemm gemm = precision == Precision.TF32 && device.kind() != DeviceKind.CUDA ? precision(Precision.FULL) : this;
        return gemm.prepareOwn(device);
    }

    private Step prepareOwn(Device device) {
        return Descriptor.super.prepare(device);
    }

    @Override
    public Signature signature() {
        checkFit();
        return Signature.of(entry())
                .in("a", a, a.dtype())
                .in("b", b, b.dtype())
                .tensor("c", c, beta != 0 ? Signature.Role.IN_OUT : Signature.Role.OUT, c.dtype(), false)
                .inOrNull("bias", bias, DType.F32)
                .i32("m", (int) m())
                .i32("n", (int) n())
                .i32("k", (int) k())
                .i32("lda", (int) a.shape().extent(-1))
                .i32("ldb", (int) b.shape().extent(-1))
                .i32("ldc", (int) n())
                .i64("stride_a", stride(a))
                .i64("stride_b", stride(b))
                .i64("stride_c", stride(c))
                .i64("stride_bias", bias != null && bias.elements() > n() ? n() : 0)
                .f32("alpha", alpha)
                .f32("beta", beta)
                .i32("flags", flags());
    }

    /** Elements from one product's matrix to the next one's; 0 where all share it. */
    static long stride(Tensor t) {
        Shape shape = t.shape();
        return shape.rank() == 3 ? shape.extent(1) * shape.extent(2) : 0;
    }

    /** Bit 0: bias; bit 1: read C; bits 8 to 11: function. */
    private int flags() {
        int code = function == null ? 0 : function.ordinal() + 1;
        return (bias != null ? 1 : 0) | (beta != 0 ? 2 : 0) | code << 8;
    }

    @Override
    public long flops() {
        return 2 * batch() * m() * n() * k();
    }

    /**
     * Of the sum of absolute terms S: K rounding errors that mostly cancel, bounded well above their random walk; then the rounding of
     * factors (TF32), of C, and of the function. Tensor cores cut off instead of rounding, so their errors add up: one instruction takes 8
     * (TF32) or 16 products, aligns them to the largest, and cuts the running sum, which loses up to 2^-23 of it. The running sum grows to S at
     * most, so half of S on average: K / 8 times 2^-24 of S in all, and 8 such units for the products, whose alignment drops their last bits.
     */
    @Override
    public Tolerance tolerance() {
        double sums = isPlainFp32() ? (4 + Math.sqrt(k())) * 6e-8 : (8 + k() / 8.0) * 6e-8;
        double factors = precision == Precision.TF32 ? 0x1p-10 : 0;
        double product = c.dtype() == DType.BF16 ? 0x1p-8 : c.dtype() == DType.F16 ? 0x1p-11 : 0;
        double last = function == null ? 0 : 4e-6;
        return new Tolerance(sums + factors + product + last, c.dtype() == DType.F16 ? 0x1p-24 : 1e-30);
    }
}
