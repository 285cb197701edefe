package dev.sagitta.kernel.norm;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.norm.ChannelNorm.Kind;
import dev.sagitta.kernel.norm.ChannelNorm.Masks;
import dev.sagitta.kernel.norm.ChannelTerms.Sets;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Sums of channels and affine passes of every kind, with and without masks, and statistics of values far from 0. */
final class ChannelNormKernelTest extends KernelSuite {
    /** Of the sum of the terms' sizes. */
    private static final Tolerance SUMMED = new Tolerance(2e-6, 1e-30);
    /** Of statistics: the deviation is 1 and fp32 tells values of 1000 to 6e-5. */
    private static final Tolerance STATISTICS = new Tolerance(3e-6, 1e-30);

    private static final float EPSILON = 1e-5f;
    private static final float MOMENTUM = 0.25f;

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        // copies, segments, rows, channels
        int[][] shapes = {{1, 1, 1, 1}, {3, 1, 7, 3}, {2, 3, 5, 17}, {1, 1, 1000, 16}, {2, 2, 131, 33}, {1, 1, 4099, 70}
        };
        for (int[] s : shapes) {
            String of = " [" + s[0] + ", " + s[1] + ", " + s[2] + ", " + s[3] + "]";
            boolean small = (long) s[0] * s[1] * s[2] * s[3] <= 4000;
            add(cases, of, s, small, false);
            if (s[2] > 1) {
                for (int mean : new int[] {0, 1000, -30000}) {
                    cases.add(new KernelCase(
                            "statistics" + of + ", mean " + mean, small, bench -> statistics(bench, s, 1, mean)));
                }
                cases.add(new KernelCase(
                        "statistics of all channels" + of, small, bench -> statistics(bench, s, s[3], 1000)));
            }
        }
        for (int[] s : new int[][] {{2, 3, 7, 32}, {3, 1, 301, 64}}) {
            add(cases, " masked [" + s[0] + ", " + s[1] + ", " + s[2] + ", " + s[3] + "]", s, s[2] < 10, true);
        }
        return cases;
    }

    private static void add(List<KernelCase> cases, String of, int[] s, boolean small, boolean masked) {
        for (Kind kind : Kind.values()) {
            if (!masked || kind != Kind.SPREAD) {
                cases.add(new KernelCase("sums " + kind + of, small, bench -> sums(bench, s, kind, masked)));
            }
        }
        for (int reads = 0; reads < 16; reads++) {
            int which = reads;
            if ((reads & 10) == 2) {
                // v without x, which is refused
                continue;
            }
            for (Masks masks : masked ? Masks.values() : new Masks[] {Masks.NONE}) {
                String name = "apply " + Integer.toBinaryString(16 + which).substring(1) + ", " + masks + of;
                cases.add(new KernelCase(name, small, bench -> apply(bench, s, which, masks)));
            }
        }
    }

    private static boolean isSet(int[] words, int i) {
        return words == null || (words[i / 32] >>> i % 32 & 1) == 1;
    }

    /** Random bits. */
    private static int[] mask(KernelBench bench, int[] s) {
        return bench.random().ints(s[1] * s[2] * s[3] / 32).toArray();
    }

    private static Tensor words(KernelBench bench, int[] mask) {
        byte[] bytes = new byte[4 * mask.length];
        java.nio.ByteBuffer.wrap(bytes)
                .order(java.nio.ByteOrder.nativeOrder())
                .asIntBuffer()
                .put(mask);
        return bench.input("mask", DType.U32, bytes, mask.length);
    }

    private static void sums(KernelBench bench, int[] s, Kind kind, boolean masked) {
        int copies = s[0];
        int segments = s[1];
        int rows = s[2];
        int channels = s[3];
        int one = segments * rows * channels;
        boolean normed = kind == Kind.BOTH || kind == Kind.PAIRS;
        boolean paired = kind == Kind.PAIRS || kind == Kind.SQUARES;
        float[] u = kind == Kind.SQUARES ? null : bench.normal((long) copies * one);
        float[] v = paired ? bench.normal((long) copies * one) : null;
        float[] z = paired ? bench.normal(one) : null;
        float[] x = normed ? bench.normal(one) : null;
        float[] mean = normed ? bench.normal((long) segments * channels) : null;
        float[] r = normed ? bench.normal((long) segments * channels) : null;
        int[] mask = masked ? mask(bench, s) : null;
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                ChannelNorm.partials(bench.device(), copies, segments, rows, channels)
                        .toArray());
        bench.run(new ChannelNorm.Sums(
                kind,
                input(bench, "u", u, copies, segments, rows, channels),
                input(bench, "v", v, copies, segments, rows, channels),
                input(bench, "z", z, segments, rows, channels),
                input(bench, "x", x, segments, rows, channels),
                input(bench, "mean", mean, segments, channels),
                input(bench, "r", r, segments, channels),
                masked ? words(bench, mask) : null,
                partials));
        float[] got = bench.floats(partials);
        int places = copies * segments * ChannelNorm.SUMS * channels;
        double[] expected = new double[places];
        double[] size = new double[places];
        for (int i = 0; i < copies * one; i++) {
            int c = i % channels;
            int at = i % one;
            int segment = at / (rows * channels);
            int place = (i / one * segments + segment) * ChannelNorm.SUMS * channels + c;
            double on = isSet(mask, at) ? 1 : 0;
            double[] terms = new double[ChannelNorm.SUMS];
            if (kind == Kind.SPREAD) {
                terms[0] = (double) u[i] - u[(i / one * segments + segment) * rows * channels + c];
                terms[3] = terms[0] * terms[0];
            }
            if (normed) {
                int statistic = segment * channels + c;
                terms[0] = on * u[i];
                terms[1] = on * u[i] * ((double) x[at] - mean[statistic]) * r[statistic];
            }
            if (paired) {
                terms[2] = on * z[at] * v[i];
                terms[3] = kind == Kind.SQUARES ? (double) v[i] * v[i] : 0;
            }
            for (int t = 0; t < terms.length; t++) {
                expected[place + t * channels] += terms[t];
                size[place + t * channels] += Math.abs(terms[t]);
            }
        }
        for (int i = 0; i < places; i++) {
            double sum = 0;
            for (int p = 0; p < got.length / places; p++) {
                sum += got[p * places + i];
            }
            near("sum", i, sum, expected[i], size[i], SUMMED);
        }
    }

    private static Tensor input(KernelBench bench, String name, float[] values, long... shape) {
        return values == null ? null : bench.input(name, values, shape);
    }

    /** @param reads bits: u, v, z, x */
    private static void apply(KernelBench bench, int[] s, int reads, Masks masks) {
        int copies = s[0];
        int segments = s[1];
        int rows = s[2];
        int channels = s[3];
        int one = segments * rows * channels;
        float[] u = (reads & 1) == 0 ? null : bench.normal((long) copies * one);
        float[] v = (reads & 2) == 0 ? null : bench.normal((long) copies * one);
        float[] z = (reads & 4) == 0 ? null : bench.normal(one);
        float[] x = (reads & 8) == 0 ? null : bench.normal(one);
        float[] mean = x == null ? null : bench.normal((long) segments * channels);
        float[] terms = bench.normal((long) copies * segments * ChannelNorm.TERMS * channels);
        boolean writes = masks == Masks.WRITE;
        if (writes && copies > 1) {
            // a mask is of one copy
            apply(bench, new int[] {1, segments, rows, channels}, reads, masks);
            return;
        }
        int[] mask = masks == Masks.NONE || writes ? null : mask(bench, s);
        Tensor bits = writes ? bench.output("mask", DType.U32, one / 32) : mask == null ? null : words(bench, mask);
        Tensor y = bench.output("y", DType.F32, copies, segments, rows, channels);
        bench.run(new ChannelNorm.Apply(
                input(bench, "u", u, copies, segments, rows, channels),
                input(bench, "v", v, copies, segments, rows, channels),
                input(bench, "z", z, segments, rows, channels),
                input(bench, "x", x, segments, rows, channels),
                input(bench, "mean", mean, segments, channels),
                bench.input("terms", terms, copies, segments, ChannelNorm.TERMS, channels),
                masks,
                bits,
                y));
        float[] got = bench.floats(y);
        int[] written = writes ? bench.ints(bits) : null;
        for (int i = 0; i < copies * one; i++) {
            int c = i % channels;
            int at = i % one;
            int segment = at / (rows * channels);
            int first = (i / one * segments + segment) * ChannelNorm.TERMS * channels + c;
            double on = masks == Masks.COTANGENTS && !isSet(mask, at) ? 0 : 1;
            double[] parts = {
                u == null ? 0 : on * terms[first] * u[i],
                v == null ? 0 : (double) terms[first + channels] * v[i],
                z == null ? 0 : on * terms[first + 2 * channels] * z[at],
                x == null ? 0 : terms[first + 3 * channels] * ((double) x[at] - mean[segment * channels + c]),
                terms[first + 4 * channels]
            };
            double sum = 0;
            double size = 0;
            for (double part : parts) {
                sum += part;
                size += Math.abs(part);
            }
            if (masks == Masks.RESULT && !isSet(mask, at) || writes && sum < 0) {
                sum = 0;
            }
            near("y", i, got[i], sum, size, SUMMED);
            if (writes && isSet(written, i) != got[i] > 0) {
                throw new AssertionError("bit " + i + " of the mask is " + isSet(written, i) + ", y is " + got[i]);
            }
        }
    }

    /** Mean and r of values of deviation 1 round a mean that is large, and running statistics that move. */
    private static void statistics(KernelBench bench, int[] s, int width, int far) {
        int segments = s[1];
        int rows = s[2];
        int channels = s[3];
        int groups = channels / width;
        float[] x = bench.normal((long) segments * rows * channels);
        for (int i = 0; i < x.length; i++) {
            x[i] += far;
        }
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                ChannelNorm.partials(bench.device(), 1, segments, rows, channels)
                        .toArray());
        boolean moves = segments == 1 && width == 1;
        Tensor all = bench.input("x", x, 1, segments, rows, channels);
        Tensor viewed = bench.input("x of segments", x, segments, rows, channels);
        Tensor mean = bench.output("mean", DType.F32, segments, channels);
        Tensor r = bench.output("r", DType.F32, segments, channels);
        Tensor terms = bench.output("terms", DType.F32, 1, segments, ChannelNorm.TERMS, channels);
        float[] before = bench.normal(channels);
        Tensor runningMean = moves ? bench.inOut("running mean", before, channels) : null;
        Tensor runningVariance = moves ? bench.inOut("running variance", before, channels) : null;
        Descriptor summing = new ChannelNorm.Sums(Kind.SPREAD, all, null, null, null, null, null, null, partials);
        bench.run(
                summing,
                new ChannelTerms.Stats(
                        partials,
                        viewed,
                        null,
                        null,
                        mean,
                        r,
                        terms,
                        runningMean,
                        runningVariance,
                        new Sets(segments, rows, channels, groups, false),
                        EPSILON,
                        MOMENTUM));
        for (int segment = 0; segment < segments; segment++) {
            for (int group = 0; group < groups; group++) {
                double n = (double) rows * width;
                double sum = 0;
                double squares = 0;
                for (int pass = 0; pass < 2; pass++) {
                    for (int row = 0; row < rows; row++) {
                        for (int c = group * width; c < (group + 1) * width; c++) {
                            double value = x[(segment * rows + row) * channels + c];
                            sum += pass == 0 ? value : 0;
                            squares += pass == 0 ? 0 : (value - sum / n) * (value - sum / n);
                        }
                    }
                }
                double inverse = 1 / Math.sqrt(squares / n + EPSILON);
                for (int c = group * width; c < (group + 1) * width; c++) {
                    int at = segment * channels + c;
                    // a mean of this size cannot be told closer
                    near("mean", at, bench.floats(mean)[at], sum / n, 1 + Math.abs(far) / 10.0, STATISTICS);
                    near("r", at, bench.floats(r)[at], inverse, 10 * inverse, STATISTICS);
                    if (moves) {
                        double m = before[c] + MOMENTUM * (sum / n - before[c]);
                        double v = before[c] + MOMENTUM * (squares / (n - 1) - before[c]);
                        near("running mean", c, bench.floats(runningMean)[c], m, 1 + Math.abs(far), STATISTICS);
                        near("running variance", c, bench.floats(runningVariance)[c], v, 10, STATISTICS);
                    }
                }
            }
        }
    }

    private static void near(String what, int i, double actual, double expected, double size, Tolerance tolerance) {
        if (!(Math.abs(actual - expected) <= tolerance.relative() * size + tolerance.absolute())) {
            throw new AssertionError(
                    what + "[" + i + "] is " + actual + ", reference " + expected + ", of size " + size);
        }
    }
}
