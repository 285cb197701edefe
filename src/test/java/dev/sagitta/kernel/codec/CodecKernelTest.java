package dev.sagitta.kernel.codec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.CodecReference;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.fixture.Philox;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.random.RandomKernelTest;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class CodecKernelTest extends KernelSuite {
    private static final long SEED = 0xFEDC_BA98_7654_3210L;
    private static final long STEP = 41;
    private static final int STREAM = 9;
    private static final int[] BITS = {1, 2, 4, 8};

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int bits : BITS) {
            for (DType metadata : new DType[] {DType.F32, DType.BF16}) {
                for (int n : new int[] {0, 1, 7, 8, 33, 255, 256, 257, 512, 1009, 30_011}) {
                    CodecFormat format = new CodecFormat(bits, 256, metadata);
                    boolean small = n == 257 || n == 1009 && bits < 8 && metadata == DType.F32;
                    cases.add(new KernelCase(
                            "codec " + format + " n=" + n,
                            small,
                            bench -> pack(bench, format, bench.normal(n), true, 0)));
                }
            }
            for (int group : new int[] {64, 128, 512, 1024}) {
                CodecFormat format = new CodecFormat(bits, group, DType.F32);
                boolean small = bits == 2 && group != 512;
                cases.add(new KernelCase(
                        "codec " + format + " n=2123",
                        small,
                        bench -> pack(bench, format, bench.normal(2123), true, 0)));
            }
            edges(cases, bits);
            CodecFormat format = CodecFormat.of(bits);
            cases.add(new KernelCase(
                    "codec nearest " + format, bits == 4, bench -> pack(bench, format, bench.normal(777), false, 0)));
            cases.add(new KernelCase("codec adversarial " + format, bits == 1, bench -> adversarial(bench, format)));
            cases.add(new KernelCase(
                    "codec adversarial bf16 " + bits + " bits",
                    bits == 8,
                    bench -> adversarial(bench, new CodecFormat(bits, 64, DType.BF16))));
            cases.add(new KernelCase("codec end points " + format, false, bench -> endPoints(bench, format)));
            for (int row : new int[] {1, 10, 100, 256, 784, 1024, 5120}) {
                boolean small = bits == 4 && (row == 100 || row == 784);
                int rows = row == 1 ? 600 : row == 10 ? 333 : 7;
                cases.add(new KernelCase(
                        "codec variance " + format + " row=" + row,
                        small,
                        bench -> pack(bench, format, bench.normal((long) rows * row), true, row)));
            }
            CodecFormat wide = new CodecFormat(bits, bits < 4 ? 64 : 1024, DType.BF16);
            cases.add(new KernelCase(
                    "codec variance " + wide + " row=50",
                    bits == 8 || bits == 1,
                    bench -> pack(bench, wide, bench.normal(2000), true, 50)));
        }
        cases.add(new KernelCase(
                "codec variance of a row of 300000",
                false,
                bench -> pack(bench, CodecFormat.of(2), bench.normal(600_000), true, 300_000)));
        cases.add(new KernelCase(
                "codec variance of short groups",
                true,
                bench -> pack(bench, new CodecFormat(4, 1024, DType.F32), bench.normal(3 * 1031), true, 1031)));
        cases.add(new KernelCase("codec non-finite", true, CodecKernelTest::nonFinite));
        cases.add(new KernelCase("codec top codes", false, CodecKernelTest::topCodes));
        cases.add(new KernelCase("codec 70001 groups", false, CodecKernelTest::manyGroups));
        return cases;
    }

    /** About whole groups, and about what a warp or a work-group has of them: 512 or 1024 elements of pack, 256 of unpack, 4096 of a block. */
    private static void edges(List<KernelCase> cases, int bits) {
        for (int group : new int[] {64, 128, 256, 512, 1024}) {
            for (int n : new int[] {
                group - 1, group, group + 1, 512 - group / 4, 1024, 1025, 1024 + group, 1536, 4096 + group, 5 * 1024 - 1
            }) {
                DType metadata = (n & 1) == 0 ? DType.F32 : DType.BF16;
                CodecFormat format = new CodecFormat(bits, group, metadata);
                boolean small = bits == 4 && n <= 1024 && (n == group || n == group + 1);
                cases.add(new KernelCase(
                        "codec edges, " + format + " n=" + n,
                        small,
                        bench -> pack(bench, format, bench.normal(n), true, 0)));
            }
        }
    }

    /** Half of the elements are their group's maximum: whatever the noise and the grid's rounding, none may pass the top code. */
    private static void topCodes(KernelBench bench) {
        for (int bits : BITS) {
            for (DType metadata : new DType[] {DType.F32, DType.BF16}) {
                CodecFormat format = new CodecFormat(bits, 64, metadata);
                float[] values = new float[1 << 17];
                float low = 0;
                float high = 0;
                for (int i = 0; i < values.length; i++) {
                    if (i % 64 == 0) {
                        low = (float) Math.scalb(
                                bench.random().nextGaussian(), bench.random().nextInt(60) - 30);
                        high = low
                                + Math.scalb(
                                        bench.random().nextFloat(),
                                        bench.random().nextInt(60) - 30);
                    }
                    values[i] = i % 2 == 0 ? low : high;
                }
                pack(bench, format, values, true, 0);
            }
        }
    }

    /** Packs and unpacks, and compares every bit with the reference. */
    private static CodecReference pack(
            KernelBench bench, CodecFormat format, float[] values, boolean stochastic, long rowLength) {
        int n = values.length;
        Tensor x = bench.input("x", values, n);
        Tensor codes = bench.output("codes", DType.U32, format.packedWords(n));
        Tensor metadata = bench.output("metadata", format.metadata(), format.metadataElements(n));
        Tensor flags = bench.inOut("flags", DType.U32, new byte[4], 1);
        Tensor back = bench.output("back", DType.F32, n);
        int[] noise = stochastic ? Philox.halves(SEED, STREAM, STEP, n) : new int[n];
        if (!stochastic) {
            Arrays.fill(noise, 32768);
        }
        Codec.Pack pack = stochastic
                ? Codec.stochastic(format, RandomKernelTest.state(bench, SEED, STEP), STREAM, x, codes, metadata, flags)
                : Codec.nearest(format, x, codes, metadata, flags);
        Codec.Unpack unpack = Codec.unpack(format, codes, metadata, back);
        CodecReference reference = new CodecReference(format, values, noise);
        if (rowLength == 0) {
            bench.run(pack, unpack);
        } else {
            long rows = n / rowLength;
            Tensor segments = bench.output("segments", DType.F32, format.segments(rows, rowLength));
            Tensor variance = bench.output("variance", DType.F32, rows);
            Codec.RowVariance sum = Codec.rowVariance(format, segments, rowLength, variance);
            bench.run(pack.withVariance(segments, rowLength), unpack, sum);
            double[] expected = new double[(int) rows];
            for (int i = 0; i < n; i++) {
                expected[(int) (i / rowLength)] += reference.variance[i];
            }
            bench.compare(variance, expected, sum.tolerance());
            closeToFormula(format, values, bench.floats(variance), (int) rowLength);
        }
        assertThat(ints(bench, metadata)).as("metadata").isEqualTo(reference.metadata);
        assertThat(bench.ints(codes)).as("codes").isEqualTo(reference.words);
        assertThat(floatBits(bench.floats(back))).as("decoded").isEqualTo(floatBits(reference.decoded));
        assertThat(bench.ints(flags)[0]).as("flags").isEqualTo(reference.nonFinite ? Codec.NON_FINITE : 0);
        return reference;
    }

    /** The sum of s^2 p (1 - p) with p the fraction of (x - m) / s in fp64: nothing of our fixed point. */
    private static void closeToFormula(CodecFormat format, float[] x, float[] variance, int rowLength) {
        if (format.metadata() != DType.F32) {
            return;
        }
        double[] expected = new double[variance.length];
        double[] slack = new double[variance.length];
        for (int begin = 0; begin < x.length; begin += format.group()) {
            int end = Math.min(x.length, begin + format.group());
            double low = Double.POSITIVE_INFINITY;
            double high = Double.NEGATIVE_INFINITY;
            for (int i = begin; i < end; i++) {
                low = Math.min(low, x[i]);
                high = Math.max(high, x[i]);
            }
            double step = (high - low) / ((1 << format.bits()) - 1);
            for (int i = begin; i < end && step > 0; i++) {
                double t = (x[i] - low) / step;
                double p = t - Math.floor(t);
                expected[i / rowLength] += step * step * p * (1 - p);
                slack[i / rowLength] += step * step * 6e-5;
            }
        }
        for (int row = 0; row < expected.length; row++) {
            assertThat(Math.abs(variance[row] - expected[row]))
                    .as("variance of row %d", row)
                    .isLessThanOrEqualTo(slack[row] + 1e-12);
        }
    }

    private static int[] ints(KernelBench bench, Tensor tensor) {
        byte[] bytes = bench.bytes(tensor);
        int[] values = new int[bytes.length / 4];
        ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).asIntBuffer().get(values);
        return values;
    }

    private static int[] floatBits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    /** Groups that broke other quantisers: tiny and huge ranges, ranges that metadata swallow, subnormals, constants, signed zeros. */
    private static void adversarial(KernelBench bench, CodecFormat format) {
        int kinds = 14;
        float[] values = new float[kinds * format.group()];
        for (int i = 0; i < values.length; i++) {
            float u = bench.random().nextFloat();
            values[i] = switch (i / format.group()) {
                case 0 -> 0;
                case 1 -> -3.7f;
                case 2 -> u < 0.5f ? -0.0f : 0.0f;
                case 3 -> 1000 + 0.003f * u;
                case 4 -> 1 + (u < 0.5f ? 0 : Math.ulp(1f));
                case 5 -> Float.MIN_VALUE * (int) (100 * u);
                case 6 -> 0x1p-120f * u;
                case 7 -> 0x1p125f * (2 * u - 1);
                case 8 -> Float.MAX_VALUE - Math.ulp(Float.MAX_VALUE) * (int) (9 * u);
                case 9 -> -Float.MAX_VALUE + Math.ulp(Float.MAX_VALUE) * (int) (9 * u);
                case 10 -> i % format.group() == 5 ? 1e10f : u;
                case 11 -> i % format.group() == 5 ? -1e10f : -u;
                case 12 -> 255.99f + 0.02f * u;
                default -> (float) Math.exp(40 * (u - 0.5));
            };
        }
        CodecReference reference = pack(bench, format, values, true, 0);
        for (int i = 0; i < values.length; i++) {
            if (Float.isNaN(reference.decoded[i])) {
                // at either end of fp32 there is no bf16 below the minimum or a step that stays within
                assertThat(i / format.group()).isBetween(8, 9);
                assertThat(format.metadata()).isEqualTo(DType.BF16);
                continue;
            }
            int g = i / format.group();
            boolean bf16 = format.metadata() == DType.BF16;
            float step =
                    Float.intBitsToFloat(bf16 ? reference.metadata[g] & 0xFFFF0000 : reference.metadata[2 * g + 1]);
            double error = Math.abs((double) reference.decoded[i] - values[i]);
            assertThat(error)
                    .as("element %d of %s", i, format)
                    .isLessThanOrEqualTo(step * 1.00002 + Math.ulp(values[i]));
            if (g == 0 || !bf16 && (g == 1 || g == 2)) {
                assertThat(reference.decoded[i]).isEqualTo(values[i] == 0 ? 0.0f : values[i]);
            }
        }
    }

    /** The least and the largest of a group come back whatever the noise; {0, 1} at 1 bit exactly. */
    private static void endPoints(KernelBench bench, CodecFormat format) {
        float[] values = bench.normal(5000);
        for (int i = 0; i < 1024; i++) {
            values[i] = bench.random().nextInt(2);
        }
        int top = (1 << format.bits()) - 1;
        CodecReference reference = pack(bench, format, values, true, 0);
        for (int g = 0; g * 256 < values.length; g++) {
            int end = Math.min(values.length, g * 256 + 256);
            int least = g * 256;
            int most = least;
            for (int i = g * 256; i < end; i++) {
                least = values[i] < values[least] ? i : least;
                most = values[i] > values[most] ? i : most;
            }
            assertThat(reference.decoded[least]).isEqualTo(values[least]);
            assertThat(reference.words[most * format.bits() / 32] >>> most * format.bits() % 32 & top)
                    .isEqualTo(top);
            double range = (double) values[most] - values[least];
            double rounding = range * 0x1p-22 + Math.ulp(values[most]) / 2;
            assertThat(Math.abs(reference.decoded[most] - (double) values[most]))
                    .isLessThanOrEqualTo(rounding);
        }
        if (format.bits() == 1) {
            assertThat(Arrays.copyOf(reference.decoded, 1024)).isEqualTo(Arrays.copyOf(values, 1024));
        }
    }

    private static void nonFinite(KernelBench bench) {
        float[] values = bench.normal(6 * 256 + 20);
        values[300] = Float.NaN;
        values[256 * 2 + 255] = Float.POSITIVE_INFINITY;
        values[256 * 3] = Float.NEGATIVE_INFINITY;
        values[256 * 4] = Float.MAX_VALUE;
        values[256 * 4 + 1] = -Float.MAX_VALUE;
        values[256 * 6 + 19] = Float.NaN;
        CodecReference reference = pack(bench, CodecFormat.of(4), values, true, 0);
        for (int i = 0; i < values.length; i++) {
            int g = i / 256;
            assertThat(Float.isNaN(reference.decoded[i])).as("element %d", i).isEqualTo(g != 0 && g != 5);
        }
    }

    /** More groups than a grid's y extent, and not a multiple of anything. */
    private static void manyGroups(KernelBench bench) {
        float[] values = new float[70_000 * 64 + 5];
        for (int i = 0; i < values.length; i++) {
            values[i] = bench.random().nextFloat();
        }
        pack(bench, new CodecFormat(2, 64, DType.F32), values, true, 0);
    }
}
