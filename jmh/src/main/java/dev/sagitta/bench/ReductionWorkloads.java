package dev.sagitta.bench;

import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.reduce.AnyNonfinite;
import dev.sagitta.kernel.reduce.Dots;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/** Reductions of {@link BenchDevice#elements}. */
final class ReductionWorkloads {
    private static final int PROBES = ElementwiseWorkloads.PROBES;
    private static final int BLOCKS = 12;
    private static final int PART = 1 << 22;
    private static final Tolerance CLOSE = new Tolerance(1e-6, 1e-30);

    private ReductionWorkloads() {}

    static void add(Map<String, Catalogue.Builder> all) {
        all.put("sum", bench -> reduce(bench, Reduce.Operation.SUM));
        all.put("norm", bench -> reduce(bench, Reduce.Operation.NORM));
        all.put("dot", bench -> reduce(bench, null));
        all.put("max", bench -> reduce(bench, Reduce.Operation.MAX));
        all.put("argmax", bench -> reduce(bench, Reduce.Operation.ARGMAX));
        all.put("any_nonfinite", ReductionWorkloads::anyNonfinite);
        all.put("dots", ReductionWorkloads::dots);
    }

    /** @param operation null: the dot product */
    private static Workload reduce(BenchDevice bench, Reduce.Operation operation) {
        boolean two = operation == null;
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = two ? bench.normal("y", bench.elements()) : null;
        Tensor out = bench.empty("out", operation == Reduce.Operation.ARGMAX ? DType.I32 : DType.F32, 1);
        Tensor partials = bench.empty("partials", Reduce.partials(bench.device, 1, bench.elements()));
        Descriptor work = two ? Reduce.dot(x, y, out, partials) : Reduce.of(operation, x, out, partials);
        return Workload.of(bench, work, () -> {
            double sum = 0;
            double magnitude = 0;
            double squares = 0;
            double largest = Double.NEGATIVE_INFINITY;
            long at = -1;
            for (long first = 0; first < x.elements(); first += PART) {
                int count = (int) Math.min(PART, x.elements() - first);
                float[] a = bench.floats(x, first, count);
                float[] b = two ? bench.floats(y, first, count) : null;
                for (int i = 0; i < count; i++) {
                    double term = two ? (double) a[i] * b[i] : a[i];
                    sum += term;
                    magnitude += Math.abs(term);
                    squares += (double) a[i] * a[i];
                    if (a[i] > largest) {
                        largest = a[i];
                        at = first + i;
                    }
                }
            }
            switch (two ? Reduce.Operation.SUM : operation) {
                case MAX -> Samples.near(out, 0, bench.floats(out)[0], largest, 0, Tolerance.EXACT);
                case ARGMAX -> Samples.same(out, 0, bench.ints(out)[0], at);
                case NORM -> Samples.near(out, 0, bench.floats(out)[0], Math.sqrt(squares), Math.sqrt(squares), CLOSE);
                default -> Samples.near(out, 0, bench.floats(out)[0], sum, magnitude, CLOSE);
            }
        });
    }

    private static Workload anyNonfinite(BenchDevice bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor flag = bench.empty("flag", DType.I32, 1);
        Tensor index = bench.empty("index", DType.I64, 1);
        Tensor partials = bench.empty("partials", AnyNonfinite.partials(bench.device, bench.elements()));
        return Workload.of(bench, new AnyNonfinite(x, flag, index, partials), () -> {
            Samples.same(flag, 0, bench.ints(flag)[0], 0);
        });
    }

    private static Workload dots(BenchDevice bench) {
        int n = (int) (bench.elements() / PROBES);
        Tensor u = bench.normal("u", PROBES, n);
        Tensor v = bench.normal("v", PROBES, n);
        long[] ends = new long[BLOCKS + 1];
        for (int l = 0; l <= BLOCKS; l++) {
            ends[l] = (long) n * l * l / (BLOCKS * BLOCKS);
        }
        Tensor offsets = bench.empty("offsets", DType.I64, BLOCKS + 1);
        offsets.upload(bench.stream, ends);
        Tensor out = bench.empty("out", DType.F32, PROBES, BLOCKS);
        Tensor partials = bench.empty("partials", Dots.partials(bench.device, n, PROBES, BLOCKS));
        return Workload.of(bench, new Dots(u, v, offsets, out, partials), () -> {
            float[] actual = bench.floats(out);
            int k = PROBES - 1;
            float[] a = bench.floats(u, (long) k * n, n);
            float[] b = bench.floats(v, (long) k * n, n);
            for (int l = 0; l < BLOCKS; l++) {
                double sum = 0;
                double magnitude = 0;
                for (int i = (int) ends[l]; i < ends[l + 1]; i++) {
                    sum += (double) a[i] * b[i];
                    magnitude += Math.abs((double) a[i] * b[i]);
                }
                Samples.near(out, k * BLOCKS + l, actual[k * BLOCKS + l], sum, magnitude, CLOSE);
            }
        });
    }
}
