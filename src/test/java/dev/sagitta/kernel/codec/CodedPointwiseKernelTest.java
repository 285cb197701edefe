package dev.sagitta.kernel.codec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Backward from codes: bit for bit what unpacking first gives. */
final class CodedPointwiseKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (Function function : Function.values()) {
            if (function == Function.RELU) {
                continue;
            }
            cases.add(
                    new KernelCase(function + " from 4 bits", true, bench -> backward(bench, function, 4, 256, 1003)));
        }
        for (int bits : new int[] {1, 2, 4, 8}) {
            for (int n : new int[] {1, 7, 8, 9, 31, 64, 257, 4096, 70_001}) {
                cases.add(new KernelCase(
                        "GELU from " + bits + " bits n=" + n,
                        n < 300,
                        bench -> backward(bench, Function.GELU, bits, 64, n)));
            }
        }
        return cases;
    }

    private static void backward(KernelBench bench, Function function, int bits, int group, int n) {
        CodecFormat format = new CodecFormat(bits, group, DType.BF16);
        float[] values = bench.normal(n);
        if (n > 200) {
            values[130] = Float.NaN; // a group that decodes to NaN throughout
        }
        Tensor x = bench.input("x", values, n);
        Tensor dy = bench.input("dy", bench.normal(n), n);
        Tensor codes = bench.output("codes", DType.U32, format.packedWords(n));
        Tensor metadata = bench.output("metadata", DType.BF16, format.metadataElements(n));
        Tensor flags = bench.inOut("flags", DType.U32, new byte[4], 1);
        Tensor restored = bench.output("restored", DType.F32, n);
        Tensor expected = bench.output("expected", DType.F32, n);
        Tensor dx = bench.output("dx", DType.F32, n);
        CodedPointwise.Backward coded = CodedPointwise.backward(function, format, codes, metadata, dy, dx);
        bench.run(
                Codec.nearest(format, x, codes, metadata, flags),
                Codec.unpack(format, codes, metadata, restored),
                Pointwise.backward(function, restored, dy, expected),
                coded);
        assertThat(bench.floats(dx)).isEqualTo(bench.floats(expected));
    }
}
