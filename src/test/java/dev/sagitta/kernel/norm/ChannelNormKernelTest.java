package dev.sagitta.kernel.norm;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.norm.ChannelNorm.Kind;
import dev.sagitta.kernel.norm.ChannelNorm.Masks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Sums and maps by themselves, with masks. */
final class ChannelNormKernelTest extends KernelSuite {
    private static final Tolerance CLOSE = new Tolerance(1e-6, 1e-30);

    /** Oclgrind 21 narrows vectors of words (lib/cpu/pieces.h, sg_bits16) to other bits than devices do. */
    @Override
    protected boolean isInterpretedOnCpus() {
        return false;
    }

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            cases.add(new KernelCase("sums " + kind, true, bench -> sums(bench, kind, 2, 2, 5, 7, false)));
            cases.add(new KernelCase("sums of many " + kind, false, bench -> sums(bench, kind, 1, 3, 3001, 70, false)));
            if (kind != Kind.SPREAD) {
                cases.add(new KernelCase("masked " + kind, true, bench -> sums(bench, kind, 2, 1, 6, 32, true)));
            }
        }
        for (Masks masks : Masks.values()) {
            cases.add(new KernelCase("map " + masks, true, bench -> apply(bench, masks, 2, 2, 6, 32)));
            cases.add(new KernelCase("map of pairs of rows " + masks, true, bench -> apply(bench, masks, 2, 1, 7, 48)));
            cases.add(new KernelCase(
                    "map of many pairs of rows " + masks, false, bench -> apply(bench, masks, 1, 1, 3001, 16)));
            cases.add(new KernelCase("map of many " + masks, false, bench -> apply(bench, masks, 1, 3, 1025, 96)));
        }
        return cases;
    }

    private static boolean set(int[] words, int i) {
        return words == null || (words[i / 32] >> i % 32 & 1) != 0;
    }

    private static void sums(
            KernelBench bench, Kind kind, int copies, int segments, int rows, int channels, boolean masked) {
        int n = segments * rows * channels;
        boolean normed = kind == Kind.BOTH || kind == Kind.PAIRS;
        boolean paired = kind == Kind.PAIRS || kind == Kind.SQUARES;
        long[] each = {copies, segments, rows, channels};
        float[] u = bench.normal((long) copies * n);
        float[] v = bench.normal((long) copies * n);
        float[] z = bench.normal(n);
        float[] x = bench.normal(n);
        float[] mean = bench.normal((long) segments * channels);
        float[] r = bench.normal((long) segments * channels);
        int[] mask = masked ? bench.random().ints(n / 32).toArray() : null;
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                ChannelNorm.partials(bench.device(), copies, segments, rows, channels)
                        .toArray());
        bench.run(new ChannelNorm.Sums(
                kind,
                kind == Kind.SQUARES ? null : bench.input("u", u, each),
                paired ? bench.input("v", v, each) : null,
                paired ? bench.input("z", z, segments, rows, channels) : null,
                normed ? bench.input("x", x, segments, rows, channels) : null,
                normed ? bench.input("mean", mean, segments, channels) : null,
                normed ? bench.input("r", r, segments, channels) : null,
                masked ? words(bench, mask) : null,
                partials));
        int pieces = (int) partials.shape().extent(0);
        double[] expected = new double[pieces * copies * segments * ChannelNorm.SUMS * channels];
        double[] magnitude = new double[expected.length];
        for (int i = 0; i < copies * n; i++) {
            int at = i % n;
            int c = i % channels;
            int segment = at / channels / rows;
            int row = at / channels % rows;
            int piece = 0;
            while ((long) rows * (piece + 1) / pieces <= row) {
                piece++;
            }
            int copy = i / n;
            double[] terms = new double[ChannelNorm.SUMS];
            boolean counts = set(mask, at);
            if (kind == Kind.SPREAD) {
                float shift = u[copy * n + segment * rows * channels + c];
                terms[0] = (double) u[i] - shift;
                terms[3] = terms[0] * terms[0];
            }
            if (normed && counts) {
                terms[0] = u[i];
                terms[1] = u[i] * ((double) x[at] - mean[segment * channels + c]) * r[segment * channels + c];
            }
            if (paired && counts) {
                terms[2] = (double) v[i] * z[at];
            }
            if (kind == Kind.SQUARES) {
                terms[3] = (double) v[i] * v[i];
            }
            for (int place = 0; place < terms.length; place++) {
                int to = (((piece * copies + copy) * segments + segment) * ChannelNorm.SUMS + place) * channels + c;
                expected[to] += terms[place];
                magnitude[to] += Math.abs(terms[place]);
            }
        }
        bench.compare(partials, expected, magnitude, CLOSE);
    }

    private static Tensor words(KernelBench bench, int[] mask) {
        java.nio.ByteBuffer bytes =
                java.nio.ByteBuffer.allocate(4 * mask.length).order(java.nio.ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(mask);
        return bench.input("mask", DType.U32, bytes.array(), mask.length);
    }

    private static void apply(KernelBench bench, Masks masks, int copies, int segments, int rows, int channels) {
        int of = masks == Masks.WRITE ? 1 : copies;
        int n = segments * rows * channels;
        long[] each = {of, segments, rows, channels};
        float[] u = bench.normal((long) of * n);
        float[] v = bench.normal((long) of * n);
        float[] z = bench.normal(n);
        float[] x = bench.normal(n);
        float[] mean = bench.normal((long) segments * channels);
        float[] terms = bench.normal((long) of * segments * ChannelNorm.TERMS * channels);
        int[] bits = bench.random().ints((n + 31) / 32).toArray();
        Tensor y = bench.output("y", DType.F32, each);
        Tensor mask = masks == Masks.NONE
                ? null
                : masks == Masks.WRITE ? bench.output("mask", DType.U32, (n + 31) / 32) : words(bench, bits);
        bench.run(new ChannelNorm.Apply(
                bench.input("u", u, each),
                bench.input("v", v, each),
                bench.input("z", z, segments, rows, channels),
                bench.input("x", x, segments, rows, channels),
                bench.input("mean", mean, segments, channels),
                bench.input("terms", terms, of, segments, ChannelNorm.TERMS, channels),
                masks,
                mask,
                y));
        double[] expected = new double[of * n];
        double[] magnitude = new double[expected.length];
        int[] written = new int[(n + 31) / 32];
        for (int i = 0; i < of * n; i++) {
            int at = i % n;
            int c = i % channels;
            int segment = at / channels / rows;
            int t = (i / n * segments + segment) * ChannelNorm.TERMS * channels + c;
            boolean counts = masks != Masks.COTANGENTS || set(bits, at);
            double[] parts = {
                counts ? (double) terms[t] * u[i] : 0,
                (double) terms[t + channels] * v[i],
                counts ? (double) terms[t + 2 * channels] * z[at] : 0,
                terms[t + 3 * channels] * ((double) x[at] - mean[segment * channels + c]),
                terms[t + 4 * channels]
            };
            for (double part : parts) {
                expected[i] += part;
                magnitude[i] += Math.abs(part);
            }
            if (masks == Masks.RESULT && !set(bits, at)) {
                expected[i] = 0;
            }
            if (masks == Masks.WRITE) {
                written[at / 32] |= (expected[i] > 0 ? 1 : 0) << at % 32;
                expected[i] = Math.max(0, expected[i]);
            }
        }
        bench.compare(y, expected, magnitude, new Tolerance(8e-7, 1e-30));
        if (masks == Masks.WRITE) {
            int[] got = bench.ints(mask);
            for (int i = 0; got != null && i < written.length; i++) {
                int counted = 32 * (i + 1) <= n ? -1 : (1 << n % 32) - 1;
                if ((got[i] & counted) != written[i]) {
                    throw new AssertionError("word " + i + " of the mask is " + Integer.toHexString(got[i])
                            + ", expected " + Integer.toHexString(written[i]));
                }
            }
        }
    }
}
