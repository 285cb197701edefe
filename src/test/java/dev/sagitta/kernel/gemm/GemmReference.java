package dev.sagitta.kernel.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.graph.op.elementwise.ActivationReference;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A product three ways: in fp64; by the plain fp32 loop over the same stored values, whose error is the yardstick; and the sum of absolute
 * terms. Factors are what the device was given, so 16-bit storage is exact here.
 */
final class GemmReference {
    final double[] exact;
    final double[] magnitude;
    private final double[] plain;

    /** Values of A, B and of C before; bias may be null. */
    GemmReference(Gemm gemm, float[] a, float[] b, float[] c, float[] bias) {
        int m = (int) gemm.m();
        int n = (int) gemm.n();
        int k = (int) gemm.k();
        int batch = (int) gemm.batch();
        int size = batch * m * n;
        exact = new double[size];
        magnitude = new double[size];
        plain = new double[size];
        boolean tf32 = gemm.precision() == Gemm.Precision.TF32;
        for (int at = 0; at < size; at++) {
            int z = at / (m * n);
            int i = at / n % m;
            int j = at % n;
            double sum = 0;
            double terms = 0;
            float rounded = 0;
            for (int t = 0; t < k; t++) {
                float x = a[z * (int) Gemm.stride(gemm.a()) + (gemm.transA() ? t * m + i : i * k + t)];
                float y = b[z * (int) Gemm.stride(gemm.b()) + (gemm.transB() ? j * k + t : t * n + j)];
                sum += (double) x * y;
                terms += Math.abs((double) x * y);
                rounded += tf32 ? toTf32(x) * toTf32(y) : x * y;
            }
            sum *= gemm.alpha();
            terms *= Math.abs(gemm.alpha());
            rounded *= gemm.alpha();
            if (gemm.beta() != 0) {
                sum += (double) gemm.beta() * c[at];
                terms += Math.abs((double) gemm.beta() * c[at]);
                rounded += gemm.beta() * c[at];
            }
            if (bias != null) {
                float added = bias[bias.length > n ? z * n + j : j];
                sum += added;
                terms += Math.abs(added);
                rounded += added;
            }
            if (gemm.function() != null) {
                sum = ActivationReference.of(gemm.function(), Jet.of(sum)).v();
                rounded = (float)
                        ActivationReference.of(gemm.function(), Jet.of(rounded)).v();
            }
            exact[at] = sum;
            magnitude[at] = terms;
            plain[at] = decode(gemm.c().dtype(), encode(gemm.c().dtype(), rounded));
        }
    }

    /** Every element within the descriptor's tolerance, and the error's norm at most twice that of the plain product. */
    void verify(KernelBench bench, Gemm gemm) {
        float[] actual = values(gemm.c().dtype(), bench.bytes(gemm.c()));
        Tolerance tolerance = gemm.tolerance();
        double ours = 0;
        double theirs = 0;
        double norm = 0;
        for (int i = 0; i < exact.length; i++) {
            boolean same = Double.isNaN(exact[i]) ? Float.isNaN(actual[i]) : actual[i] == exact[i];
            double error = Math.abs(actual[i] - exact[i]);
            double bound = tolerance.relative() * Math.max(magnitude[i], Math.abs(exact[i])) + tolerance.absolute();
            // written so that NaN fails
            if (!same && !(error <= bound)) {
                throw new AssertionError(gemm.entry() + ": C[" + i + "] is " + actual[i] + ", reference " + exact[i]
                        + ": error " + error + " exceeds " + bound);
            }
            if (!same && Double.isFinite(exact[i])) {
                ours += error * error;
                theirs += (plain[i] - exact[i]) * (plain[i] - exact[i]);
                norm += exact[i] * exact[i];
            }
        }
        // a unit in the last place or so: products of one term are exact, and device functions are not correctly
        // rounded; tensor
        // cores cut off what they do not keep, once per 16 terms
        double floor = (gemm.function() != null ? 4 : 2) + (gemm.isPlainFp32() ? 0 : gemm.k() / 32.0);
        assertThat(Math.sqrt(ours))
                .as("error of %s, against twice the plain product's", gemm.entry())
                .isLessThanOrEqualTo(2 * Math.sqrt(theirs) + floor * 6e-8 * Math.sqrt(norm) + tolerance.absolute());
    }

    static byte[] bytes(DType dtype, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * dtype.bytes()).order(ByteOrder.nativeOrder());
        for (float value : values) {
            if (dtype == DType.F32) {
                bytes.putFloat(value);
            } else {
                bytes.putShort((short) encode(dtype, value));
            }
        }
        return bytes.array();
    }

    static float[] values(DType dtype, byte[] stored) {
        ByteBuffer bytes = ByteBuffer.wrap(stored).order(ByteOrder.nativeOrder());
        float[] values = new float[stored.length / dtype.bytes()];
        for (int i = 0; i < values.length; i++) {
            values[i] = decode(dtype, dtype == DType.F32 ? bytes.getInt() : bytes.getShort() & 0xFFFF);
        }
        return values;
    }

    static int encode(DType dtype, float x) {
        int bits = Float.floatToRawIntBits(x);
        if (dtype == DType.F32) {
            return bits;
        }
        if (dtype == DType.BF16) {
            return Float.isNaN(x) ? 0x7FC0 : (bits + 0x7FFF + (bits >>> 16 & 1)) >>> 16;
        }
        int sign = bits >>> 16 & 0x8000;
        if (Float.isNaN(x)) {
            return 0x7E00;
        }
        double size = Math.abs((double) x);
        int exponent = Math.max(Math.getExponent(size), -14);
        long units = (long) Math.min(Math.rint(size / Math.scalb(1.0, exponent - 10)), 1 << 30);
        // a carry out of the fraction, and the step from subnormal to normal, run on into the exponent's bits
        int code = (int) Math.min(units + ((long) (exponent + 14) << 10), 0x7C00);
        return sign | (Float.isInfinite(x) ? 0x7C00 : code);
    }

    static float decode(DType dtype, int code) {
        if (dtype == DType.F32) {
            return Float.intBitsToFloat(code);
        }
        if (dtype == DType.BF16) {
            return Float.intBitsToFloat(code << 16);
        }
        int exponent = code >>> 10 & 31;
        double fraction = code & 0x3FF;
        double size = exponent == 31
                ? fraction != 0 ? Double.NaN : Double.POSITIVE_INFINITY
                : exponent == 0 ? fraction * 0x1p-24 : Math.scalb(1024 + fraction, exponent - 25);
        return (float) ((code & 0x8000) != 0 ? -size : size);
    }

    /** To 10 bits of fraction, ties away from zero. */
    private static float toTf32(float x) {
        return Float.isFinite(x) ? Float.intBitsToFloat(Float.floatToRawIntBits(x) + 0x1000 & 0xFFFFE000) : x;
    }
}
