package dev.sagitta.kernel;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * C = f(alpha op(A) op(B) + beta C + bias), row-major, batched. A is [M, K] (or [K, M] transposed), B is [K, N] (or [N, K]), C is [M, N],
 * each with an optional leading batch axis; an operand without that axis is shared by the whole batch. Bias is [N] or [batch, N].
 *
 * @param function applied last, or null
 */
public record Gemm(
        Tensor a, boolean transA, Tensor b, boolean transB, Tensor c, Tensor bias, float alpha, float beta, Function function)
        implements Descriptor {
    /** GEMM_BM and GEMM_BN of the kernel files for GPUs. */
    private static final int BLOCK_ROWS = 64;

    private static final int BLOCK_COLUMNS = 64;
    private static final long CPU_FLOPS_PER_TILE = 1_000_000;
    private static final int CPU_LEAST_ROWS = 24;
    private static final int CPU_LEAST_COLUMNS = 64;

    public static Gemm of(Tensor a, boolean transA, Tensor b, boolean transB, Tensor c) {
        return new Gemm(a, transA, b, transB, c, null, 1, 0, null);
    }

    /** Adds {@code bias} to each row; null leaves the product alone. */
    public Gemm bias(Tensor bias) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, beta, function);
    }

    /** C += product when {@code accumulate}, else C = product. */
    public Gemm accumulate(boolean accumulate) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, accumulate ? 1 : 0, function);
    }

    public Gemm scaled(float alpha) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, beta, function);
    }

    public Gemm then(Function function) {
        return new Gemm(a, transA, b, transB, c, bias, alpha, beta, function);
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
    public String file() {
        return "gemm";
    }

    @Override
    public String entry() {
        return "gemm_" + a.dtype().suffix() + "_" + (transA ? "t" : "n") + (transB ? "t" : "n");
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        checks.dtype(b, a.dtype()).dtype(c, DType.F32);
        operand(checks, a, transA ? k() : m(), transA ? m() : k());
        operand(checks, b, transB ? n() : k(), transB ? k() : n());
        operand(checks, c, m(), n());
        if (bias != null) {
            checks.dtype(bias, DType.F32);
            checks.require(
                    bias.elements() == n() || bias.elements() == batch() * n(),
                    bias + " must have " + n() + " elements, or " + batch() + " times as many");
        }
        checks.require(m() >= 1 && n() >= 1 && k() >= 1, "M " + m() + ", N " + n() + ", K " + k() + " must all be at least 1");
        checks.require(
                m() < 1L << 31 && n() < 1L << 31 && k() < 1L << 31, "M " + m() + ", N " + n() + ", K " + k() + " must fit in 31 bits");
    }

    private void operand(Checks checks, Tensor t, long rows, long columns) {
        int rank = t.shape().rank();
        checks.require(rank == 2 || rank == 3, t + " must have 2 or 3 axes");
        checks.require(
                t.shape().extent(-2) == rows && t.shape().extent(-1) == columns,
                t + " has shape " + t.shape() + ", expected [" + rows + ", " + columns + "]");
        checks.require(rank == 2 || t.shape().extent(0) == batch(), t + " has batch " + t.shape().extent(0) + ", expected " + batch());
    }

    @Override
    public Geometry geometry(Device device) {
        return switch (device.kind()) {
            case OPENCL_CPU -> cpuTiles(device.info().computeUnits());
            default -> Geometry.of(groups(n(), BLOCK_COLUMNS), groups(m(), BLOCK_ROWS), batch(), 16, 16);
        };
    }

    private static long groups(long extent, int block) {
        return (extent + block - 1) / block;
    }

    /** Enough tiles that no core waits long for another, none so small that packing its operands costs more than it saves. */
    private Geometry cpuTiles(int cores) {
        long wanted = Math.min(4L * cores, flops() / CPU_FLOPS_PER_TILE) / batch();
        long tilesM = 1;
        long tilesN = 1;
        while (tilesM * tilesN < wanted) {
            long rows = m() / (2 * tilesM);
            long columns = n() / (2 * tilesN);
            if (rows >= columns && rows >= CPU_LEAST_ROWS) {
                tilesM *= 2;
            } else if (columns >= CPU_LEAST_COLUMNS) {
                tilesN *= 2;
            } else if (rows >= CPU_LEAST_ROWS) {
                tilesM *= 2;
            } else {
                break;
            }
        }
        return Geometry.of(tilesN, tilesM, batch(), 1, 1);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(a.buffer())
                .buffer(b.buffer())
                .buffer(c.buffer())
                .buffer(bias == null ? null : bias.buffer())
                .i32((int) m())
                .i32((int) n())
                .i32((int) k())
                .i32((int) a.shape().extent(-1))
                .i32((int) b.shape().extent(-1))
                .i32((int) n())
                .i64(stride(a))
                .i64(stride(b))
                .i64(stride(c))
                .i64(bias != null && bias.elements() > n() ? n() : 0)
                .f32(alpha)
                .f32(beta)
                .i32(flags());
    }

    private static long stride(Tensor t) {
        return t.shape().rank() == 3 ? t.shape().extent(1) * t.shape().extent(2) : 0;
    }

    /** Bit 0: bias; bit 1: read C; bits 8 to 11: function. */
    private int flags() {
        int code = function == null ? 0 : function.ordinal() + 1;
        return (bias != null ? 1 : 0) | (beta != 0 ? 2 : 0) | code << 8;
    }

    @Override
    public long bytes() {
        return a.bytes() + b.bytes() + (beta != 0 ? 2 : 1) * c.bytes() + (bias == null ? 0 : bias.bytes());
    }

    @Override
    public long flops() {
        return 2 * batch() * m() * n() * k();
    }

    /** Of the sum of absolute products: K rounding errors that mostly cancel, bounded well above their random walk. */
    @Override
    public Tolerance tolerance() {
        return new Tolerance((4 + Math.sqrt(k())) * 6e-8, 1e-30);
    }
}
