package dev.sagitta.kernel.random;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Random numbers over {@link Bench#elements}. */
final class RandomCases implements TimedCases {
    private static final int RANDOM_STREAM = 1000;
    private static final int PROBES = 8;
    private static final long LAYER = 512;
    private static final long SMALL_LAYER = 8;
    private static final float PROBABILITY = 0.25f;

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("random_bits", bench -> random(bench, Random.Kind.BITS)),
                TimedCase.of("random_uniform", bench -> random(bench, Random.Kind.UNIFORM)),
                TimedCase.of("random_normal", bench -> random(bench, Random.Kind.NORMAL)),
                TimedCase.of("random_rademacher", bench -> random(bench, Random.Kind.RADEMACHER)),
                TimedCase.of("probe_rademacher", RandomCases::probes),
                TimedCase.of("dropout", RandomCases::dropout));
    }

    private static void random(Bench bench, Random.Kind kind) {
        boolean bits = kind == Random.Kind.BITS;
        Tensor out = bench.output("out", bits ? DType.U32 : DType.F32, bench.elements());
        bench.run(Random.fill(kind, bench.state(), RANDOM_STREAM, out));
        bench.check(() -> bench.windows(bench.elements(), (first, count) -> {
            int[] words = Philox.stream(Bench.SEED, RANDOM_STREAM, 0, first, count);
            if (bits) {
                int[] actual = bench.ints(out, first, count);
                for (int i = 0; i < count; i++) {
                    Bench.same(out, first + i, actual[i], words[i]);
                }
                return;
            }
            float[] actual = bench.floats(out, first, count);
            if (kind == Random.Kind.NORMAL) {
                moments(out, actual);
                return;
            }
            for (int i = 0; i < count; i++) {
                double expected = kind == Random.Kind.UNIFORM ? (words[i] >>> 8) * 0x1p-24 : Math.signum(actual[i]);
                Bench.near(out, first + i, actual[i], expected, 0, Tolerance.EXACT);
            }
        }));
    }

    /** Mean and variance of a window within six standard errors: the exact values are the business of other cases. */
    private static void moments(Tensor out, float[] values) {
        double mean = 0;
        double square = 0;
        for (float value : values) {
            mean += value / (double) values.length;
            square += (double) value * value / values.length;
        }
        double error = 6 / Math.sqrt(values.length);
        Bench.near(out, 0, mean, 0, 1, new Tolerance(error, 0));
        Bench.near(out, 0, square, 1, 1, new Tolerance(1.5 * error, 0));
    }

    /** Probes over matrices and biases in turn, as a network has them. */
    private static void probes(Bench bench) {
        long layer = bench.elements() < PROBES * (LAYER * LAYER + LAYER) ? SMALL_LAYER : LAYER;
        int pairs = (int) Math.max(1, bench.elements() / PROBES / (layer * layer + layer));
        long[] keys = new long[2 * pairs];
        long[] offsets = new long[keys.length];
        long[] elements = new long[keys.length];
        long length = 0;
        for (int l = 0; l < keys.length; l++) {
            keys[l] = l;
            offsets[l] = length;
            elements[l] = l % 2 == 0 ? layer * layer : layer;
            length += elements[l];
        }
        Tensor which = bench.input("which", new long[] {0, 0, keys.length}, 3);
        Tensor segments = bench.input("segments", Random.segments(keys, offsets, elements), 4L * keys.length);
        Tensor out = bench.output("out", DType.F32, PROBES * length);
        bench.run(Random.probeVectors(Random.Kind.RADEMACHER, which, segments, Random.chunks(elements), PROBES, out));
        bench.check(() -> bench.windows(layer * layer, (first, count) -> {
            // the second probe of the first matrix
            int[] words = Philox.stream(0, 0, 1, first, count);
            float[] actual = bench.floats(out, layer * layer + first, count);
            for (int i = 0; i < count; i++) {
                Bench.near(out, first + i, actual[i], words[i] < 0 ? -1 : 1, 0, Tolerance.EXACT);
            }
        }));
    }

    private static void dropout(Bench bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = bench.output("y", DType.F32, bench.elements());
        bench.run(Random.dropout(bench.state(), RANDOM_STREAM, PROBABILITY, bench.elements(), x, y));
        bench.check(() -> bench.windows(bench.elements(), (first, count) -> {
            int[] words = Philox.stream(Bench.SEED, RANDOM_STREAM, 0, first, count);
            float[] value = bench.floats(x, first, count);
            float[] actual = bench.floats(y, first, count);
            long threshold = Math.round(PROBABILITY * 0x1p32);
            for (int i = 0; i < count; i++) {
                double expected = (words[i] & 0xFFFFFFFFL) < threshold ? 0 : value[i] / (1 - PROBABILITY);
                Bench.near(y, first + i, actual[i], expected, Math.abs(expected), new Tolerance(1e-6, 0));
            }
        }));
    }
}
