package dev.sagitta.kernel.loss;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.function.DoubleBinaryOperator;

/** Losses of elements over half of {@link Bench#elements}, of tangents a part of that for each probe. */
final class ElementLossCases implements TimedCases {
    private static final int PROBES = 8;

    private static final Function SQUARED_ERROR =
            new Function(ElementLoss.Kind.MSE, (y, t) -> 2 * (y - t), (y, t) -> 2);
    private static final Function HUBER = new Function(
            ElementLoss.Kind.HUBER, (y, t) -> Math.max(-1, Math.min(1, y - t)), (y, t) -> Math.abs(y - t) <= 1 ? 1 : 0);
    private static final Function BINARY = new Function(
            ElementLoss.Kind.BCE_WITH_LOGITS, (y, t) -> sigmoid(y) - t, (y, t) -> sigmoid(y) * sigmoid(-y));

    /** A loss of an output and a target, with its derivatives by the output; huber's delta is 1. */
    private record Function(ElementLoss.Kind kind, DoubleBinaryOperator first, DoubleBinaryOperator second) {}

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("squared_error_forward_backward", bench -> forwardBackward(bench, SQUARED_ERROR)),
                TimedCase.of("huber_forward_backward", bench -> forwardBackward(bench, HUBER)),
                TimedCase.of("bce_with_logits_forward_backward", bench -> forwardBackward(bench, BINARY)),
                TimedCase.of("bce_with_logits_tangent_backward", bench -> tangentBackward(bench, BINARY)),
                TimedCase.of("bce_with_logits_curvature", bench -> curvature(bench, BINARY)));
    }

    private static double sigmoid(double y) {
        return 1 / (1 + Math.exp(-y));
    }

    /** Probabilities, where the loss takes them. */
    private static Tensor targets(Bench bench, Function of, long n) {
        return of.kind == ElementLoss.Kind.BCE_WITH_LOGITS ? bench.uniform("target", n) : bench.normal("target", n);
    }

    private static Tensor workspace(Bench bench, long n, int probes) {
        return bench.output("workspace", DType.F32, (ElementLoss.workspaceBytes(n, probes) + 3) / 4);
    }

    private static void forwardBackward(Bench bench, Function of) {
        long n = bench.elements() / 2;
        Tensor y = bench.normal("y", n);
        Tensor target = targets(bench, of, n);
        Tensor gradient = bench.output("gradient", DType.F32, n);
        Tensor loss = bench.output("loss", DType.F32, 1);
        bench.run(new ElementLoss.ForwardBackward(of.kind, 1, y, target, workspace(bench, n, 1), loss, gradient));
        bench.checkElementwise(
                new Tolerance(2e-6 / n, 1e-20), gradient, x -> of.first.applyAsDouble(x[0], x[1]) / n, y, target);
    }

    private static void tangentBackward(Bench bench, Function of) {
        long n = bench.elements() / 2 / PROBES;
        Tensor y = bench.normal("y", n);
        Tensor target = targets(bench, of, n);
        Tensor tangent = bench.normal("tangent", PROBES, n);
        Tensor out = bench.output("out", DType.F32, PROBES, n);
        bench.run(new ElementLoss.TangentBackward(of.kind, 1, y, target, tangent, out));
        bench.check(() -> bench.windows(n, (first, count) -> {
            float[] a = bench.floats(y, first, count);
            float[] b = bench.floats(target, first, count);
            for (int k = 0; k < PROBES; k++) {
                float[] v = bench.floats(tangent, k * n + first, count);
                float[] actual = bench.floats(out, k * n + first, count);
                for (int i = 0; i < count; i++) {
                    double expected = of.second.applyAsDouble(a[i], b[i]) * v[i] / n;
                    Bench.near(out, k * n + first + i, actual[i], expected, 1.0 / n, new Tolerance(2e-6, 1e-20));
                }
            }
        }));
    }

    private static void curvature(Bench bench, Function of) {
        long n = bench.elements() / 2 / PROBES;
        Tensor y = bench.normal("y", n);
        Tensor target = targets(bench, of, n);
        Tensor tangent = bench.normal("tangent", PROBES, n);
        Tensor curvature = bench.output("curvature", DType.F32, PROBES);
        bench.run(new ElementLoss.Curvature(of.kind, 1, y, target, tangent, workspace(bench, n, PROBES), curvature));
        bench.check(() -> {
            float[] a = bench.floats(y);
            float[] b = bench.floats(target);
            float[] actual = bench.floats(curvature);
            for (int k = 0; k < PROBES; k++) {
                float[] v = bench.floats(tangent, k * n, (int) n);
                double expected = 0;
                for (int i = 0; i < v.length; i++) {
                    expected += of.second.applyAsDouble(a[i], b[i]) * v[i] * v[i] / n;
                }
                Bench.near(curvature, k, actual[k], expected, expected, new Tolerance(4e-6, 0));
            }
        });
    }
}
