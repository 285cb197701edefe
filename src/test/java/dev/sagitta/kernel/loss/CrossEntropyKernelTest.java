package dev.sagitta.kernel.loss;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class CrossEntropyKernelTest extends KernelSuite {
    private static final int IGNORE = -100;

    /** Rows, classes, probes. Rows beyond 8192 have their labels counted by a launch of its own; 4097 classes and more are long rows. */
    private static final int[][] SIZES = {
        {0, 5, 2},
        {1, 1, 1},
        {1, 2, 1},
        {3, 7, 5},
        {16, 16, 1},
        {17, 31, 3},
        {256, 10, 2},
        {5, 127, 4},
        {67, 29, 9},
        {2, 1027, 1},
        {1024, 96, 1},
        {3, 4096, 2},
        {3, 4097, 1},
        {2, 33_333, 1},
        {9001, 3, 2},
        {300, 128, 5},
        {1, 100_003, 1},
        {2, 512, 1}, // from here on rows that fill all lanes of a CUDA block
        {2, 1024, 1},
        {13, 1024, 6},
        {3, 8192, 5},
        {40_001, 2, 1}, // labels counted by fours, and a rest
    };

    /** Rows, classes, 1 for a gradient in the logits' memory. */
    private static final int[][] SMOOTHED = {
        {1, 1, 0},
        {3, 7, 1},
        {17, 31, 0},
        {67, 29, 0},
        {2, 512, 1},
        {3, 1024, 1},
        {2, 1027, 0},
        {9001, 3, 0},
        {1, 4099, 1},
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : SIZES) {
            int n = size[0];
            int c = size[1];
            int k = size[2];
            String at = " n=" + n + " c=" + c;
            boolean small = (long) n * c * k <= 3000;
            cases.add(new KernelCase("cross-entropy forward" + at, small, bench -> forward(bench, n, c)));
            cases.add(new KernelCase("cross-entropy backward" + at, small, bench -> backward(bench, n, c, false)));
            cases.add(new KernelCase("cross-entropy metrics" + at, small, bench -> metrics(bench, n, c)));
            for (Mode mode : Mode.values()) {
                cases.add(new KernelCase(
                        "cross-entropy " + mode + at + " K=" + k,
                        small,
                        bench -> tangents(bench, mode, n, c, k, false)));
            }
        }
        for (int c : new int[] {37, 1024, 4099}) {
            cases.add(new KernelCase(
                    "cross-entropy backward in place c=" + c, c < 2000, bench -> backward(bench, 6, c, true)));
            cases.add(new KernelCase(
                    "cross-entropy tangent backward in place c=" + c,
                    c < 2000,
                    bench -> tangents(bench, Mode.TANGENT_BACKWARD, 6, c, 2, true)));
            cases.add(new KernelCase("cross-entropy of unusual numbers c=" + c, c < 2000, bench -> unusual(bench, c)));
        }
        for (int[] size : SMOOTHED) {
            cases.add(new KernelCase(
                    "cross-entropy of smoothed labels n=" + size[0] + " c=" + size[1]
                            + (size[2] == 1 ? " in place" : ""),
                    size[0] * size[1] <= 3000,
                    bench -> smoothed(bench, size[0], size[1], size[2] == 1)));
        }
        cases.add(new KernelCase("cross-entropy of ignored rows", true, CrossEntropyKernelTest::ignored));
        cases.add(new KernelCase("cross-entropy of large logits", true, CrossEntropyKernelTest::large));
        return cases;
    }

    /** The loss, its gradient and the metrics where e of each label is spread over all classes. */
    private static void smoothed(KernelBench bench, int n, int c, boolean inPlace) {
        float e = 0.1f;
        Batch batch = Batch.random(bench, n, c, 1, inPlace);
        LogitsReference reference = new LogitsReference(batch.values, batch.targets, c, IGNORE, e);
        Tensor metrics = bench.output("metrics", DType.F32, 3);
        bench.run(CrossEntropy.metrics(batch.logits, batch.labels, IGNORE, batch.workspace, metrics, null)
                .withSmoothing(e));
        compareMetrics(bench, reference, metrics, null);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor rows = bench.output("row losses", DType.F32, n);
        Descriptor forward = CrossEntropy.forward(batch.logits, batch.labels, IGNORE, batch.workspace, loss)
                .withRowLosses(rows)
                .withSmoothing(e);
        bench.run(forward);
        compareForward(bench, reference, loss, rows, forward.tolerance());
        Tensor gradient = inPlace ? batch.logits : bench.output("dlogits", DType.F32, n, c);
        bench.run(CrossEntropy.forwardBackward(batch.logits, batch.labels, IGNORE, batch.workspace, loss, gradient)
                .withSmoothing(e));
        compareForward(bench, reference, loss, null, forward.tolerance());
        bench.compare(gradient, reference.gradient(), reference.gradientMagnitude(), new Tolerance(6e-6, 1e-37));
    }

    private enum Mode {
        TANGENT,
        TANGENT_BACKWARD,
        CURVATURE
    }

    private record Batch(
            float[] values, int[] targets, Tensor logits, Tensor labels, Tensor workspace, LogitsReference reference) {

        static Batch of(
                KernelBench bench, float[] values, int[] targets, int c, int ignore, int probes, boolean inPlace) {
            int n = targets.length;
            Tensor logits = inPlace ? bench.inOut("logits", values, n, c) : bench.input("logits", values, n, c);
            Tensor workspace = bench.output("workspace", DType.U8, CrossEntropy.workspaceBytes(n, probes));
            return new Batch(
                    values,
                    targets,
                    logits,
                    bench.input("labels", targets, n),
                    workspace,
                    new LogitsReference(values, targets, c, ignore));
        }

        static Batch random(KernelBench bench, int n, int c, int probes, boolean inPlace) {
            float[] values = bench.normal((long) n * c);
            int[] targets = new int[n];
            for (int r = 0; r < n; r++) {
                targets[r] = r % 5 == 3 ? IGNORE : bench.random().nextInt(c);
                for (int j = 0; j < c; j++) {
                    values[r * c + j] *= 3; // rows of both certain and uncertain predictions
                }
                if (r % 3 == 0 && targets[r] >= 0) {
                    values[r * c + targets[r]] += 9;
                }
            }
            return of(bench, values, targets, c, IGNORE, probes, inPlace);
        }
    }

    private static void forward(KernelBench bench, int n, int c) {
        Batch batch = Batch.random(bench, n, c, 1, false);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor rows = bench.output("row losses", DType.F32, n);
        Descriptor descriptor = CrossEntropy.forward(batch.logits, batch.labels, IGNORE, batch.workspace, loss)
                .withRowLosses(rows);
        bench.run(descriptor);
        compareForward(bench, batch.reference, loss, rows, descriptor.tolerance());
    }

    private static void compareForward(
            KernelBench bench, LogitsReference reference, Tensor loss, Tensor rows, Tolerance tolerance) {
        bench.compare(loss, new double[] {reference.loss()}, new double[] {reference.lossMagnitude()}, tolerance);
        if (rows != null) {
            bench.compare(rows, reference.rowLoss, reference.rowMagnitude, tolerance);
        }
    }

    private static void backward(KernelBench bench, int n, int c, boolean inPlace) {
        Batch batch = Batch.random(bench, n, c, 1, inPlace);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor gradient = inPlace ? batch.logits : bench.output("dlogits", DType.F32, n, c);
        Descriptor descriptor =
                CrossEntropy.forwardBackward(batch.logits, batch.labels, IGNORE, batch.workspace, loss, gradient);
        bench.run(descriptor);
        compareForward(bench, batch.reference, loss, null, descriptor.tolerance());
        // probabilities below the smallest normal number are 0
        bench.compare(
                gradient, batch.reference.gradient(), batch.reference.gradientMagnitude(), new Tolerance(6e-6, 1e-37));
    }

    private static void metrics(KernelBench bench, int n, int c) {
        Batch batch = Batch.random(bench, n, c, 1, false);
        Tensor metrics = bench.output("metrics", DType.F32, 3);
        Tensor counts = bench.output("counts", DType.I64, 2);
        Descriptor descriptor =
                CrossEntropy.metrics(batch.logits, batch.labels, IGNORE, batch.workspace, metrics, counts);
        bench.run(descriptor);
        compareMetrics(bench, batch.reference, metrics, counts);
        bench.run(CrossEntropy.metrics(batch.logits, batch.labels, IGNORE, batch.workspace, metrics, null));
        compareMetrics(bench, batch.reference, metrics, null);
    }

    private static void compareMetrics(KernelBench bench, LogitsReference reference, Tensor metrics, Tensor counts) {
        int correct = reference.correct();
        double scale = reference.scale();
        bench.compare(
                metrics,
                new double[] {reference.loss() / scale, reference.counted, correct},
                new double[] {reference.lossMagnitude() / scale, 0, 0},
                new Tolerance(4e-6, 1e-30));
        if (counts != null) {
            ByteBuffer exact = ByteBuffer.wrap(bench.bytes(counts)).order(ByteOrder.nativeOrder());
            assertThat(exact.getLong(0)).as("counted").isEqualTo(reference.counted);
            assertThat(exact.getLong(8)).as("correct").isEqualTo(correct);
        }
    }

    private static void tangents(KernelBench bench, Mode mode, int n, int c, int k, boolean inPlace) {
        Batch batch = Batch.random(bench, n, c, k, false);
        float[] values = bench.normal((long) k * n * c);
        Tensor tangent = inPlace ? bench.inOut("zt", values, k, n, c) : bench.input("zt", values, k, n, c);
        boolean sums = mode != Mode.TANGENT_BACKWARD;
        Tensor out =
                inPlace ? tangent : sums ? bench.output("out", DType.F32, k) : bench.output("dzt", DType.F32, k, n, c);
        compareTangents(bench, mode, batch, values, tangent, out, IGNORE);
    }

    private static void compareTangents(
            KernelBench bench, Mode mode, Batch batch, float[] values, Tensor tangent, Tensor out, int ignore) {
        Descriptor descriptor =
                switch (mode) {
                    case TANGENT ->
                        CrossEntropy.tangent(batch.logits, batch.labels, ignore, tangent, batch.workspace, out);
                    case CURVATURE ->
                        CrossEntropy.curvature(batch.logits, batch.labels, ignore, tangent, batch.workspace, out);
                    default ->
                        CrossEntropy.tangentBackward(batch.logits, batch.labels, ignore, tangent, batch.workspace, out);
                };
        bench.run(descriptor);
        LogitsReference reference = batch.reference;
        int size = reference.n * reference.c;
        double[] expected = new double[Math.toIntExact(out.elements())];
        double[] magnitude = new double[expected.length];
        for (int probe = 0; probe < tangent.shape().extent(0); probe++) {
            double[] t = new double[size];
            for (int i = 0; i < size; i++) {
                t[i] = values[probe * size + i];
            }
            switch (mode) {
                case TANGENT -> {
                    expected[probe] = reference.tangent(t);
                    magnitude[probe] = reference.tangentMagnitude(t);
                }
                case CURVATURE -> {
                    expected[probe] = LogitsReference.along(t, reference.hessian(t), false);
                    magnitude[probe] = LogitsReference.along(t, reference.hessianMagnitude(t), true);
                }
                default -> {
                    System.arraycopy(reference.hessian(t), 0, expected, probe * size, size);
                    System.arraycopy(reference.hessianMagnitude(t), 0, magnitude, probe * size, size);
                }
            }
        }
        bench.compare(out, expected, magnitude, new Tolerance(4e-6, 1e-36));
    }

    /** NaN, infinities and labels out of range show up in their own row, and in no other. */
    private static void unusual(KernelBench bench, int c) {
        float[] values = bench.normal(10L * c);
        int[] targets = new int[10];
        values[c + 3] = Float.NaN;
        values[2 * c + c - 1] = Float.POSITIVE_INFINITY;
        Arrays.fill(values, 3 * c + 1, 4 * c, Float.NEGATIVE_INFINITY); // one class left: loss 0
        Arrays.fill(values, 4 * c, 5 * c, Float.NEGATIVE_INFINITY);
        targets[5] = c;
        targets[6] = -1;
        targets[7] = Integer.MIN_VALUE;
        values[8 * c] = Float.NEGATIVE_INFINITY; // the label has probability 0: loss infinite, gradient finite
        Batch batch = Batch.of(bench, values, targets, c, IGNORE, 1, false);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor rows = bench.output("row losses", DType.F32, 10);
        Tensor gradient = bench.output("dlogits", DType.F32, 10, c);
        bench.run(CrossEntropy.forwardBackward(batch.logits, batch.labels, IGNORE, batch.workspace, loss, gradient)
                .withRowLosses(rows));
        compareForward(bench, batch.reference, loss, rows, new Tolerance(4e-6, 1e-6));
        bench.compare(
                gradient, batch.reference.gradient(), batch.reference.gradientMagnitude(), new Tolerance(6e-6, 1e-37));
        Tensor metrics = bench.output("metrics", DType.F32, 3);
        Tensor counts = bench.output("counts", DType.I64, 2);
        bench.run(CrossEntropy.metrics(batch.logits, batch.labels, IGNORE, batch.workspace, metrics, counts));
        compareMetrics(bench, batch.reference, metrics, counts);
        float[] probe = bench.normal(10L * c);
        Tensor tangent = bench.input("zt", probe, 1, 10, c);
        compareTangents(
                bench, Mode.TANGENT_BACKWARD, batch, probe, tangent, bench.output("dzt", DType.F32, 1, 10, c), IGNORE);
        for (Mode mode : List.of(Mode.TANGENT, Mode.CURVATURE)) {
            compareTangents(bench, mode, batch, probe, tangent, bench.output("sum " + mode, DType.F32, 1), IGNORE);
        }
    }

    /** Rows of NaN that are ignored leave no trace; a class may be the ignored one; nothing counted gives 0. */
    private static void ignored(KernelBench bench) {
        int c = 6;
        float[] values = bench.normal(4L * c);
        Arrays.fill(values, c, 2 * c, Float.NaN);
        for (int[] targets : new int[][] {{3, 2, 5, 0}, {2, 2, 2, 2}}) {
            Batch batch = Batch.of(bench, values, targets, c, 2, 1, false);
            Tensor loss = bench.output("loss", DType.F32, 1);
            Tensor gradient = bench.output("dlogits", DType.F32, 4, c);
            bench.run(CrossEntropy.forwardBackward(batch.logits, batch.labels, 2, batch.workspace, loss, gradient));
            compareForward(bench, batch.reference, loss, null, new Tolerance(4e-6, 1e-30));
            bench.compare(
                    gradient,
                    batch.reference.gradient(),
                    batch.reference.gradientMagnitude(),
                    new Tolerance(6e-6, 1e-37));
            float[] probe = bench.normal(4L * c);
            Arrays.fill(probe, c, 2 * c, Float.NaN);
            Tensor tangent = bench.input("zt", probe, 1, 4, c);
            Tensor curvature = bench.output("curvature", DType.F32, 1);
            Tensor product = bench.output("dzt", DType.F32, 1, 4, c);
            bench.run(
                    CrossEntropy.curvature(batch.logits, batch.labels, 2, tangent, batch.workspace, curvature),
                    CrossEntropy.tangentBackward(batch.logits, batch.labels, 2, tangent, batch.workspace, product));
            assertThat(bench.floats(curvature)[0]).isNotNaN().isGreaterThanOrEqualTo(0);
            for (float value : bench.floats(product)) {
                assertThat(value).isNotNaN();
            }
        }
    }

    /** Differences of logits decide, not their size. */
    private static void large(KernelBench bench) {
        int c = 20;
        float[] values = bench.normal(8L * c);
        int[] targets = new int[8];
        for (int i = 0; i < values.length; i++) {
            values[i] = values[i] * 50 + (i / c % 2 == 0 ? 1e4f : -1e4f);
        }
        Batch batch = Batch.of(bench, values, targets, c, IGNORE, 1, false);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor gradient = bench.output("dlogits", DType.F32, 8, c);
        bench.run(CrossEntropy.forwardBackward(batch.logits, batch.labels, IGNORE, batch.workspace, loss, gradient));
        compareForward(bench, batch.reference, loss, null, new Tolerance(4e-6, 1e-30));
        // exp of a difference of 100 carries a relative error of 100 units in the last place
        bench.compare(
                gradient, batch.reference.gradient(), batch.reference.gradientMagnitude(), new Tolerance(4e-5, 1e-37));
    }
}
