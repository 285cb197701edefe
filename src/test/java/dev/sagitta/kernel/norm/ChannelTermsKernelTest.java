package dev.sagitta.kernel.norm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.norm.ChannelNorm.Kind;
import dev.sagitta.kernel.norm.ChannelNorm.Masks;
import dev.sagitta.kernel.norm.ChannelTerms.Sets;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** All modes from sums to results, against jets of the definition; also with means far from zero. */
final class ChannelTermsKernelTest extends KernelSuite {
    private static final double EPSILON = 1e-3f;
    private static final float MOMENTUM = 0.25f;

    /** @param shift of all inputs, beside which they deviate by 1 */
    private record Size(int segments, int rows, int channels, int groups, int copies, float shift, boolean affine) {}

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (Size size : new Size[] {
            new Size(1, 5, 1, 1, 1, 0, true),
            new Size(1, 7, 3, 3, 2, 1, true),
            new Size(3, 4, 6, 2, 2, -2, false),
            new Size(2, 9, 5, 5, 3, 1000, true),
            new Size(1, 700, 33, 33, 2, 30, true),
            new Size(4, 130, 24, 3, 1, 100, true),
            new Size(1, 2500, 16, 16, 2, 0, true)
        }) {
            cases.add(new KernelCase(size.toString(), size.rows < 10, bench -> modes(bench, size)));
        }
        cases.add(new KernelCase("given statistics", true, ChannelTermsKernelTest::given));
        return cases;
    }

    private static float[] shifted(float[] values, float shift) {
        for (int i = 0; i < values.length; i++) {
            values[i] += shift;
        }
        return values;
    }

    private static void modes(KernelBench bench, Size s) {
        int n = s.segments * s.rows * s.channels;
        long[] one = {s.segments, s.rows, s.channels};
        long[] whole = {1, s.segments, s.rows, s.channels};
        long[] each = {s.copies, s.segments, s.rows, s.channels};
        Sets sets = new Sets(s.segments, s.rows, s.channels, s.groups, false);
        float[] x = shifted(bench.normal(n), s.shift);
        float[] w = bench.normal(s.channels);
        float[] b = bench.normal(s.channels);
        float[] dy = bench.normal(n);
        float[] xt = bench.normal((long) s.copies * n);
        float[] dyt = bench.normal((long) s.copies * n);
        float[] wt = bench.normal((long) s.copies * s.channels);
        float[] bt = bench.normal((long) s.copies * s.channels);
        Tensor tx = bench.input("x", x, one);
        Tensor tw = s.affine ? bench.input("w", w, s.channels) : null;
        Tensor tb = s.affine ? bench.input("b", b, s.channels) : null;
        Tensor twt = s.affine ? bench.input("wt", wt, s.copies, s.channels) : null;
        Tensor tbt = s.affine ? bench.input("bt", bt, s.copies, s.channels) : null;
        Tensor tdy = bench.input("dy", dy, one);
        Tensor txt = bench.input("xt", xt, each);
        Tensor tdyt = bench.input("dyt", dyt, each);
        Tensor mean = bench.output("mean", DType.F32, s.segments, s.channels);
        Tensor r = bench.output("r", DType.F32, s.segments, s.channels);
        boolean batch = s.segments == 1 && s.groups == s.channels;
        float[] before = bench.normal(s.channels);
        Tensor runningMean = batch ? bench.inOut("running mean", before, s.channels) : null;
        Tensor runningVariance = batch ? bench.inOut("running variance", before, s.channels) : null;
        Tensor[] terms = new Tensor[4];
        for (int i = 0; i < terms.length; i++) {
            terms[i] = bench.output(
                    "terms" + i, DType.F32, sets.terms(i < 2 ? 1 : s.copies).toArray());
        }
        Tensor spread = sums(bench, s, 1);
        Tensor ofDy = sums(bench, s, 1);
        Tensor ofXt = sums(bench, s, s.copies);
        Tensor pairs = sums(bench, s, s.copies);
        Tensor squares = sums(bench, s, s.copies);
        Tensor split =
                bench.output("primal", DType.F32, pairs.shape().extent(0), 1, s.segments, ChannelNorm.SUMS, s.channels);
        Tensor y = bench.output("y", DType.F32, whole);
        Tensor dx = bench.output("dx", DType.F32, whole);
        Tensor yt = bench.output("yt", DType.F32, each);
        Tensor dxt = bench.output("dxt", DType.F32, each);
        Tensor dw = s.affine ? bench.output("dw", DType.F32, s.channels) : null;
        Tensor db = s.affine ? bench.output("db", DType.F32, s.channels) : null;
        Tensor dwt = s.affine ? bench.output("dwt", DType.F32, s.copies, s.channels) : null;
        Tensor dbt = s.affine ? bench.output("dbt", DType.F32, s.copies, s.channels) : null;
        Tensor mt = bench.output("mt", DType.F32, s.copies, s.segments, s.channels);
        Tensor rt = bench.output("rt", DType.F32, s.copies, s.segments, s.channels);
        Tensor curvature = bench.output("curvature", DType.F32, s.copies);
        Tensor allX = tx.reshape(Shape.of(whole));
        Tensor allDy = tdy.reshape(Shape.of(whole));
        bench.run(
                new ChannelNorm.Sums(Kind.SPREAD, allX, null, null, null, null, null, null, spread),
                new ChannelTerms.Stats(
                        spread,
                        tx,
                        tw,
                        tb,
                        mean,
                        r,
                        terms[0],
                        runningMean,
                        runningVariance,
                        sets,
                        (float) EPSILON,
                        MOMENTUM),
                new ChannelNorm.Apply(null, null, null, tx, mean, terms[0], Masks.NONE, null, y),
                new ChannelNorm.Sums(Kind.BOTH, allDy, null, null, tx, mean, r, null, ofDy),
                new ChannelTerms.Backward(ofDy, r, tw, terms[1], dw, db, sets, 1, false, false),
                new ChannelNorm.Apply(allDy, null, null, tx, mean, terms[1], Masks.NONE, null, dx),
                new ChannelNorm.Sums(Kind.BOTH, txt, null, null, tx, mean, r, null, ofXt),
                new ChannelTerms.Tangent(ofXt, r, tw, twt, tbt, terms[2], mt, rt, sets, s.copies),
                new ChannelNorm.Apply(txt, null, null, tx, mean, terms[2], Masks.NONE, null, yt),
                new ChannelNorm.Sums(Kind.PAIRS, tdyt, txt, tdy, tx, mean, r, null, pairs),
                new ChannelNorm.Sums(Kind.BOTH, allDy, null, null, tx, mean, r, null, split),
                new ChannelTerms.TangentBackward(
                        pairs, split, r, mt, rt, tw, twt, terms[3], dwt, dbt, sets, s.copies, false, false),
                new ChannelNorm.Apply(tdyt, txt, tdy, tx, mean, terms[3], Masks.NONE, null, dxt),
                new ChannelNorm.Sums(Kind.SQUARES, null, txt, tdy, null, null, null, null, squares),
                new ChannelTerms.Curvature(squares, split, r, mt, rt, tw, twt, curvature, sets, s.copies));
        // the mean is kept in fp32: what it loses far from zero is relative to the deviation of 1
        Tolerance close = new Tolerance(2e-5 + Math.abs(s.shift) * 2e-7, 0);
        double[] curvatures = new double[s.copies];
        double[] sizes = new double[s.copies];
        for (int k = 0; k < s.copies; k++) {
            Truth truth = new Truth(
                    s, x, w, b, dy, part(xt, k, n), part(dyt, k, n), part(wt, k, s.channels), part(bt, k, s.channels));
            if (k == 0) {
                compare(bench, y, truth.y, close);
                compare(bench, dx, truth.dx, close);
                if (s.affine) {
                    compare(bench, dw, truth.dw, close);
                    compare(bench, db, truth.db, close);
                }
                if (batch) {
                    running(bench, s, x, before, runningMean, runningVariance, close);
                }
            }
            compare(bench, yt, truth.yt, k, close);
            compare(bench, dxt, truth.dxt, k, close);
            if (s.affine) {
                compare(bench, dwt, truth.dwt, k, close);
                compare(bench, dbt, truth.dbt, k, close);
            }
            curvatures[k] = truth.curvature;
            sizes[k] = truth.size;
        }
        bench.compare(curvature, curvatures, sizes, close);
    }

    private static Tensor sums(KernelBench bench, Size s, int copies) {
        Shape shape = ChannelNorm.partials(bench.device(), copies, s.segments, s.rows, s.channels);
        return bench.output("sums", DType.F32, shape.toArray());
    }

    private static float[] part(float[] values, int k, int n) {
        return java.util.Arrays.copyOfRange(values, k * n, (k + 1) * n);
    }

    /** Against the largest element, as errors of statistics reach all of them. */
    private static void compare(KernelBench bench, Tensor actual, double[] expected, Tolerance close) {
        compare(bench, actual, expected, 0, close);
    }

    private static void compare(KernelBench bench, Tensor actual, double[] expected, int k, Tolerance close) {
        double largest = 0;
        for (double value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        float[] got = bench.floats(actual);
        for (int i = 0; got != null && i < expected.length; i++) {
            if (!(Math.abs(got[k * expected.length + i] - expected[i]) <= close.relative() * largest)) {
                throw new AssertionError(actual + ": element " + i + " of copy " + k + " is "
                        + got[k * expected.length + i] + ", expected " + expected[i] + ", the largest " + largest);
            }
        }
    }

    private static void running(
            KernelBench bench, Size s, float[] x, float[] before, Tensor mean, Tensor variance, Tolerance close) {
        double[] means = new double[s.channels];
        double[] variances = new double[s.channels];
        for (int c = 0; c < s.channels; c++) {
            double sum = 0;
            for (int i = 0; i < s.rows; i++) {
                sum += x[i * s.channels + c];
            }
            double squares = 0;
            for (int i = 0; i < s.rows; i++) {
                squares += Math.pow(x[i * s.channels + c] - sum / s.rows, 2);
            }
            means[c] = before[c] + MOMENTUM * (sum / s.rows - before[c]);
            variances[c] = before[c] + MOMENTUM * (squares / (s.rows - 1) - before[c]);
        }
        compare(bench, mean, means, close);
        compare(bench, variance, variances, close);
    }

    /** Results in jets. */
    private static final class Truth {
        private final double[] y;
        private final double[] yt;
        private final double[] dx;
        private final double[] dxt;
        private final double[] dw;
        private final double[] dwt;
        private final double[] db;
        private final double[] dbt;
        private double curvature;
        private double size;

        Truth(Size s, float[] x, float[] w, float[] b, float[] dy, float[] xt, float[] dyt, float[] wt, float[] bt) {
            Jet.Tape tape = new Jet.Tape();
            Jet[] in = tape.leaves(doubles(x), doubles(xt));
            Jet[] scale = tape.leaves(s.affine ? doubles(w) : ones(s.channels), s.affine ? doubles(wt) : null);
            Jet[] shift = tape.leaves(s.affine ? doubles(b) : new double[s.channels], s.affine ? doubles(bt) : null);
            Jet[] out = new Jet[x.length];
            int width = s.channels / s.groups;
            int n = s.rows * width;
            for (int set = 0; set < s.segments * s.groups; set++) {
                int first = set / s.groups * s.rows * s.channels + set % s.groups * width;
                Jet mean = Jet.of(0);
                for (int i = 0; i < n; i++) {
                    mean = in[first + i / width * s.channels + i % width]
                            .times(1.0 / n)
                            .plus(mean);
                }
                Jet variance = Jet.of(EPSILON);
                for (int i = 0; i < n; i++) {
                    Jet e = in[first + i / width * s.channels + i % width].minus(mean);
                    variance = e.times(e).times(1.0 / n).plus(variance);
                }
                Jet inverse = variance.power(-0.5);
                for (int i = 0; i < n; i++) {
                    int j = first + i / width * s.channels + i % width;
                    out[j] = in[j].minus(mean)
                            .times(inverse)
                            .times(scale[j % s.channels])
                            .plus(shift[j % s.channels]);
                }
            }
            y = new double[x.length];
            yt = new double[x.length];
            for (int i = 0; i < x.length; i++) {
                y[i] = out[i].v();
                yt[i] = out[i].t();
                out[i].seed(dy[i], dyt[i]);
            }
            tape.pull();
            dx = of(in, false);
            dxt = of(in, true);
            dw = of(scale, false);
            dwt = of(scale, true);
            db = of(shift, false);
            dbt = of(shift, true);
            // t' H t of <dy, y>: what tangents of the cotangent add is <dyt, yt>
            for (int i = 0; i < x.length; i++) {
                curvature += xt[i] * dxt[i] - dyt[i] * yt[i];
                size += Math.abs(xt[i] * dxt[i]) + Math.abs(dyt[i] * yt[i]);
            }
            for (int c = 0; s.affine && c < s.channels; c++) {
                curvature += wt[c] * dwt[c] + bt[c] * dbt[c];
            }
        }

        private static double[] of(Jet[] jets, boolean tangents) {
            return java.util.Arrays.stream(jets)
                    .mapToDouble(tangents ? Jet::ct : Jet::c)
                    .toArray();
        }

        private static double[] ones(int n) {
            double[] ones = new double[n];
            java.util.Arrays.fill(ones, 1);
            return ones;
        }

        private static double[] doubles(float[] values) {
            double[] result = new double[values.length];
            for (int i = 0; i < values.length; i++) {
                result[i] = values[i];
            }
            return result;
        }
    }

    private static void given(KernelBench bench) {
        int channels = 19;
        float[] mean = bench.normal(channels);
        float[] variance = bench.normal(channels);
        float[] w = bench.normal(channels);
        float[] b = bench.normal(channels);
        double[] r = new double[channels];
        double[] terms = new double[ChannelNorm.TERMS * channels];
        for (int c = 0; c < channels; c++) {
            variance[c] *= variance[c];
            r[c] = 1 / Math.sqrt(variance[c] + EPSILON);
            terms[3 * channels + c] = w[c] * r[c];
            terms[4 * channels + c] = b[c];
        }
        Tensor keptMean = bench.output("mean", DType.F32, 1, channels);
        Tensor keptR = bench.output("r", DType.F32, 1, channels);
        Tensor made = bench.output("terms", DType.F32, 1, 1, ChannelNorm.TERMS, channels);
        bench.run(new ChannelTerms.Given(
                bench.input("given_mean", mean, channels),
                bench.input("given_variance", variance, channels),
                bench.input("w", w, channels),
                bench.input("b", b, channels),
                keptMean,
                keptR,
                made,
                (float) EPSILON));
        bench.compare(keptR, r, Tolerance.FLOAT);
        bench.compare(made, terms, Tolerance.FLOAT);
    }
}
