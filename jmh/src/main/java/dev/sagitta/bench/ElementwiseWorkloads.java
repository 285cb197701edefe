package dev.sagitta.bench;

import dev.sagitta.fixture.Fp64;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.kernel.elementwise.Mask;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;

/** Pointwise functions, arithmetic, bias and masks over {@link BenchDevice#elements}; what has probes: eight of them, of an eighth each. */
final class ElementwiseWorkloads {
    static final int PROBES = 8;

    private static final long COLUMNS = 1024;
    private static final Tolerance CLOSE = new Tolerance(1e-6, 1e-6);

    private ElementwiseWorkloads() {}

    static void add(Map<String, Catalogue.Builder> all) {
        all.put("empty", ElementwiseWorkloads::empty);
        all.put("relu_forward", bench -> forward(bench, Function.RELU, x -> Math.max(x, 0)));
        all.put("gelu_forward", bench -> forward(bench, Function.GELU, x -> x * Fp64.normalCdf(x)));
        all.put("silu_forward", bench -> forward(bench, Function.SILU, x -> x / (1 + Math.exp(-x))));
        all.put("tanh_forward", bench -> forward(bench, Function.TANH, Math::tanh));
        all.put("gelu_backward", ElementwiseWorkloads::backward);
        all.put("gelu_tangent", ElementwiseWorkloads::tangent);
        all.put("gelu_tangent_backward", ElementwiseWorkloads::tangentBackward);
        all.put("gelu_curvature", ElementwiseWorkloads::curvature);
        all.put("add", bench -> {
            Tensor a = bench.normal("a", bench.elements());
            Tensor b = bench.normal("b", bench.elements());
            Tensor y = bench.empty("y", DType.F32, bench.elements());
            return elementwise(bench, Arithmetic.add(a, b, y), y, x -> x[0] + x[1], a, b);
        });
        all.put("fma", bench -> {
            Tensor a = bench.normal("a", bench.elements());
            Tensor b = bench.normal("b", bench.elements());
            Tensor c = bench.normal("c", bench.elements());
            Tensor y = bench.empty("y", DType.F32, bench.elements());
            return elementwise(bench, Arithmetic.fma(a, b, c, y), y, x -> x[0] * x[1] + x[2], a, b, c);
        });
        all.put("scale", bench -> {
            Tensor a = bench.normal("a", bench.elements());
            Tensor y = bench.empty("y", DType.F32, bench.elements());
            return elementwise(bench, Arithmetic.scale(0.5f, a, y), y, x -> 0.5 * x[0], a);
        });
        all.put("axpby", ElementwiseWorkloads::axpby);
        all.put("bias_add", ElementwiseWorkloads::biasAdd);
        all.put("bias_gradient", ElementwiseWorkloads::biasGradient);
        all.put("relu_mask", ElementwiseWorkloads::reluMask);
        all.put("mask_apply", ElementwiseWorkloads::maskApply);
    }

    private static Workload elementwise(
            BenchDevice bench, Descriptor descriptor, Tensor y, Samples.Elementwise reference, Tensor... inputs) {
        return Workload.of(bench, descriptor, Samples.elementwise(bench, CLOSE, y, reference, inputs));
    }

    /** What a launch costs by itself. */
    private static Workload empty(BenchDevice bench) {
        Tensor nothing = bench.empty("nothing", DType.F32, 0);
        return Workload.of(bench, Arithmetic.scale(1, nothing, nothing), () -> {});
    }

    private static Workload forward(BenchDevice bench, Function function, DoubleUnaryOperator reference) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = bench.empty("y", DType.F32, bench.elements());
        return elementwise(bench, Pointwise.forward(function, x, y), y, v -> reference.applyAsDouble(v[0]), x);
    }

    private static double first(double x) {
        return Fp64.normalCdf(x) + x * density(x);
    }

    private static double second(double x) {
        return density(x) * (2 - x * x);
    }

    private static double density(double x) {
        return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }

    private static Workload backward(BenchDevice bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor dy = bench.normal("dy", bench.elements());
        Tensor dx = bench.empty("dx", DType.F32, bench.elements());
        return elementwise(bench, Pointwise.backward(Function.GELU, x, dy, dx), dx, v -> v[1] * first(v[0]), x, dy);
    }

    private static Workload tangent(BenchDevice bench) {
        long n = bench.elements() / PROBES;
        Tensor x = bench.normal("x", n);
        Tensor xt = bench.normal("xt", PROBES, n);
        Tensor yt = bench.empty("yt", DType.F32, PROBES, n);
        return Workload.of(
                bench,
                Pointwise.tangent(Function.GELU, x, xt, yt),
                () -> Samples.windows(n, (at, count) -> {
                    float[] value = bench.floats(x, at, count);
                    for (int k = 0; k < PROBES; k++) {
                        float[] vector = bench.floats(xt, k * n + at, count);
                        float[] actual = bench.floats(yt, k * n + at, count);
                        for (int i = 0; i < count; i++) {
                            Samples.near(
                                    yt,
                                    k * n + at + i,
                                    actual[i],
                                    first(value[i]) * vector[i],
                                    1 + Math.abs(vector[i]),
                                    CLOSE);
                        }
                    }
                }));
    }

    private static Workload tangentBackward(BenchDevice bench) {
        long n = bench.elements() / PROBES;
        Tensor x = bench.normal("x", n);
        Tensor dy = bench.normal("dy", n);
        Tensor xt = bench.normal("xt", PROBES, n);
        Tensor dyt = bench.normal("dyt", PROBES, n);
        Tensor dxt = bench.empty("dxt", DType.F32, PROBES, n);
        Pointwise.TangentBackward work = Pointwise.tangentBackward(Function.GELU, x, xt, dy, dyt, dxt);
        return Workload.of(
                bench,
                work,
                () -> Samples.windows(n, (at, count) -> {
                    float[] value = bench.floats(x, at, count);
                    float[] cotangent = bench.floats(dy, at, count);
                    for (int k = 0; k < PROBES; k++) {
                        float[] vector = bench.floats(xt, k * n + at, count);
                        float[] change = bench.floats(dyt, k * n + at, count);
                        float[] actual = bench.floats(dxt, k * n + at, count);
                        for (int i = 0; i < count; i++) {
                            double linear = change[i] * first(value[i]);
                            double curved = cotangent[i] * second(value[i]) * vector[i];
                            double magnitude = 1 + Math.abs(linear) + Math.abs(cotangent[i] * vector[i]);
                            Samples.near(dxt, k * n + at + i, actual[i], linear + curved, magnitude, CLOSE);
                        }
                    }
                }));
    }

    private static Workload curvature(BenchDevice bench) {
        long n = bench.elements() / PROBES;
        Tensor x = bench.normal("x", n);
        Tensor dy = bench.normal("dy", n);
        Tensor xt = bench.normal("xt", PROBES, n);
        Tensor out = bench.empty("out", DType.F32, PROBES);
        Tensor partials = bench.empty("partials", Pointwise.partials(bench.device, n, PROBES));
        return Workload.of(bench, Pointwise.curvature(Function.GELU, x, xt, dy, out, partials), () -> {
            float[] actual = bench.floats(out);
            float[] value = bench.floats(x);
            float[] cotangent = bench.floats(dy);
            // one probe: each takes seconds in plain Java
            int k = PROBES - 1;
            float[] vector = bench.floats(xt, k * n, (int) n);
            double sum = 0;
            double magnitude = 0;
            for (int i = 0; i < n; i++) {
                double term = cotangent[i] * second(value[i]) * vector[i] * vector[i];
                sum += term;
                magnitude += Math.abs(term);
            }
            Samples.near(out, k, actual[k], sum, magnitude, CLOSE);
        });
    }

    private static Workload axpby(BenchDevice bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = bench.normal("y", bench.elements());
        Arithmetic.Axpby work = Arithmetic.axpby(0.25f, x, 0.5f, y);
        // y changes in place: the values before are read first
        float[][] before = new float[1][];
        before[0] = bench.floats(y, 0, 4096);
        return Workload.of(bench, work, () -> {
            float[] a = bench.floats(x, 0, 4096);
            float[] actual = bench.floats(y, 0, 4096);
            for (int i = 0; i < actual.length; i++) {
                Samples.near(
                        y,
                        i,
                        actual[i],
                        0.25 * a[i] + 0.5 * before[0][i],
                        1 + Math.abs(a[i]) + Math.abs(before[0][i]),
                        CLOSE);
            }
        });
    }

    private static Workload biasAdd(BenchDevice bench) {
        Tensor y = bench.normal("y", bench.elements() / COLUMNS, COLUMNS);
        Tensor b = bench.normal("b", COLUMNS);
        float[] before = bench.floats(y, 0, 4096);
        return Workload.of(bench, Bias.add(y, b), () -> {
            float[] bias = bench.floats(b);
            float[] actual = bench.floats(y, 0, 4096);
            for (int i = 0; i < actual.length; i++) {
                double expected = (double) before[i] + bias[(int) (i % COLUMNS)];
                Samples.near(y, i, actual[i], expected, 1 + Math.abs(expected), CLOSE);
            }
        });
    }

    private static Workload biasGradient(BenchDevice bench) {
        long rows = bench.elements() / COLUMNS;
        Tensor dy = bench.normal("dy", rows, COLUMNS);
        Tensor db = bench.empty("db", DType.F32, COLUMNS);
        Tensor partials = bench.empty("partials", Bias.partials(bench.device, 1, rows, COLUMNS));
        return Workload.of(bench, Bias.gradient(dy, db, partials, false), () -> {
            double[] sums = new double[(int) COLUMNS];
            double[] magnitudes = new double[(int) COLUMNS];
            int most = 4096;
            for (long row = 0; row < rows; row += most) {
                float[] values = bench.floats(dy, row * COLUMNS, (int) (Math.min(most, rows - row) * COLUMNS));
                for (int i = 0; i < values.length; i++) {
                    sums[(int) (i % COLUMNS)] += values[i];
                    magnitudes[(int) (i % COLUMNS)] += Math.abs(values[i]);
                }
            }
            float[] actual = bench.floats(db);
            for (int c = 0; c < COLUMNS; c++) {
                Samples.near(db, c, actual[c], sums[c], magnitudes[c], CLOSE);
            }
        });
    }

    private static Workload reluMask(BenchDevice bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = bench.empty("y", DType.F32, bench.elements());
        Tensor mask = bench.empty("mask", DType.U32, Mask.words(bench.elements()));
        return Workload.of(
                bench,
                Mask.relu(x, y, mask),
                () -> Samples.windows(x.elements(), (at, count) -> {
                    float[] value = bench.floats(x, at, count);
                    float[] actual = bench.floats(y, at, count);
                    int[] bits = bench.ints(mask, at / 32, count / 32);
                    for (int i = 0; i < count; i++) {
                        Samples.same(mask, at + i, bits[i / 32] >>> i % 32 & 1, value[i] > 0 ? 1 : 0);
                        Samples.near(y, at + i, actual[i], Math.max(0, value[i]), 0, Tolerance.EXACT);
                    }
                }));
    }

    private static Workload maskApply(BenchDevice bench) {
        Tensor in = bench.normal("in", bench.elements());
        Tensor out = bench.empty("out", DType.F32, bench.elements());
        Tensor mask = bench.words("mask", Mask.words(bench.elements()));
        return Workload.of(
                bench,
                Mask.apply(mask, bench.elements(), in, out),
                () -> Samples.windows(in.elements(), (at, count) -> {
                    float[] value = bench.floats(in, at, count);
                    float[] actual = bench.floats(out, at, count);
                    int[] bits = bench.ints(mask, at / 32, count / 32);
                    for (int i = 0; i < count; i++) {
                        double expected = (bits[i / 32] >>> i % 32 & 1) == 1 ? value[i] : 0;
                        Samples.near(out, at + i, actual[i], expected, 0, Tolerance.EXACT);
                    }
                }));
    }
}
