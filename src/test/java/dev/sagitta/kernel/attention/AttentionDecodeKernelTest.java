package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class AttentionDecodeKernelTest extends KernelSuite {
    /** Heads, kv heads, d, longest, position, window, dims. */
    private static final int[][] SIZES = {
        {1, 1, 1, 1, 0, 0, 0},
        {2, 1, 3, 5, 4, 0, 2},
        {8, 4, 8, 40, 17, 0, 8},
        {4, 4, 32, 130, 129, 0, 0},
        {6, 2, 20, 700, 600, 0, 12},
        {3, 3, 64, 1100, 1056, 0, 64},
        {2, 2, 16, 1300, 1250, 530, 16},
        {2, 1, 256, 300, 255, 3, 128},
        {2, 1, 9, 300, 256, 0, 8},
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] n : SIZES) {
            String at = " H=" + n[0] + "/" + n[1] + " d=" + n[2] + " p=" + n[4] + " of " + n[3] + " w=" + n[5]
                    + " turned=" + n[6];
            boolean small = n[3] < 50;
            for (boolean halves : new boolean[] {false, true}) {
                cases.add(new KernelCase(
                        "attention decode" + at + (halves ? " by halves" : ""),
                        small,
                        bench -> decode(bench, n, halves, false, false)));
            }
            cases.add(new KernelCase(
                    "attention decode, packed, slopes" + at, small, bench -> decode(bench, n, true, true, true)));
        }
        return cases;
    }

    private static void decode(KernelBench bench, int[] n, boolean halves, boolean packed, boolean sloping) {
        int heads = n[0];
        int kv = n[1];
        int d = n[2];
        int longest = n[3];
        int p = n[4];
        int dims = n[6];
        float[] qkv = bench.normal((long) (heads + 2 * kv) * d);
        float[] keys = bench.normal((long) kv * d * longest);
        float[] values = bench.normal((long) kv * longest * d);
        float[] turns = new float[longest * dims];
        for (int i = 0; i < turns.length / 2; i++) {
            double angle = i / Math.max(1, dims / 2) * Math.pow(100, -2.0 * (i % Math.max(1, dims / 2)) / dims);
            turns[2 * i] = (float) Math.cos(angle);
            turns[2 * i + 1] = (float) Math.sin(angle);
        }
        float[] slopes = new float[heads];
        for (int h = 0; h < heads; h++) {
            slopes[h] = sloping ? (float) Math.pow(2, -1 - h) : 0;
        }
        int kFrom = heads * d;
        int vFrom = (heads + kv) * d;
        float[] q = java.util.Arrays.copyOf(qkv, kFrom);
        float[] k = java.util.Arrays.copyOfRange(qkv, kFrom, vFrom);
        float[] v = java.util.Arrays.copyOfRange(qkv, vFrom, qkv.length);
        Tensor all = packed ? bench.input("q", qkv, qkv.length) : null;
        Tensor keyCache = bench.inOut("k_cache", keys, kv, d, longest);
        Tensor valueCache = bench.inOut("v_cache", values, kv, longest, d);
        Tensor o = bench.output("o", DType.F32, heads * d);
        AttentionDecode.Layout layout = new AttentionDecode.Layout(
                heads, kv, d, longest, 0, packed ? kFrom : 0, packed ? vFrom : 0, 0.7f, n[5], dims, halves);
        AttentionDecode decode = new AttentionDecode(
                packed ? all : bench.input("q", q, q.length),
                packed ? all : bench.input("k", k, k.length),
                packed ? all : bench.input("v", v, v.length),
                keyCache,
                valueCache,
                bench.input("position", new int[] {p}, 1),
                dims == 0 ? null : bench.input("turns", turns, longest, dims / 2, 2),
                sloping ? bench.input("slopes", slopes, heads) : null,
                o,
                layout);
        bench.run(decode);

        double[] expectedKeys = wide(keys);
        double[] expectedValues = wide(values);
        double[] newKeys = new double[kv * d];
        double[] newQueries = new double[heads * d];
        turn(k, newKeys, kv, d, turns, p, dims, halves);
        turn(q, newQueries, heads, d, turns, p, dims, halves);
        for (int g = 0; g < kv; g++) {
            for (int c = 0; c < d; c++) {
                expectedKeys[(g * d + c) * longest + p] = newKeys[g * d + c];
                expectedValues[(g * longest + p) * d + c] = v[g * d + c];
            }
        }
        double[] expected = new double[heads * d];
        double[] magnitude = new double[heads * d];
        int first = n[5] > 0 ? Math.max(0, p - n[5] + 1) : 0;
        for (int h = 0; h < heads; h++) {
            int g = h / (heads / kv);
            double[] scores = new double[p + 1];
            double most = Double.NEGATIVE_INFINITY;
            for (int j = first; j <= p; j++) {
                for (int c = 0; c < d; c++) {
                    scores[j] += 0.7f * newQueries[h * d + c] * expectedKeys[(g * d + c) * longest + j];
                }
                scores[j] += slopes[h] * (j - p);
                most = Math.max(most, scores[j]);
            }
            double total = 0;
            for (int j = first; j <= p; j++) {
                double e = Math.exp(scores[j] - most);
                total += e;
                for (int c = 0; c < d; c++) {
                    double term = e * expectedValues[(g * longest + j) * d + c];
                    expected[h * d + c] += term;
                    magnitude[h * d + c] += Math.abs(term);
                }
            }
            for (int c = 0; c < d; c++) {
                expected[h * d + c] /= total;
                magnitude[h * d + c] /= total;
            }
        }
        bench.compare(o, expected, magnitude, decode.tolerance());
        bench.compare(keyCache, expectedKeys, decode.tolerance());
        bench.compare(valueCache, expectedValues, decode.tolerance());
    }

    private static double[] wide(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    private static void turn(float[] x, double[] to, int heads, int d, float[] turns, int p, int dims, boolean halves) {
        for (int h = 0; h < heads; h++) {
            for (int c = 0; c < d; c++) {
                to[h * d + c] = x[h * d + c];
            }
            for (int pair = 0; pair < dims / 2; pair++) {
                int a = h * d + (halves ? pair : 2 * pair);
                int b = h * d + (halves ? pair + dims / 2 : 2 * pair + 1);
                double cosine = turns[(p * (dims / 2) + pair) * 2];
                double sine = turns[(p * (dims / 2) + pair) * 2 + 1];
                to[a] = x[a] * cosine - x[b] * sine;
                to[b] = x[b] * cosine + x[a] * sine;
            }
        }
    }
}
