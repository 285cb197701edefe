package dev.sagitta.kernel.elementwise;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.graph.op.elementwise.ActivationReference;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Pointwise functions, arithmetic, bias and masks over {@link Bench#elements}; what has probes: eight of them, of an eighth each. */
final class ElementwiseCases implements TimedCases {
    private static final int PROBES = 8;
    private static final long COLUMNS = 1024;
    /** Values that are checked of what changes in place. */
    private static final int CHECKED = 4096;
    /** Values that are downloaded at a time. */
    private static final int PART = 1 << 22;

    private static final Tolerance CLOSE = new Tolerance(1e-6, 1e-6);

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("empty", ElementwiseCases::empty),
                TimedCase.of("relu_forward", bench -> forward(bench, Function.RELU)),
                TimedCase.of("gelu_forward", bench -> forward(bench, Function.GELU)),
                TimedCase.of("silu_forward", bench -> forward(bench, Function.SILU)),
                TimedCase.of("tanh_forward", bench -> forward(bench, Function.TANH)),
                TimedCase.of("gelu_backward", ElementwiseCases::backward),
                TimedCase.of("gelu_tangent", ElementwiseCases::tangent),
                TimedCase.of("gelu_tangent_backward", ElementwiseCases::tangentBackward),
                TimedCase.of("gelu_curvature", ElementwiseCases::curvature),
                TimedCase.of("add", bench -> {
                    Tensor a = bench.normal("a", bench.elements());
                    Tensor b = bench.normal("b", bench.elements());
                    Tensor y = bench.output("y", DType.F32, bench.elements());
                    bench.run(Arithmetic.add(a, b, y));
                    bench.checkElementwise(CLOSE, y, x -> x[0] + x[1], a, b);
                }),
                TimedCase.of("fma", bench -> {
                    Tensor a = bench.normal("a", bench.elements());
                    Tensor b = bench.normal("b", bench.elements());
                    Tensor c = bench.normal("c", bench.elements());
                    Tensor y = bench.output("y", DType.F32, bench.elements());
                    bench.run(Arithmetic.fma(a, b, c, y));
                    bench.checkElementwise(CLOSE, y, x -> x[0] * x[1] + x[2], a, b, c);
                }),
                TimedCase.of("scale", bench -> {
                    Tensor a = bench.normal("a", bench.elements());
                    Tensor y = bench.output("y", DType.F32, bench.elements());
                    bench.run(Arithmetic.scale(0.5f, a, y));
                    bench.checkElementwise(CLOSE, y, x -> 0.5 * x[0], a);
                }),
                TimedCase.of("axpby", ElementwiseCases::axpby),
                TimedCase.of("bias_add", ElementwiseCases::biasAdd),
                TimedCase.of("bias_gradient", ElementwiseCases::biasGradient),
                TimedCase.of("relu_mask", ElementwiseCases::reluMask),
                TimedCase.of("mask_apply", ElementwiseCases::maskApply));
    }

    /** What a launch costs by itself. */
    private static void empty(Bench bench) {
        Tensor nothing = bench.output("nothing", DType.F32, 0);
        bench.run(Arithmetic.scale(1, nothing, nothing));
    }

    // ---- pointwise ----

    private static void forward(Bench bench, Function function) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = bench.output("y", DType.F32, bench.elements());
        bench.run(Pointwise.forward(function, x, y));
        bench.checkElementwise(
                CLOSE, y, v -> ActivationReference.of(function, Jet.of(v[0])).v(), x);
    }

    private static double[] gelu(double x) {
        return ActivationReference.derivatives(Function.GELU, x);
    }

    private static void backward(Bench bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor dy = bench.normal("dy", bench.elements());
        Tensor dx = bench.output("dx", DType.F32, bench.elements());
        bench.run(Pointwise.backward(Function.GELU, x, dy, dx));
        bench.checkElementwise(CLOSE, dx, v -> v[1] * gelu(v[0])[1], x, dy);
    }

    private static void tangent(Bench bench) {
        long n = bench.elements() / PROBES;
        Tensor x = bench.normal("x", n);
        Tensor xt = bench.normal("xt", PROBES, n);
        Tensor yt = bench.output("yt", DType.F32, PROBES, n);
        bench.run(Pointwise.tangent(Function.GELU, x, xt, yt));
        bench.check(() -> bench.windows(n, (at, count) -> {
            float[] value = bench.floats(x, at, count);
            for (int k = 0; k < PROBES; k++) {
                float[] vector = bench.floats(xt, k * n + at, count);
                float[] actual = bench.floats(yt, k * n + at, count);
                for (int i = 0; i < count; i++) {
                    double expected = gelu(value[i])[1] * vector[i];
                    Bench.near(yt, k * n + at + i, actual[i], expected, 1 + Math.abs(vector[i]), CLOSE);
                }
            }
        }));
    }

    private static void tangentBackward(Bench bench) {
        long n = bench.elements() / PROBES;
        Tensor x = bench.normal("x", n);
        Tensor dy = bench.normal("dy", n);
        Tensor xt = bench.normal("xt", PROBES, n);
        Tensor dyt = bench.normal("dyt", PROBES, n);
        Tensor dxt = bench.output("dxt", DType.F32, PROBES, n);
        bench.run(Pointwise.tangentBackward(Function.GELU, x, xt, dy, dyt, dxt));
        bench.check(() -> bench.windows(n, (at, count) -> {
            float[] value = bench.floats(x, at, count);
            float[] cotangent = bench.floats(dy, at, count);
            for (int k = 0; k < PROBES; k++) {
                float[] vector = bench.floats(xt, k * n + at, count);
                float[] change = bench.floats(dyt, k * n + at, count);
                float[] actual = bench.floats(dxt, k * n + at, count);
                for (int i = 0; i < count; i++) {
                    double[] f = gelu(value[i]);
                    double linear = change[i] * f[1];
                    double curved = cotangent[i] * f[2] * vector[i];
                    double magnitude = 1 + Math.abs(linear) + Math.abs(cotangent[i] * vector[i]);
                    Bench.near(dxt, k * n + at + i, actual[i], linear + curved, magnitude, CLOSE);
                }
            }
        }));
    }

    private static void curvature(Bench bench) {
        int n = (int) (bench.elements() / PROBES);
        Tensor x = bench.normal("x", n);
        Tensor dy = bench.normal("dy", n);
        Tensor xt = bench.normal("xt", PROBES, n);
        Tensor out = bench.output("out", DType.F32, PROBES);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                Pointwise.partials(bench.device(), n, PROBES).toArray());
        bench.run(Pointwise.curvature(Function.GELU, x, xt, dy, out, partials));
        bench.check(() -> {
            float[] value = bench.floats(x);
            float[] cotangent = bench.floats(dy);
            // one probe: each takes seconds in plain Java
            int k = PROBES - 1;
            float[] vector = bench.floats(xt, (long) k * n, n);
            double sum = 0;
            double magnitude = 0;
            for (int i = 0; i < n; i++) {
                double term = cotangent[i] * gelu(value[i])[2] * vector[i] * vector[i];
                sum += term;
                magnitude += Math.abs(term);
            }
            Bench.near(out, k, bench.floats(out)[k], sum, magnitude, CLOSE);
        });
    }

    // ---- arithmetic, bias, masks ----

    private static void axpby(Bench bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = bench.changing("y", bench.elements());
        bench.run(Arithmetic.axpby(0.25f, x, 0.5f, y));
        bench.check(() -> {
            float[] before = bench.before(y, CHECKED);
            float[] a = bench.floats(x, 0, CHECKED);
            float[] actual = bench.floats(y, 0, CHECKED);
            for (int i = 0; i < CHECKED; i++) {
                double magnitude = 1 + Math.abs(a[i]) + Math.abs(before[i]);
                Bench.near(y, i, actual[i], 0.25 * a[i] + 0.5 * before[i], magnitude, CLOSE);
            }
        });
    }

    private static void biasAdd(Bench bench) {
        Tensor y = bench.changing("y", bench.elements() / COLUMNS, COLUMNS);
        Tensor b = bench.normal("b", COLUMNS);
        bench.run(Bias.add(y, b));
        bench.check(() -> {
            float[] before = bench.before(y, CHECKED);
            float[] bias = bench.floats(b);
            float[] actual = bench.floats(y, 0, CHECKED);
            for (int i = 0; i < CHECKED; i++) {
                double expected = (double) before[i] + bias[(int) (i % COLUMNS)];
                Bench.near(y, i, actual[i], expected, 1 + Math.abs(expected), CLOSE);
            }
        });
    }

    private static void biasGradient(Bench bench) {
        long rows = bench.elements() / COLUMNS;
        Tensor dy = bench.normal("dy", rows, COLUMNS);
        Tensor db = bench.output("db", DType.F32, COLUMNS);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                Bias.partials(bench.device(), 1, rows, COLUMNS).toArray());
        bench.run(Bias.gradient(dy, db, partials, false));
        bench.check(() -> {
            double[] sums = new double[(int) COLUMNS];
            double[] magnitudes = new double[(int) COLUMNS];
            for (long first = 0; first < dy.elements(); first += PART) {
                float[] values = bench.floats(dy, first, (int) Math.min(PART, dy.elements() - first));
                for (int i = 0; i < values.length; i++) {
                    sums[(int) (i % COLUMNS)] += values[i];
                    magnitudes[(int) (i % COLUMNS)] += Math.abs(values[i]);
                }
            }
            float[] actual = bench.floats(db);
            for (int c = 0; c < COLUMNS; c++) {
                Bench.near(db, c, actual[c], sums[c], magnitudes[c], CLOSE);
            }
        });
    }

    private static void reluMask(Bench bench) {
        Tensor x = bench.normal("x", bench.elements());
        Tensor y = bench.output("y", DType.F32, bench.elements());
        Tensor mask = bench.output("mask", DType.U32, Mask.words(bench.elements()));
        bench.run(Mask.relu(x, y, mask));
        bench.check(() -> bench.windows(x.elements(), (at, count) -> {
            float[] value = bench.floats(x, at, count);
            float[] actual = bench.floats(y, at, count);
            int[] bits = bench.ints(mask, at / 32, count / 32);
            for (int i = 0; i < count; i++) {
                Bench.same(mask, at + i, bits[i / 32] >>> i % 32 & 1, value[i] > 0 ? 1 : 0);
                Bench.near(y, at + i, actual[i], Math.max(0, value[i]), 0, Tolerance.EXACT);
            }
        }));
    }

    private static void maskApply(Bench bench) {
        Tensor in = bench.normal("in", bench.elements());
        Tensor out = bench.output("out", DType.F32, bench.elements());
        Tensor mask = bench.words("mask", Mask.words(bench.elements()));
        bench.run(Mask.apply(mask, bench.elements(), in, out));
        bench.check(() -> bench.windows(in.elements(), (at, count) -> {
            float[] value = bench.floats(in, at, count);
            float[] actual = bench.floats(out, at, count);
            int[] bits = bench.ints(mask, at / 32, count / 32);
            for (int i = 0; i < count; i++) {
                double expected = (bits[i / 32] >>> i % 32 & 1) == 1 ? value[i] : 0;
                Bench.near(out, at + i, actual[i], expected, 0, Tolerance.EXACT);
            }
        }));
    }
}
