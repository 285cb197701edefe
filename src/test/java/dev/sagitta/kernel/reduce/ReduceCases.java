package dev.sagitta.kernel.reduce;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Reductions of {@link Bench#elements}. */
final class ReduceCases implements TimedCases {
    private static final int PROBES = 8;
    private static final int BLOCKS = 12;
    private static final int VOCABULARY = 128 << 10;
    private static final int POSITIONS = 1024;
    private static final int PART = 1 << 22;
    private static final Tolerance CLOSE = new Tolerance(1e-6, 1e-30);

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("sum", bench -> reduce(bench, Reduce.Operation.SUM)),
                TimedCase.of("norm", bench -> reduce(bench, Reduce.Operation.NORM)),
                TimedCase.of("dot", bench -> reduce(bench, null)),
                TimedCase.of("max", bench -> reduce(bench, Reduce.Operation.MAX)),
                TimedCase.of("argmax", bench -> reduce(bench, Reduce.Operation.ARGMAX)),
                TimedCase.of("likeliest", ReduceCases::likeliest),
                TimedCase.of("any_nonfinite", ReduceCases::anyNonfinite),
                TimedCase.of("dots", ReduceCases::dots));
    }

    /** @param operation null: the dot product */
    private static void reduce(Bench bench, Reduce.Operation operation) {
        boolean two = operation == null;
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = two ? bench.normal("y", bench.elements()) : null;
        Tensor out = bench.output("out", operation == Reduce.Operation.ARGMAX ? DType.I32 : DType.F32, 1);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                Reduce.partials(bench.device(), 1, bench.elements()).toArray());
        bench.run(two ? Reduce.dot(x, y, out, partials) : Reduce.of(operation, x, out, partials));
        bench.check(() -> {
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
                case MAX -> Bench.near(out, 0, bench.floats(out)[0], largest, 0, Tolerance.EXACT);
                case ARGMAX -> Bench.same(out, 0, bench.ints(out)[0], at);
                case NORM -> Bench.near(out, 0, bench.floats(out)[0], Math.sqrt(squares), Math.sqrt(squares), CLOSE);
                default -> Bench.near(out, 0, bench.floats(out)[0], sum, magnitude, CLOSE);
            }
        });
    }

    /** Of a large vocabulary. */
    private static void likeliest(Bench bench) {
        int n = (int) Math.min(VOCABULARY, bench.elements());
        Tensor logits = bench.normal("logits", n);
        Tensor id = bench.output("id", DType.I32, 1);
        Tensor position = bench.input("position", new int[1], 1);
        Tensor ids = bench.output("ids", DType.I32, POSITIONS + 1);
        Tensor partials = bench.output(
                "partials", DType.F32, Reduce.partials(bench.device(), 1, n).toArray());
        bench.run(new Likeliest(logits, id, position, ids, partials));
        bench.check(() -> {
            float[] values = bench.floats(logits, 0, n);
            int best = 0;
            for (int i = 0; i < n; i++) {
                best = values[i] > values[best] ? i : best;
            }
            Bench.same(id, 0, bench.ints(id)[0], best);
        });
    }

    private static void anyNonfinite(Bench bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor flag = bench.output("flag", DType.I32, 1);
        Tensor index = bench.output("index", DType.I64, 1);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                AnyNonfinite.partials(bench.device(), bench.elements()).toArray());
        bench.run(new AnyNonfinite(x, flag, index, partials));
        bench.check(() -> Bench.same(flag, 0, bench.ints(flag)[0], 0));
    }

    private static void dots(Bench bench) {
        int n = (int) (bench.elements() / PROBES);
        Tensor u = bench.normal("u", PROBES, n);
        Tensor v = bench.normal("v", PROBES, n);
        long[] ends = new long[BLOCKS + 1];
        for (int l = 0; l <= BLOCKS; l++) {
            ends[l] = (long) n * l * l / (BLOCKS * BLOCKS);
        }
        Tensor offsets = bench.input("offsets", ends, BLOCKS + 1);
        Tensor out = bench.output("out", DType.F32, PROBES, BLOCKS);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                Dots.partials(bench.device(), n, PROBES, BLOCKS).toArray());
        bench.run(new Dots(u, v, offsets, out, partials));
        bench.check(() -> {
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
                Bench.near(out, k * BLOCKS + l, actual[k * BLOCKS + l], sum, magnitude, CLOSE);
            }
        });
    }
}
