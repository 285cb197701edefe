package dev.sagitta.bench;

import dev.sagitta.fixture.CodecReference;
import dev.sagitta.fixture.Philox;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.codec.Codec;
import dev.sagitta.kernel.codec.CodecFormat;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/** The activation codec and random numbers over {@link BenchDevice#elements}. */
final class CodecWorkloads {
    private static final int RANDOM_STREAM = 1000;
    private static final long ROW = 512;
    private static final int PROBES = 8;
    private static final long LAYER = 512;
    private static final long SMALL_LAYER = 8;
    private static final float PROBABILITY = 0.25f;

    private CodecWorkloads() {}

    static void add(Map<String, Catalogue.Builder> all) {
        for (int bits : new int[] {1, 2, 4, 8}) {
            all.put("pack" + bits, bench -> pack(bench, CodecFormat.of(bits), false));
            all.put("unpack" + bits, bench -> unpack(bench, CodecFormat.of(bits)));
        }
        all.put("pack4_variance", bench -> pack(bench, CodecFormat.of(4), true));
        all.put("random_bits", bench -> random(bench, Random.Kind.BITS));
        all.put("random_uniform", bench -> random(bench, Random.Kind.UNIFORM));
        all.put("random_normal", bench -> random(bench, Random.Kind.NORMAL));
        all.put("random_rademacher", bench -> random(bench, Random.Kind.RADEMACHER));
        all.put("probe_rademacher", CodecWorkloads::probes);
        all.put("dropout", CodecWorkloads::dropout);
    }

    /** One stored tensor. */
    private record Packed(CodecFormat format, Tensor x, Tensor codes, Tensor metadata, Tensor flags) {
        static Packed of(BenchDevice bench, CodecFormat format) {
            return new Packed(
                    format,
                    bench.normal("x", bench.elements()),
                    bench.empty("codes", DType.U32, format.packedWords(bench.elements())),
                    bench.empty("metadata", format.metadata(), format.metadataElements(bench.elements())),
                    bench.zeros("flags", DType.U32, 1));
        }

        Codec.Pack pack(BenchDevice bench) {
            return Codec.stochastic(format, bench.state(), RANDOM_STREAM, x, codes, metadata, flags);
        }
    }

    /** Sixteen random bits of elements first .. first + count - 1, as the codec draws them: eight elements to a block. */
    private static int[] noise(BenchDevice bench, long first, int count) {
        long seed = seed(bench);
        int[] noise = new int[count];
        int[] block = null;
        for (int i = 0; i < count; i++) {
            if (i % 8 == 0) {
                block = Philox.words(seed, RANDOM_STREAM, 0, (first + i) / 8);
            }
            noise[i] = block[i / 2 % 4] >>> 16 * (i % 2) & 0xFFFF;
        }
        return noise;
    }

    private static Workload pack(BenchDevice bench, CodecFormat format, boolean variance) {
        Packed packed = Packed.of(bench, format);
        Codec.Pack work = packed.pack(bench);
        if (variance) {
            work = work.withVariance(
                    bench.empty("segments", DType.F32, format.segments(bench.elements() / ROW, ROW)), ROW);
        }
        return Workload.of(
                bench,
                work,
                () -> Samples.windows(bench.elements(), (first, count) -> {
                    CodecReference reference = new CodecReference(
                            format, bench.floats(packed.x, first, count), noise(bench, first, count));
                    int[] words = bench.ints(packed.codes, first * format.bits() / 32, count * format.bits() / 32);
                    for (int i = 0; i < words.length; i++) {
                        Samples.same(packed.codes, first * format.bits() / 32 + i, words[i], reference.words[i]);
                    }
                }));
    }

    private static Workload unpack(BenchDevice bench, CodecFormat format) {
        Packed packed = Packed.of(bench, format);
        bench.once(packed.pack(bench));
        Tensor back = bench.empty("back", DType.F32, bench.elements());
        Descriptor work = Codec.unpack(format, packed.codes, packed.metadata, back);
        return Workload.of(
                bench,
                work,
                () -> Samples.windows(bench.elements(), (first, count) -> {
                    CodecReference reference = new CodecReference(
                            format, bench.floats(packed.x, first, count), noise(bench, first, count));
                    float[] actual = bench.floats(back, first, count);
                    for (int i = 0; i < count; i++) {
                        Samples.near(back, first + i, actual[i], reference.decoded[i], 0, Tolerance.EXACT);
                    }
                }));
    }

    private static Workload random(BenchDevice bench, Random.Kind kind) {
        Tensor out = bench.empty("out", kind == Random.Kind.BITS ? DType.U32 : DType.F32, bench.elements());
        Random.Fill work = Random.fill(kind, bench.state(), RANDOM_STREAM, out);
        return Workload.of(
                bench,
                work,
                () -> Samples.windows(bench.elements(), (first, count) -> {
                    int[] words = Philox.stream(seed(bench), RANDOM_STREAM, 0, first, count);
                    if (kind == Random.Kind.BITS) {
                        int[] actual = bench.ints(out, first, count);
                        for (int i = 0; i < count; i++) {
                            Samples.same(out, first + i, actual[i], words[i]);
                        }
                        return;
                    }
                    float[] actual = bench.floats(out, first, count);
                    if (kind == Random.Kind.NORMAL) {
                        moments(out, actual);
                        return;
                    }
                    for (int i = 0; i < count; i++) {
                        double expected =
                                kind == Random.Kind.UNIFORM ? (words[i] >>> 8) * 0x1p-24 : Math.signum(actual[i]);
                        Samples.near(out, first + i, actual[i], expected, 0, Tolerance.EXACT);
                    }
                }));
    }

    /** Probes over matrices and biases in turn, as a network has them. */
    private static Workload probes(BenchDevice bench) {
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
        Tensor which = bench.empty("which", DType.I64, 3);
        Tensor segments = bench.empty("segments", DType.I64, 4L * keys.length);
        which.upload(bench.stream, new long[] {0, 0, keys.length});
        segments.upload(bench.stream, Random.segments(keys, offsets, elements));
        Tensor out = bench.empty("out", DType.F32, PROBES * length);
        Random.ProbeVectors work =
                Random.probeVectors(Random.Kind.RADEMACHER, which, segments, Random.chunks(elements), PROBES, out);
        return Workload.of(
                bench,
                work,
                () -> Samples.windows(layer * layer, (first, count) -> {
                    // the second probe of the first matrix
                    int[] words = Philox.stream(0, 0, 1, first, count);
                    float[] actual = bench.floats(out, layer * layer + first, count);
                    for (int i = 0; i < count; i++) {
                        Samples.near(out, first + i, actual[i], words[i] < 0 ? -1 : 1, 0, Tolerance.EXACT);
                    }
                }));
    }

    private static long seed(BenchDevice bench) {
        int[] state = bench.ints(bench.state());
        return state[0] & 0xFFFFFFFFL | (long) state[1] << 32;
    }

    /** Mean and variance of a window within six standard errors: the exact values are the suite's business. */
    private static void moments(Tensor out, float[] values) {
        double mean = 0;
        double square = 0;
        for (float value : values) {
            mean += value / (double) values.length;
            square += (double) value * value / values.length;
        }
        double error = 6 / Math.sqrt(values.length);
        Samples.near(out, 0, mean, 0, 1, new Tolerance(error, 0));
        Samples.near(out, 0, square, 1, 1, new Tolerance(1.5 * error, 0));
    }

    private static Workload dropout(BenchDevice bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = bench.empty("y", DType.F32, bench.elements());
        Descriptor work = Random.dropout(bench.state(), RANDOM_STREAM, PROBABILITY, bench.elements(), x, y);
        return Workload.of(
                bench,
                work,
                () -> Samples.windows(bench.elements(), (first, count) -> {
                    int[] words = Philox.stream(seed(bench), RANDOM_STREAM, 0, first, count);
                    float[] value = bench.floats(x, first, count);
                    float[] actual = bench.floats(y, first, count);
                    long threshold = Math.round(PROBABILITY * 0x1p32);
                    for (int i = 0; i < count; i++) {
                        double expected = (words[i] & 0xFFFFFFFFL) < threshold ? 0 : value[i] / (1 - PROBABILITY);
                        Samples.near(y, first + i, actual[i], expected, Math.abs(expected), new Tolerance(1e-6, 0));
                    }
                }));
    }
}
