package dev.sagitta.curvature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sagitta.curvature.estimator.Estimate;
import dev.sagitta.curvature.estimator.HutchinsonTrace;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.DenseOperator;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.random.RandomStream;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Probe j of a seed is one vector, whatever is drawn beside it and before it. */
class ProbesTest {
    private static final long SEED = 0xDEAD_BEEF_1234L;
    private static final int[] BLOCKS = {5, 130, 64, 1, 33};
    private static final int SIZE = 233;

    static List<String> devices() {
        return TestDevices.names();
    }

    private static DenseOperator operator(Device device, int probes) {
        return new DenseOperator(device, DenseOperator.random(SIZE, 3), probes, BLOCKS);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aProbeIsNamedBySeedPurposeParameterAndNumber(String name) {
        Device device = TestDevices.get(name);
        for (int probes : new int[] {1, 3, 8}) {
            try (DenseOperator operator = operator(device, probes);
                    Probes drawn = new Probes(operator, Random.Kind.RADEMACHER, Probes.Purpose.JOINT, SEED)) {
                long first = 11;
                drawn.draw(first);
                float[] all = operator.vectors().downloadFloats(operator.stream());
                double sum = 0;
                for (Parameter parameter : operator.layout().parameters()) {
                    int n = (int) parameter.elements();
                    for (int k = 0; k < probes; k++) {
                        int at = (int) (probes * operator.layout().offset(parameter)) + k * n;
                        long key = RandomStream.key(SEED, "probe/" + parameter.name());
                        int[] words = Philox.stream(key, 0, first + k, 0, n);
                        for (int i = 0; i < n; i++) {
                            assertThat(all[at + i]).isEqualTo(words[i] < 0 ? -1 : 1);
                            sum += Math.abs(all[at + i]);
                        }
                    }
                }
                // the gaps hold zeros
                double everything = 0;
                for (float value : all) {
                    everything += Math.abs(value);
                }
                assertThat(everything).isEqualTo(sum).isEqualTo(probes * SIZE);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void purposesHaveNothingInCommon(String name) {
        Device device = TestDevices.get(name);
        try (DenseOperator operator = operator(device, 2)) {
            double[] dots = new double[2];
            float[] before = null;
            for (Probes.Purpose purpose : List.of(Probes.Purpose.JOINT, Probes.Purpose.SEPARATE)) {
                try (Probes drawn = new Probes(operator, Random.Kind.RADEMACHER, purpose, SEED)) {
                    drawn.draw(0);
                    float[] now = operator.vectors().downloadFloats(operator.stream());
                    for (int i = 0; before != null && i < now.length; i++) {
                        dots[0] += before[i] * now[i];
                    }
                    before = now;
                }
            }
            // five standard errors
            assertThat(Math.abs(dots[0])).isLessThan(5 * Math.sqrt(2 * SIZE));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theTraceDoesNotDependOnHowManyProbesAreTakenAtOnce(String name) {
        Device device = TestDevices.get(name);
        for (boolean separate : new boolean[] {false, true}) {
            for (HutchinsonTrace estimator : List.of(
                    new HutchinsonTrace(13, 0, 0.95, separate), new HutchinsonTrace(500, 0.2, 0.95, separate))) {
                HutchinsonTrace.Result expected = null;
                for (int probes : new int[] {1, 2, 3, 4, 8}) {
                    try (DenseOperator operator = operator(device, probes)) {
                        HutchinsonTrace.Result result = estimator.estimate(operator, SEED);
                        expected = expected == null ? result : expected;
                        same(result.total(), expected.total(), expected.total().value());
                        for (int l = 0; l < BLOCKS.length; l++) {
                            same(
                                    result.blocks().get(l),
                                    expected.blocks().get(l),
                                    expected.total().value());
                        }
                    }
                }
                assertThat(expected.total().probes()).isLessThan(500);
            }
        }
    }

    private static void same(Estimate actual, Estimate expected, double scale) {
        assertThat(actual.probes()).isEqualTo(expected.probes());
        assertThat(actual.value()).isCloseTo(expected.value(), within(1e-6 * scale));
        assertThat(actual.standardError()).isCloseTo(expected.standardError(), within(1e-6 * scale));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void oneProbeTellsNoError(String name) {
        Device device = TestDevices.get(name);
        for (boolean separate : new boolean[] {false, true}) {
            try (DenseOperator operator = operator(device, 4)) {
                HutchinsonTrace.Result result = new HutchinsonTrace(1, 0, 0.95, separate).estimate(operator, 1);
                for (Estimate estimate : List.of(result.total(), result.blocks().get(1))) {
                    assertThat(estimate.probes()).isEqualTo(1);
                    assertThat(estimate.standardError()).isNaN();
                    assertThat(estimate.halfWidth()).isNaN();
                    assertThat(estimate.upperBound()).isNaN();
                }
                Estimate two = new HutchinsonTrace(2, 0, 0.95, separate)
                        .estimate(operator, 1)
                        .total();
                assertThat(two.upperBound())
                        .isEqualTo(two.value() + two.halfWidth())
                        .isGreaterThan(two.value());
            }
        }
    }
}
