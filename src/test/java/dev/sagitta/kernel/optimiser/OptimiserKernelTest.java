package dev.sagitta.kernel.optimiser;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Against the formulas of PyTorch's documentation, in fp64: torch.optim.SGD, torch.optim.AdamW, torch.nn.utils.clip_grad_norm_. */
final class OptimiserKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int n : new int[] {0, 1, 63, 64, 65, 1009, 16_384, 100_003}) {
            boolean small = n < 1000;
            for (double maxNorm : new double[] {0, 0.25, 1e6}) {
                String at = " n=" + n + (maxNorm > 0 ? " clipped to " + maxNorm : "");
                cases.add(new KernelCase("sgd plain" + at, small, bench -> sgd(bench, n, 0, false, 0, maxNorm)));
                cases.add(new KernelCase("sgd momentum" + at, small, bench -> sgd(bench, n, 0.9, false, 0.1, maxNorm)));
                cases.add(new KernelCase("sgd nesterov" + at, small, bench -> sgd(bench, n, 0.9, true, 0.1, maxNorm)));
                cases.add(new KernelCase("adamw" + at, small, bench -> adamW(bench, n, 1, 0.1, maxNorm)));
                cases.add(new KernelCase("adamw, later" + at, small, bench -> adamW(bench, n, 1000, 0.01, maxNorm)));
            }
        }
        cases.add(
                new KernelCase("clipping shows a NaN", true, bench -> unusual(bench, Float.NaN, Float.NaN, Float.NaN)));
        cases.add(new KernelCase(
                "clipping shows an overflow", true, bench -> unusual(bench, 3e38f, Float.POSITIVE_INFINITY, 0)));
        return cases;
    }

    /** Clips by what the reference says of the gradient. */
    private record Clip(double norm, double scale) {
        static Clip of(float[] gradient, double maxNorm) {
            double sum = 0;
            for (float g : gradient) {
                sum += (double) g * g;
            }
            double norm = Math.sqrt(sum);
            return new Clip(norm, maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1);
        }

        void compare(KernelBench bench, Tensor actual) {
            bench.compare(actual, new double[] {norm, scale}, new Tolerance(2e-6, 1e-30));
        }
    }

    private static byte[] mask(int n) {
        byte[] mask = new byte[Math.toIntExact(Optimiser.decayBlocks(n))];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = (byte) (i % 3 == 1 ? 0 : 1);
        }
        return mask;
    }

    private static Optimiser.Update clip(KernelBench bench, Optimiser.Update optimiser, double maxNorm, Tensor norm) {
        return maxNorm > 0
                ? optimiser.clipped(bench.output("workspace", DType.U8, Optimiser.WORKSPACE_BYTES), norm)
                : optimiser;
    }

    private static void sgd(KernelBench bench, int n, double momentum, boolean nesterov, double decay, double maxNorm) {
        float[] p = bench.normal(n);
        float[] g = bench.normal(n);
        float[] u = bench.normal(n);
        boolean masked = decay > 0 && nesterov;
        byte[] mask = mask(n);
        Tensor parameters = bench.inOut("parameters", p, n);
        Tensor velocity = momentum > 0 ? bench.inOut("velocity", u, n) : null;
        Tensor norm = maxNorm > 0 ? bench.output("norm", DType.F32, 2) : null;
        float[] settings = OptimiserSettings.sgd(0.05, momentum, nesterov, decay, maxNorm > 0 ? maxNorm : 1);
        Optimiser.Update optimiser = Optimiser.sgd(
                parameters,
                bench.input("gradient", g, n),
                velocity,
                masked ? bench.input("decay", DType.U8, mask, mask.length) : null,
                bench.input("settings", settings, OptimiserSettings.LENGTH));
        bench.run(clip(bench, optimiser, maxNorm, norm));
        Clip clip = Clip.of(g, maxNorm);
        double[] expected = new double[n];
        double[] magnitude = new double[n];
        double[] velocities = new double[n];
        for (int i = 0; i < n; i++) {
            double grad = g[i] * clip.scale + (masked && mask[i / 64] == 0 ? 0 : decay * p[i]);
            velocities[i] = momentum * u[i] + grad;
            double step = momentum == 0 ? grad : nesterov ? grad + momentum * velocities[i] : velocities[i];
            expected[i] = p[i] - 0.05 * step;
            magnitude[i] = 2 * Math.abs(p[i]) + Math.abs(g[i]) + Math.abs(u[i]);
        }
        bench.compare(parameters, expected, magnitude, optimiser.tolerance());
        if (velocity != null) {
            bench.compare(velocity, velocities, magnitude, optimiser.tolerance());
        }
        if (norm != null) {
            clip.compare(bench, norm);
        }
    }

    private static void adamW(KernelBench bench, int n, int step, double decay, double maxNorm) {
        double rate = 1e-3;
        float[] p = bench.normal(n);
        float[] g = bench.normal(n);
        float[] m = new float[n];
        float[] v = new float[n];
        if (step > 1) {
            m = bench.normal(n);
            for (int i = 0; i < n; i++) {
                v[i] = (float) Math.pow(bench.random().nextDouble(), 4);
            }
        }
        byte[] mask = mask(n);
        Tensor parameters = bench.inOut("parameters", p, n);
        Tensor first = bench.inOut("m", m, n);
        Tensor second = bench.inOut("v", v, n);
        Tensor norm = maxNorm > 0 ? bench.output("norm", DType.F32, 2) : null;
        float[] settings = OptimiserSettings.adamW(rate, 0.9, 0.999, 1e-8, decay, step, maxNorm > 0 ? maxNorm : 1);
        Optimiser.Update optimiser = Optimiser.adamW(
                parameters,
                bench.input("gradient", g, n),
                first,
                second,
                step > 1 ? bench.input("decay", DType.U8, mask, mask.length) : null,
                bench.input("settings", settings, OptimiserSettings.LENGTH));
        bench.run(clip(bench, optimiser, maxNorm, norm));
        Clip clip = Clip.of(g, maxNorm);
        double[][] expected = new double[3][n];
        double[][] magnitude = new double[2][n];
        for (int i = 0; i < n; i++) {
            double grad = g[i] * clip.scale;
            double mi = 0.9 * m[i] + (1 - 0.9) * grad;
            double vi = 0.999 * v[i] + (1 - 0.999) * grad * grad;
            double denominator = Math.sqrt(vi) / Math.sqrt(1 - Math.pow(0.999, step)) + 1e-8;
            double stepSize = rate / (1 - Math.pow(0.9, step));
            double decayed = step > 1 && mask[i / 64] == 0 ? p[i] : p[i] * (1 - rate * decay);
            expected[0][i] = decayed - stepSize * mi / denominator;
            expected[1][i] = mi;
            expected[2][i] = vi;
            magnitude[1][i] = Math.abs(m[i]) + Math.abs(grad);
            // the numerator of the step may cancel
            magnitude[0][i] = Math.abs(p[i]) + stepSize * magnitude[1][i] / denominator;
        }
        bench.compare(parameters, expected[0], magnitude[0], optimiser.tolerance());
        bench.compare(first, expected[1], magnitude[1], optimiser.tolerance());
        bench.compare(second, expected[2], new Tolerance(2e-6, 1e-30));
        if (norm != null) {
            clip.compare(bench, norm);
        }
    }

    private static void unusual(KernelBench bench, float value, float norm, float scale) {
        int n = 70;
        float[] g = new float[n];
        Arrays.fill(g, value);
        float[] p = bench.normal(n);
        Tensor parameters = bench.inOut("parameters", p, n);
        Tensor report = bench.output("norm", DType.F32, 2);
        bench.run(Optimiser.sgd(
                        parameters,
                        bench.input("gradient", g, n),
                        null,
                        null,
                        bench.input("settings", OptimiserSettings.sgd(0.1, 0, false, 0, 1), OptimiserSettings.LENGTH))
                .clipped(bench.output("workspace", DType.U8, Optimiser.WORKSPACE_BYTES), report));
        assertThat(bench.floats(report)).containsExactly(norm, scale);
        for (int i = 0; i < n; i++) {
            assertThat((Float) bench.floats(parameters)[i]).isEqualTo((Float) (Float.isNaN(value) ? Float.NaN : p[i]));
        }
    }
}
