package dev.sagitta.kernel.random;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.fixture.Philox;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

public final class RandomKernelTest extends KernelSuite {
    private static final long SEED = 0x1234_5678_9ABC_DEF0L;
    private static final long STEP = 0x0003_FFFF_FFFEL;

    public static Tensor words(KernelBench bench, String name, int... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        return bench.input(name, DType.U32, bytes.array(), values.length);
    }

    public static Tensor state(KernelBench bench, long seed, long step) {
        return words(bench, "state", Random.words(seed, step));
    }

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        cases.add(new KernelCase("philox known answers", true, RandomKernelTest::knownAnswers));
        for (int n : new int[] {0, 1, 3, 4, 31, 32, 33, 1009, 100_003}) {
            for (Random.Kind kind : Random.Kind.values()) {
                cases.add(new KernelCase("random " + kind + " n=" + n, n < 2000, bench -> numbers(bench, kind, n, 0)));
            }
        }
        // the block number passes 2^32 in the middle
        cases.add(new KernelCase(
                "random from 2^34 - 20", true, bench -> numbers(bench, Random.Kind.BITS, 100, (1L << 34) - 20)));
        cases.add(new KernelCase("normal moments", false, RandomKernelTest::moments));
        for (float p : new float[] {0, 0.1f, 0.5f, 0.999f}) {
            for (int n : new int[] {1, 33, 1000, 1023}) {
                cases.add(new KernelCase("dropout p=" + p + " n=" + n, p == 0.1f, bench -> dropout(bench, p, n, 3)));
            }
        }
        cases.add(new KernelCase("dropout n=70001", false, bench -> dropout(bench, 0.25f, 70_001, 1)));
        cases.add(new KernelCase("random state advance", true, RandomKernelTest::advance));
        for (Random.Kind kind : new Random.Kind[] {Random.Kind.RADEMACHER, Random.Kind.NORMAL}) {
            cases.add(new KernelCase("probe " + kind, true, bench -> probes(bench, kind, 3, 0, 5, 1, 33, 100, 7, 64)));
            cases.add(new KernelCase("probe " + kind + " of one", true, bench -> probes(bench, kind, 2, 1, 2, 40, 9)));
            // a round of the grid passes several vectors of one parameter, and whole parameters
            cases.add(new KernelCase(
                    "probe " + kind + " many",
                    false,
                    bench -> probes(bench, kind, 8, 1, 4, 20_000, 9_001, 33, 12_000)));
            cases.add(new KernelCase(
                    "probe " + kind + " large", false, bench -> probes(bench, kind, 4, 0, 3, 70_001, 3, 128)));
        }
        return cases;
    }

    /** The vectors that Random123 publishes for philox4x32, 10 rounds. */
    private static void knownAnswers(KernelBench bench) {
        int[][] vectors = {
            {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
            {-1, -1, -1, -1, -1, -1, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
            {
                0x243f6a88,
                0x85a308d3,
                0x13198a2e,
                0x03707344,
                0xa4093822,
                0x299f31d0,
                0xd16cfe09,
                0x94fdcceb,
                0x5001e420,
                0x24126ea1
            }
        };
        for (int[] v : vectors) {
            long block = (v[0] & 0xFFFFFFFFL) | (v[1] & 0xFFFFL) << 32;
            long step = (v[3] & 0xFFFFFFFFL) | (v[1] >>> 16 & 0xFFFFL) << 32;
            Tensor state = state(bench, (v[4] & 0xFFFFFFFFL) | (long) v[5] << 32, step);
            Tensor out = bench.output("out", DType.U32, 4);
            bench.run(Random.bits(state, v[2], out).from(4 * block));
            assertThat(bench.ints(out)).containsExactly(v[6], v[7], v[8], v[9]);
        }
    }

    private static void numbers(KernelBench bench, Random.Kind kind, int n, long first) {
        Tensor out = bench.output("out", kind == Random.Kind.BITS ? DType.U32 : DType.F32, n);
        Random.Fill random =
                Random.fill(kind, state(bench, SEED, STEP), -7, out).from(first);
        bench.run(random);
        int[] words = Philox.stream(SEED, -7, STEP, first, (n + 3) / 4 * 4);
        if (kind == Random.Kind.BITS) {
            assertThat(bench.ints(out)).isEqualTo(java.util.Arrays.copyOf(words, n));
            return;
        }
        double[] expected = new double[n];
        for (int i = 0; i < n; i++) {
            expected[i] = switch (kind) {
                case UNIFORM -> (words[i] >>> 8) * 0x1p-24;
                case RADEMACHER -> words[i] < 0 ? -1 : 1;
                default -> normal(words, i);
            };
        }
        bench.compare(out, expected, random.tolerance());
    }

    private static double normal(int[] words, int i) {
        double u = ((words[i & ~1] & 0xFFFFFFFFL) + 0.5) * 0x1p-32;
        double angle = 2 * Math.PI * (words[i | 1] & 0xFFFFFFFFL) * 0x1p-32;
        return Math.sqrt(-2 * Math.log((float) u)) * (i % 2 == 0 ? Math.cos(angle) : Math.sin(angle));
    }

    /** Parameters from {@code from} to {@code to} are drawn, those beside get zeros, and the gap after each is left alone. */
    private static void probes(KernelBench bench, Random.Kind kind, int probes, int from, int to, int... sizes) {
        long first = STEP;
        int gap = 5;
        long[] keys = new long[sizes.length];
        long[] offsets = new long[sizes.length];
        long[] elements = new long[sizes.length];
        int length = 0;
        for (int l = 0; l < sizes.length; l++) {
            keys[l] = SEED * (l + 1);
            offsets[l] = length;
            elements[l] = sizes[l];
            length += sizes[l] + gap;
        }
        float[] before = new float[probes * length];
        java.util.Arrays.fill(before, 99);
        double[] expected = new double[before.length];
        java.util.Arrays.fill(expected, 99);
        for (int l = 0; l < sizes.length; l++) {
            for (int k = 0; k < probes; k++) {
                int at = (int) (probes * offsets[l] + k * elements[l]);
                int[] words = Philox.stream(keys[l], 0, first + k, 0, (sizes[l] + 3) / 4 * 4);
                for (int i = 0; i < sizes[l]; i++) {
                    double number = kind == Random.Kind.NORMAL ? normal(words, i) : words[i] < 0 ? -1 : 1;
                    expected[at + i] = l >= from && l < to ? number : 0;
                }
            }
        }
        Tensor which = longs(bench, "which", first, from, to);
        Tensor segments = longs(bench, "segments", Random.segments(keys, offsets, elements));
        Tensor out = bench.inOut("out", before, before.length);
        Random.ProbeVectors vectors = Random.probeVectors(kind, which, segments, Random.chunks(elements), probes, out);
        bench.run(vectors);
        bench.compare(out, expected, vectors.tolerance());
    }

    private static Tensor longs(KernelBench bench, String name, long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.nativeOrder());
        bytes.asLongBuffer().put(values);
        return bench.input(name, DType.I64, bytes.array(), values.length);
    }

    private static void moments(KernelBench bench) {
        int n = 1 << 20;
        Tensor out = bench.output("out", DType.F32, n);
        bench.run(Random.normal(state(bench, 1, 2), 3, out));
        double[] sums = new double[5];
        double product = 0;
        float[] values = bench.floats(out);
        for (int i = 0; i < n; i++) {
            for (int k = 1; k <= 4; k++) {
                sums[k] += Math.pow(values[i], k) / n;
            }
            product += i > 0 ? (double) values[i] * values[i - 1] / n : 0;
        }
        // five standard errors each
        double error = 5 / Math.sqrt(n);
        assertThat(Math.abs(sums[1])).isLessThan(error);
        assertThat(Math.abs(sums[2] - 1)).isLessThan(error * Math.sqrt(2));
        assertThat(Math.abs(sums[3])).isLessThan(error * Math.sqrt(15));
        assertThat(Math.abs(sums[4] - 3)).isLessThan(error * Math.sqrt(96));
        assertThat(Math.abs(product)).isLessThan(error);
    }

    private static void dropout(KernelBench bench, float p, int n, int probes) {
        float[] values = bench.normal((long) probes * n);
        int[] words = Philox.stream(SEED, 5, STEP, 0, n);
        long threshold = Math.round(p * 0x1p32);
        double[] expected = new double[probes * n];
        for (int i = 0; i < expected.length; i++) {
            boolean dropped = (words[i % n] & 0xFFFFFFFFL) < threshold;
            if (dropped && i % 5 == 0) {
                values[i] = Float.NaN; // what is dropped is not looked at
            }
            expected[i] = dropped ? 0 : values[i] / (1 - threshold * 0x1p-32);
        }
        Tensor x = bench.input("x", values, probes, n);
        Tensor y = bench.output("y", DType.F32, probes, n);
        Random.Dropout dropout = Random.dropout(state(bench, SEED, STEP), 5, p, n, x, y);
        bench.run(dropout);
        bench.compare(y, expected, dropout.tolerance());
    }

    private static void advance(KernelBench bench) {
        for (int[] steps : new int[][] {{0, 0, 1, 0}, {-1, 0, 0, 1}, {-2, 7, -1, 7}}) {
            ByteBuffer bytes = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder());
            bytes.asIntBuffer().put(new int[] {11, 22, steps[0], steps[1]});
            Tensor state = bench.inOut("state", DType.U32, bytes.array(), 4);
            bench.run(Random.advance(state));
            assertThat(bench.ints(state)).containsExactly(11, 22, steps[2], steps[3]);
        }
    }
}
