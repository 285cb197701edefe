package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** The last position of a full cache: 32 heads of 128 over 8 of keys and values, turned by halves. */
final class AttentionDecodeCases implements TimedCases {
    private static final int HEADS = 32;
    private static final int KV = 8;
    private static final int D = 128;
    private static final int LONGEST = 8192;

    @Override
    public List<TimedCase> cases() {
        return List.of(TimedCase.of("attention_decode", AttentionDecodeCases::decode));
    }

    private static void decode(Bench bench) {
        int longest = bench.side(LONGEST);
        Tensor q = bench.normal("q", HEADS * D);
        Tensor k = bench.normal("k", KV * D);
        Tensor v = bench.normal("v", KV * D);
        Tensor keys = bench.changing("k_cache", KV, D, longest);
        Tensor values = bench.changing("v_cache", KV, longest, D);
        float[] angles = new float[longest * D];
        for (int i = 0; i < angles.length / 2; i++) {
            double angle = i / (D / 2) * Math.pow(10_000, -2.0 * (i % (D / 2)) / D);
            angles[2 * i] = (float) Math.cos(angle);
            angles[2 * i + 1] = (float) Math.sin(angle);
        }
        Tensor turns = bench.input("turns", angles, longest, D / 2, 2);
        Tensor o = bench.output("o", DType.F32, HEADS * D);
        float scale = (float) (1 / Math.sqrt(D));
        AttentionDecode decode = new AttentionDecode(
                q,
                k,
                v,
                keys,
                values,
                bench.input("position", new int[] {longest - 1}, 1),
                turns,
                null,
                o,
                new AttentionDecode.Layout(HEADS, KV, D, longest, 0, 0, 0, scale, 0, D, true));
        bench.run(decode);
        bench.check(() -> {
            for (int h = 0; h < HEADS; h += HEADS / KV + 1) {
                int g = h / (HEADS / KV);
                double[] query = turned(bench.floats(q, (long) h * D, D), angles);
                double[] key = turned(bench.floats(k, (long) g * D, D), angles);
                float[] cache = bench.floats(keys, (long) g * D * longest, D * longest);
                float[] rows = bench.floats(values, (long) g * D * longest, D * longest);
                double[] score = new double[longest];
                for (int c = 0; c < D; c++) {
                    // the position's own key has joined the others
                    long last = (c + 1L) * longest - 1;
                    Bench.near(keys, last, cache[(int) last], key[c], 4, decode.tolerance());
                    for (int j = 0; j < longest; j++) {
                        score[j] += scale * query[c] * cache[c * longest + j];
                    }
                }
                double most = Double.NEGATIVE_INFINITY;
                for (double one : score) {
                    most = Math.max(most, one);
                }
                double total = 0;
                double[] expected = new double[D];
                double[] size = new double[D];
                for (int j = 0; j < longest; j++) {
                    double weight = Math.exp(score[j] - most);
                    total += weight;
                    for (int c = 0; c < D; c++) {
                        expected[c] += weight * rows[j * D + c];
                        size[c] += Math.abs(weight * rows[j * D + c]);
                    }
                }
                float[] actual = bench.floats(o, (long) h * D, D);
                for (int c = 0; c < D; c++) {
                    Bench.near(
                            o, (long) h * D + c, actual[c], expected[c] / total, size[c] / total, decode.tolerance());
                }
            }
        });
    }

    /** By the angles of the last place. */
    private static double[] turned(float[] x, float[] angles) {
        double[] y = new double[D];
        for (int m = 0; m < D / 2; m++) {
            int at = angles.length - D + 2 * m;
            double a = x[m];
            double b = x[m + D / 2];
            y[m] = a * angles[at] - b * angles[at + 1];
            y[m + D / 2] = b * angles[at] + a * angles[at + 1];
        }
        return y;
    }
}
