package dev.sagitta.kernel.norm;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.norm.ChannelNorm.Kind;
import dev.sagitta.kernel.norm.ChannelNorm.Masks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** The passes of batch norm over images of 16 channels, as the first stage of a residual network has them: a quarter of {@link Bench#elements}. */
final class ChannelNormCases implements TimedCases {
    private static final int CHANNELS = 16;
    private static final int SHARE = 4;
    private static final Tolerance CLOSE = new Tolerance(3e-6, 3e-6);

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("batch_norm_statistics", bench -> sums(bench, Kind.SPREAD)),
                TimedCase.of("batch_norm_gradient_sums", bench -> sums(bench, Kind.BOTH)),
                TimedCase.of("batch_norm_forward", bench -> apply(bench, false)),
                TimedCase.of("batch_norm_backward", bench -> apply(bench, true)));
    }

    private static long rows(Bench bench) {
        return bench.elements() / SHARE / CHANNELS;
    }

    private static void sums(Bench bench, Kind kind) {
        long n = rows(bench);
        Tensor u = bench.normal("u", 1, 1, n, CHANNELS);
        boolean normed = kind == Kind.BOTH;
        Tensor x = normed ? bench.normal("x", 1, n, CHANNELS) : null;
        Tensor mean = normed ? bench.normal("mean", 1, CHANNELS) : null;
        Tensor r = normed ? bench.normal("r", 1, CHANNELS) : null;
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                ChannelNorm.partials(bench.device(), 1, 1, n, CHANNELS).toArray());
        bench.run(new ChannelNorm.Sums(kind, u, null, null, x, mean, r, null, partials));
        bench.check(() -> {
            float[] all = bench.floats(u);
            float[] parts = bench.floats(partials);
            double[] expected = new double[CHANNELS];
            double[] size = new double[CHANNELS];
            for (int i = 0; i < all.length; i++) {
                double term = normed ? all[i] : (double) all[i] - all[i % CHANNELS];
                expected[i % CHANNELS] += term;
                size[i % CHANNELS] += Math.abs(term);
            }
            for (int c = 0; c < CHANNELS; c++) {
                double sum = 0;
                for (int p = 0; p < parts.length / CHANNELS / ChannelNorm.SUMS; p++) {
                    sum += parts[p * ChannelNorm.SUMS * CHANNELS + c];
                }
                if (!(Math.abs(sum - expected[c]) <= CLOSE.relative() * size[c])) {
                    throw new AssertionError("sum of channel " + c + " is " + sum + ", reference " + expected[c]);
                }
            }
        });
    }

    /** @param backward whether there is a cotangent beside x */
    private static void apply(Bench bench, boolean backward) {
        long n = rows(bench);
        Tensor u = backward ? bench.normal("dy", 1, 1, n, CHANNELS) : null;
        Tensor x = bench.normal("x", 1, n, CHANNELS);
        Tensor mean = bench.normal("mean", 1, CHANNELS);
        Tensor terms = bench.normal("terms", 1, 1, ChannelNorm.TERMS, CHANNELS);
        Tensor y = bench.output("y", DType.F32, 1, 1, n, CHANNELS);
        bench.run(new ChannelNorm.Apply(u, null, null, x, mean, terms, Masks.NONE, null, y));
        bench.check(() -> {
            float[] t = bench.floats(terms);
            float[] m = bench.floats(mean);
            bench.windows(n * CHANNELS, (first, count) -> {
                float[] got = bench.floats(y, first, count);
                float[] in = bench.floats(x, first, count);
                float[] dy = backward ? bench.floats(u, first, count) : new float[count];
                for (int i = 0; i < count; i++) {
                    int c = (int) ((first + i) % CHANNELS);
                    double expected =
                            t[c] * (double) dy[i] + t[3 * CHANNELS + c] * ((double) in[i] - m[c]) + t[4 * CHANNELS + c];
                    NormRow.require("y", got[i], expected, CLOSE);
                }
            });
        });
    }
}
