package dev.sagitta.kernel.codec;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.CodecReference;
import dev.sagitta.fixture.Fp64;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** The activation codec over {@link Bench#elements}. */
final class CodecCases implements TimedCases {
    private static final int RANDOM_STREAM = 1000;
    private static final long ROW = 512;

    @Override
    public List<TimedCase> cases() {
        List<TimedCase> cases = new ArrayList<>();
        for (int bits : new int[] {1, 2, 4, 8}) {
            cases.add(TimedCase.of("pack" + bits, bench -> pack(bench, CodecFormat.of(bits), false)));
            cases.add(TimedCase.of("unpack" + bits, bench -> unpack(bench, CodecFormat.of(bits))));
        }
        cases.add(TimedCase.of("pack4_variance", bench -> pack(bench, CodecFormat.of(4), true)));
        cases.add(TimedCase.of("gelu_backward_from4", bench -> backward(bench, new CodecFormat(4, 256, DType.BF16)))
                .where(TimedCase.Where.ON_GPU));
        return cases;
    }

    /** One stored tensor. */
    private record Packed(CodecFormat format, Tensor x, Tensor codes, Tensor metadata, Codec.Pack pack) {
        static Packed of(Bench bench, CodecFormat format) {
            Tensor x = bench.normal("x", bench.elements());
            Tensor codes = bench.output("codes", DType.U32, format.packedWords(bench.elements()));
            Tensor metadata = bench.output("metadata", format.metadata(), format.metadataElements(bench.elements()));
            Tensor flags = bench.zeros("flags", DType.U32, 1);
            Codec.Pack pack = Codec.stochastic(format, bench.state(), RANDOM_STREAM, x, codes, metadata, flags);
            return new Packed(format, x, codes, metadata, pack);
        }

        /** With sixteen random bits of each element as the codec draws them: eight elements to a block. */
        CodecReference reference(Bench bench, long first, int count) {
            int[] noise = new int[count];
            int[] block = null;
            for (int i = 0; i < count; i++) {
                if (i % 8 == 0) {
                    block = Philox.words(Bench.SEED, RANDOM_STREAM, 0, (first + i) / 8);
                }
                noise[i] = block[i / 2 % 4] >>> 16 * (i % 2) & 0xFFFF;
            }
            return new CodecReference(format, bench.floats(x, first, count), noise);
        }
    }

    private static void pack(Bench bench, CodecFormat format, boolean variance) {
        Packed packed = Packed.of(bench, format);
        Codec.Pack work = packed.pack;
        if (variance) {
            Tensor segments = bench.output("segments", DType.F32, format.segments(bench.elements() / ROW, ROW));
            work = work.withVariance(segments, ROW);
        }
        bench.run(work);
        bench.check(() -> bench.windows(bench.elements(), (first, count) -> {
            CodecReference reference = packed.reference(bench, first, count);
            long at = first * format.bits() / 32;
            int[] words = bench.ints(packed.codes, at, count * format.bits() / 32);
            for (int i = 0; i < words.length; i++) {
                Bench.same(packed.codes, at + i, words[i], reference.words[i]);
            }
        }));
    }

    private static void unpack(Bench bench, CodecFormat format) {
        Packed packed = Packed.of(bench, format);
        Tensor back = bench.output("back", DType.F32, bench.elements());
        bench.runAfter(packed.pack, Codec.unpack(format, packed.codes, packed.metadata, back));
        bench.check(() -> bench.windows(bench.elements(), (first, count) -> {
            CodecReference reference = packed.reference(bench, first, count);
            float[] actual = bench.floats(back, first, count);
            for (int i = 0; i < count; i++) {
                Bench.near(back, first + i, actual[i], reference.decoded[i], 0, Tolerance.EXACT);
            }
        }));
    }

    private static void backward(Bench bench, CodecFormat format) {
        Packed packed = Packed.of(bench, format);
        Tensor dy = bench.normal("dy", bench.elements());
        Tensor dx = bench.output("dx", DType.F32, bench.elements());
        CodedPointwise.Backward work =
                CodedPointwise.backward(Function.GELU, format, packed.codes, packed.metadata, dy, dx);
        bench.runAfter(packed.pack, work);
        bench.check(() -> bench.windows(bench.elements(), (first, count) -> {
            CodecReference reference = packed.reference(bench, first, count);
            float[] actual = bench.floats(dx, first, count);
            float[] cotangents = bench.floats(dy, first, count);
            for (int i = 0; i < count; i++) {
                double x = reference.decoded[i];
                double slope = Fp64.normalCdf(x) + x * Fp64.normalDensity(x);
                Bench.near(dx, first + i, actual[i], cotangents[i] * slope, Math.abs(cotangents[i]), work.tolerance());
            }
        }));
    }
}
