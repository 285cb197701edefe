package dev.sagitta.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.Fp64;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.graph.rewrite.Rewrites;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.StatisticsObserver.Statistics;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Those that look on: what they say is right, and what a program computes does not depend on them. */
class ObserverTest {
    private static final int ROWS = 50;
    private static final int WIDTH = 5;
    private static final int HIDDEN = 7;
    private static final int OUT = 3;

    private final float[] x = numbers(1, ROWS * WIDTH);
    private final float[] w1 = numbers(2, HIDDEN * WIDTH);
    private final float[] b1 = numbers(3, HIDDEN);
    private final float[] w2 = numbers(4, OUT * HIDDEN);
    private final float[] b2 = numbers(5, OUT);

    static List<String> devices() {
        return TestDevices.names();
    }

    private static float[] numbers(int seed, int n) {
        Random random = new Random(seed);
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static Graph graph() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        var h = Layers.activation(b, "act", Layers.linear(b, "fc1", b.input(), HIDDEN), Function.GELU);
        return b.build(Layers.linear(b, "fc2", h, OUT), ElementwiseLoss.meanSquaredError());
    }

    private static HostTensor host(String name, float[] values, int columns) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(4 * values.length).order(ByteOrder.nativeOrder());
        bytes.asFloatBuffer().put(values);
        return new HostTensor(name, DType.F32, Shape.of(values.length / columns, columns), bytes);
    }

    private Batches batches(Device device, ProgramOptions options) {
        DataSet data = DataSet.of(host("x", x, WIDTH), host("y", numbers(6, ROWS * OUT), OUT));
        Batches batches = new Batches(graph(), device, options, DataRows.of(data));
        Program program = batches.program();
        program.tensor("fc1.weight").upload(program.stream(), w1);
        program.tensor("fc1.bias").upload(program.stream(), b1);
        program.tensor("fc2.weight").upload(program.stream(), w2);
        program.tensor("fc2.bias").upload(program.stream(), b2);
        return batches;
    }

    private static double[] linear(double[] input, float[] weight, float[] bias) {
        int out = bias.length;
        int in = weight.length / out;
        double[] y = new double[input.length / in * out];
        for (int i = 0; i < y.length; i++) {
            y[i] = bias[i % out];
            for (int k = 0; k < in; k++) {
                y[i] += input[i / out * in + k] * weight[i % out * in + k];
            }
        }
        return y;
    }

    private static void requireStatistics(Statistics found, String wire, double[] values) {
        double mean = Arrays.stream(values).average().orElseThrow();
        double variance = Arrays.stream(values)
                .map(v -> (v - mean) * (v - mean))
                .average()
                .orElseThrow();
        assertThat(found.wire()).isEqualTo(wire);
        assertThat(found.mean()).isCloseTo(mean, within(1e-6));
        assertThat(found.deviation()).isCloseTo(Math.sqrt(variance), within(2e-6));
        assertThat(found.largest()).isCloseTo(Arrays.stream(values).max().orElseThrow(), within(2e-6));
    }

    /** Four batches, the last one of two rows. An observer is shown every layer: nothing is fused for it. */
    @ParameterizedTest
    @MethodSource("devices")
    void statisticsAreThoseOfTheNetworkInFp64(String device) {
        double[] features = new double[x.length];
        Arrays.setAll(features, i -> x[i]);
        double[] first = linear(features, w1, b1);
        DoubleUnaryOperator gelu = v -> v * Fp64.normalCdf(v);
        double[] hidden = Arrays.stream(first).map(gelu).toArray();
        StatisticsObserver observer = new StatisticsObserver();
        ProgramOptions options = ProgramOptions.of(16, Computation.EVALUATE);
        try (Batches observed = batches(TestDevices.get(device), options.observer(observer));
                Batches plain = batches(TestDevices.get(device), options.rewrites(Rewrites.NONE))) {
            List<Statistics> all = observer.of(observed);
            assertThat(all).hasSize(3);
            requireStatistics(all.get(0), "fc1", first);
            requireStatistics(all.get(1), "act", hidden);
            requireStatistics(all.get(2), "fc2", linear(hidden, w2, b2));
            assertThat(observer.of(observed)).isEqualTo(all);
            assertThat(Evaluation.of(observed)).isEqualTo(Evaluation.of(plain));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theFirstValueThatIsNotFiniteIsFound(String device) {
        NonfiniteObserver observer = new NonfiniteObserver();
        ProgramOptions options = ProgramOptions.of(ROWS, Computation.EVALUATE).observer(observer);
        try (Batches observed = batches(TestDevices.get(device), options)) {
            Program program = observed.program();
            observed.run(0, Computation.EVALUATE);
            assertThat(observer.first(program)).isEmpty();
            float[] broken = b2.clone();
            broken[1] = Float.NaN;
            program.tensor("fc2.bias").upload(program.stream(), broken);
            observed.run(0, Computation.EVALUATE);
            NonfiniteObserver.Found found = observer.first(program).orElseThrow();
            assertThat(found.layer()).contains("'fc2'");
            assertThat(found.index()).isEqualTo(1);
            program.tensor("fc1.weight").upload(program.stream(), infinite(w1));
            observed.run(0, Computation.EVALUATE);
            found = observer.first(program).orElseThrow();
            assertThat(found.layer()).contains("'fc1'");
            assertThat(found.index()).isEqualTo(2);
        }
    }

    /** The third row of a weight. */
    private static float[] infinite(float[] weight) {
        float[] broken = weight.clone();
        broken[2 * WIDTH] = Float.POSITIVE_INFINITY;
        return broken;
    }
}
