package dev.sagitta.kernel.reduce;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

final class DotsKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        cases.add(new KernelCase("dots of one element", true, bench -> dots(bench, 1, true, 0, 1)));
        cases.add(new KernelCase("dots, odd blocks", true, bench -> dots(bench, 3, true, 0, 5, 5, 18, 130, 131, 300)));
        cases.add(new KernelCase("dots, own v, gaps at the ends", true, bench -> dots(bench, 2, false, 3, 40, 90, 97)));
        cases.add(new KernelCase("dots, n=0", false, bench -> dots(bench, 2, true, 0, 0, 0)));
        cases.add(new KernelCase("dots, small blocks in many chunks", false, bench -> {
            long[] offsets = new long[1001];
            for (int l = 1; l < offsets.length; l++) {
                offsets[l] = offsets[l - 1] + bench.random().nextInt(300);
            }
            dots(bench, 5, true, offsets);
        }));
        cases.add(new KernelCase(
                "dots, layers",
                false,
                bench -> dots(bench, 16, true, 0, 401_408, 401_920, 664_064, 664_576, 669_696, 669_706)));
        cases.add(new KernelCase(
                "dots, own v, layers", false, bench -> dots(bench, 3, false, 0, 100_000, 100_001, 300_007)));
        cases.add(new KernelCase(
                "dots, block ends at chunk ends",
                false,
                bench -> dots(bench, 2, true, 0, 4096, 8192, 16_384, 32_768, 98_304)));
        return cases;
    }

    private static void dots(KernelBench bench, int probes, boolean shared, long... offsets) {
        int blocks = offsets.length - 1;
        // own vectors: some elements beyond the last block
        int n = Math.toIntExact(offsets[blocks] + (shared ? 0 : 5));
        float[] us = bench.normal((long) probes * n);
        float[] vs = bench.normal(shared ? n : (long) probes * n);
        ByteBuffer positions = ByteBuffer.allocate(offsets.length * 8).order(ByteOrder.nativeOrder());
        positions.asLongBuffer().put(offsets);
        Tensor u = bench.input("u", us, probes, n);
        Tensor v = shared ? bench.input("v", vs, n) : bench.input("v", vs, probes, n);
        Tensor at = bench.input("offsets", DType.I64, positions.array(), offsets.length);
        Tensor out = bench.output("out", DType.F32, probes, blocks);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                Dots.partials(bench.device(), n, probes, blocks).toArray());
        Dots dots = new Dots(u, v, at, out, partials);
        bench.run(dots);
        double[] expected = new double[probes * blocks];
        double[] size = new double[probes * blocks];
        for (int k = 0; k < probes; k++) {
            for (int l = 0; l < blocks; l++) {
                for (long i = offsets[l]; i < offsets[l + 1]; i++) {
                    double term = (double) us[(int) (k * (long) n + i)] * vs[(int) (shared ? i : k * (long) n + i)];
                    expected[k * blocks + l] += term;
                    size[k * blocks + l] += Math.abs(term);
                }
            }
        }
        bench.compare(out, expected, size, dots.tolerance());
    }
}
