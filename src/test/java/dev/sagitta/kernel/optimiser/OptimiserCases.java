package dev.sagitta.kernel.optimiser;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Optimiser steps over half of {@link Bench#elements}. */
final class OptimiserCases implements TimedCases {
    private static final int CHECKED = 1024;
    private static final Tolerance CLOSE = new Tolerance(2e-6, 1e-9);

    @Override
    public List<TimedCase> cases() {
        return List.of(TimedCase.of("sgd", OptimiserCases::sgd), TimedCase.of("adamw", OptimiserCases::adamW));
    }

    private static Tensor settings(Bench bench, float[] values) {
        return bench.input("settings", values, OptimiserSettings.LENGTH);
    }

    /** A new value from an old one and its gradient. */
    private interface Rule {
        double step(double before, double slope);
    }

    private static void check(Bench bench, Tensor parameters, Tensor gradient, Rule rule) {
        bench.check(() -> {
            float[] before = bench.before(parameters, CHECKED);
            float[] slope = bench.floats(gradient, 0, CHECKED);
            float[] actual = bench.floats(parameters, 0, CHECKED);
            for (int i = 0; i < CHECKED; i++) {
                Bench.near(parameters, i, actual[i], rule.step(before[i], slope[i]), 4, CLOSE);
            }
        });
    }

    private static void sgd(Bench bench) {
        Tensor parameters = bench.changing("parameters", bench.elements() / 2);
        Tensor gradient = bench.normal("gradient", bench.elements() / 2);
        Tensor velocity = bench.zeros("velocity", DType.F32, bench.elements() / 2);
        Tensor settings = settings(bench, OptimiserSettings.sgd(0.01, 0.9, false, 0, Double.POSITIVE_INFINITY));
        bench.run(Optimiser.sgd(parameters, gradient, velocity, null, settings));
        check(bench, parameters, gradient, (before, slope) -> before - 0.01 * slope);
    }

    /** At the first step the moments without bias are g and g^2. */
    private static void adamW(Bench bench) {
        Tensor parameters = bench.changing("parameters", bench.elements() / 2);
        Tensor gradient = bench.normal("gradient", bench.elements() / 2);
        Tensor m = bench.zeros("m", DType.F32, bench.elements() / 2);
        Tensor v = bench.zeros("v", DType.F32, bench.elements() / 2);
        Tensor settings =
                settings(bench, OptimiserSettings.adamW(1e-3, 0.9, 0.999, 1e-8, 0.01, 1, Double.POSITIVE_INFINITY));
        bench.run(Optimiser.adamW(parameters, gradient, m, v, null, settings));
        check(
                bench,
                parameters,
                gradient,
                (before, slope) -> before * (1 - 1e-3 * 0.01) - 1e-3 * slope / (Math.abs(slope) + 1e-8));
    }
}
