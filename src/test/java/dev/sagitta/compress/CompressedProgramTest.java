package dev.sagitta.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.Networks;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramMemory;
import dev.sagitta.program.ProgramOptions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole networks whose saved activations are packed. */
class CompressedProgramTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    private static Program compile(
            String device, NetworkCase network, ActivationPolicy policy, Computation... computations) {
        Program program = Program.compile(
                network.graph(),
                TestDevices.get(device),
                ProgramOptions.of(network.batch(), Computation.GRADIENT, computations)
                        .probes(2)
                        .store(policy.store()));
        network.fill(program);
        return program;
    }

    private static NetworkCase wide(Function function) {
        return new NetworkCase("wide", Networks.mlp(function, 64, 256, 10), 32, 0, 5);
    }

    @Test
    void fourBitsTakeASeventhAndAHalfOfFp32() {
        String device = TestDevices.names().get(0);
        try (Program exact = compile(device, wide(Function.GELU), ActivationPolicy.none());
                Program packed = compile(device, wide(Function.GELU), ActivationPolicy.parse("4"))) {
            double ratio =
                    (double) exact.memory().savedBytes() / packed.memory().savedBytes();
            assertThat(ratio).isGreaterThanOrEqualTo(7.5);
            assertThat(packed.memory().saved())
                    .extracting(saved -> saved.name())
                    .contains("act1.codes", "act1.grid", "fc2.codes");
        }
    }

    @Test
    void automaticTwoBitsWithReluMasksTakeATwelfth() {
        String device = TestDevices.names().get(0);
        NetworkCase network = wide(Function.RELU);
        ActivationPolicy policy = ActivationPolicy.parse("auto:2");
        try (Program exact = compile(device, network, ActivationPolicy.none());
                Program first = compile(device, network, policy, Computation.MEASURED_GRADIENT)) {
            first.run(Computation.MEASURED_GRADIENT);
            policy.resolve(first);
            try (Program packed = compile(device, network, policy)) {
                double ratio =
                        (double) exact.memory().savedBytes() / packed.memory().savedBytes();
                assertThat(ratio).isGreaterThanOrEqualTo(12);
            }
        }
    }

    /** Linear layers only: every gradient is linear in what was packed, so its variance over seeds is what the codec predicted. */
    @ParameterizedTest
    @MethodSource("devices")
    void gradientVarianceIsWhatTheCodecPredicts(String device) {
        GraphBuilder b = GraphBuilder.features(24);
        Node h = Layers.linear(b, "fc1", b.input(), 40, false);
        Graph graph = b.build(Layers.linear(b, "fc2", h, 6, false), ElementwiseLoss.meanSquaredError());
        NetworkCase network = new NetworkCase("two linear layers", graph, 16, 0, 8);
        ActivationPolicy policy = ActivationPolicy.parse("auto:2");
        int runs = 400;
        float[] exact;
        try (Program program = compile(device, network, ActivationPolicy.none())) {
            program.run(Computation.GRADIENT);
            exact = program.tensor("fc2.weight.gradient").downloadFloats(program.stream());
        }
        try (Program program = compile(device, network, policy, Computation.MEASURED_GRADIENT)) {
            double[] mean = new double[exact.length];
            double squares = 0;
            for (int run = 0; run < runs; run++) {
                program.setRandom(77, run);
                program.run(Computation.MEASURED_GRADIENT);
                float[] gradient = program.tensor("fc2.weight.gradient").downloadFloats(program.stream());
                for (int i = 0; i < exact.length; i++) {
                    mean[i] += gradient[i] / (double) runs;
                    squares += Math.pow((double) gradient[i] - exact[i], 2);
                }
            }
            double measured = squares / runs;
            double predicted =
                    program.tensor(CodecStore.sensitivity("fc1")).downloadFloats(program.stream())[0] / (double) runs;
            assertThat(measured / predicted)
                    .as("variance of the gradient over its prediction")
                    .isBetween(0.9, 1.1);
            double bias = 0;
            for (int i = 0; i < exact.length; i++) {
                bias += Math.pow(mean[i] - exact[i], 2);
            }
            // the mean of n runs is off by 1/n of the variance if there is no bias
            assertThat(bias).as("squared bias").isLessThan(2 * predicted / runs);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void hessianProductsOnCompressedActivationsStayClose(String device) {
        for (Function function : new Function[] {Function.GELU, Function.RELU}) {
            NetworkCase network = wide(function);
            double[] errors = new double[2];
            float[][] exact = products(device, network, ActivationPolicy.none());
            String[] policies = {"8", "4"};
            for (int p = 0; p < policies.length; p++) {
                float[][] packed = products(device, network, ActivationPolicy.parse(policies[p]));
                double difference = 0;
                double norm = 0;
                for (int t = 0; t < exact.length; t++) {
                    for (int i = 0; i < exact[t].length; i++) {
                        difference += Math.pow(packed[t][i] - exact[t][i], 2);
                        norm += Math.pow(exact[t][i], 2);
                    }
                }
                errors[p] = Math.sqrt(difference / norm);
            }
            // 8 bits: steps of range / 255; 4 bits: range / 15, seventeen times as coarse
            assertThat(errors[0]).as("%s, 8 bits", function).isBetween(1e-6, 0.02);
            assertThat(errors[1]).as("%s, 4 bits", function).isBetween(errors[0], 0.3);
        }
    }

    /** What tangentBackward reads of tangents is packed like what the gradient reads: no fp32 copy of a value that the gradient packs. */
    @Test
    void productsKeepNoValueThatGradientsPack() {
        int probes = 3;
        NetworkCase network = wide(Function.GELU);
        ActivationPolicy policy = ActivationPolicy.parse("4");
        long gradient;
        try (Program program = compile(TestDevices.one(), network, policy)) {
            gradient = program.memory().savedBytes();
        }
        ProgramOptions options = ProgramOptions.of(network.batch(), Computation.HESSIAN_VECTOR)
                .probes(probes)
                .store(policy.store());
        try (Program program = Program.compile(network.graph(), TestDevices.get(TestDevices.one()), options)) {
            // one packed copy of each value, and one of its tangents for each probe
            assertThat(program.memory().savedBytes())
                    .isBetween((1 + probes) * gradient - 1024, (1 + probes) * gradient + 1024);
            assertThat(program.memory().saved())
                    .extracting(ProgramMemory.SavedBytes::name)
                    .contains("fc1.codes", "fc1.tangent.codes", "act1.tangent.codes");
        }
    }

    /** Linear layers only: Hv is linear in every value and tangent that was packed, so its mean over seeds is the exact one. */
    @ParameterizedTest
    @MethodSource("devices")
    void productsOverPackedTangentsAreUnbiased(String device) {
        GraphBuilder b = GraphBuilder.features(24);
        Node h = Layers.linear(b, "fc1", b.input(), 40, false);
        Graph graph = b.build(Layers.linear(b, "fc2", h, 6, false), ElementwiseLoss.meanSquaredError());
        NetworkCase network = new NetworkCase("two linear layers", graph, 16, 0, 8);
        int runs = 400;
        float[] exact = products(device, network, ActivationPolicy.none())[1];
        try (Program program = compile(device, network, ActivationPolicy.parse("2"), Computation.HESSIAN_VECTOR)) {
            network.probes(2, 3)
                    .forEach((name, values) -> program.tensor(name + ".vector").upload(program.stream(), values));
            double[] mean = new double[exact.length];
            double variance = 0;
            for (int run = 0; run < runs; run++) {
                program.setRandom(77, run);
                program.run(Computation.HESSIAN_VECTOR);
                float[] product = program.tensor("fc2.weight.product").downloadFloats(program.stream());
                for (int i = 0; i < exact.length; i++) {
                    mean[i] += product[i] / (double) runs;
                    variance += Math.pow((double) product[i] - exact[i], 2) / runs;
                }
            }
            double bias = 0;
            for (int i = 0; i < exact.length; i++) {
                bias += Math.pow(mean[i] - exact[i], 2);
            }
            assertThat(variance).as("variance of one product").isPositive();
            // the mean of n runs is off by 1/n of the variance if there is no bias
            assertThat(bias).as("squared bias").isLessThan(2 * variance / runs);
        }
    }

    private static float[][] products(String device, NetworkCase network, ActivationPolicy policy) {
        try (Program program = compile(device, network, policy, Computation.HESSIAN_VECTOR)) {
            network.probes(2, 3)
                    .forEach((name, values) -> program.tensor(name + ".vector").upload(program.stream(), values));
            program.setRandom(1, 0);
            program.run(Computation.HESSIAN_VECTOR);
            return network.graph().parameters().stream()
                    .map(parameter ->
                            program.tensor(parameter.name() + ".product").downloadFloats(program.stream()))
                    .toArray(float[][]::new);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void sameSeedSameBits(String device) {
        NetworkCase network = wide(Function.GELU);
        float[][] a = products(device, network, ActivationPolicy.parse("2"));
        float[][] b = products(device, network, ActivationPolicy.parse("2"));
        assertThat(a).isDeepEqualTo(b);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theSensitiveTensorGetsMoreBits(String device) {
        // fc3 sees a cotangent far larger than fc2: a loss gradient through tiny output weights
        GraphBuilder g = GraphBuilder.features(32);
        Node h = Layers.activation(g, "a1", Layers.linear(g, "fc1", g.input(), 64), Function.RELU);
        h = Layers.activation(g, "a2", Layers.linear(g, "fc2", h, 64), Function.RELU);
        Graph graph = g.build(Layers.linear(g, "fc3", h, 10), new CrossEntropy(-100));
        NetworkCase network = new NetworkCase("uneven", graph, 32, 0, 4);
        ActivationPolicy policy = ActivationPolicy.parse("auto:4");
        try (Program program = compile(device, network, policy, Computation.MEASURED_GRADIENT)) {
            float[] small = program.tensor("fc3.weight").downloadFloats(program.stream());
            for (int i = 0; i < small.length; i++) {
                small[i] *= 1e-3f;
            }
            program.tensor("fc3.weight").upload(program.stream(), small);
            program.run(Computation.MEASURED_GRADIENT);
            assertThat(policy.resolve(program)).isTrue();
            assertThat(policy.bits(program).get("a2"))
                    .isGreaterThan(policy.bits(program).get("a1"));
            assertThat(policy.resolve(program))
                    .as("solved again from the same numbers")
                    .isFalse();
        }
    }

    /** Measuring changes no bit of the gradient, and a gradient that does not measure no sum. */
    @ParameterizedTest
    @MethodSource("devices")
    void whatIsMeasuredIsTheSameGradient(String device) {
        ActivationPolicy policy = ActivationPolicy.parse("auto:2");
        NetworkCase network = wide(Function.GELU);
        try (Program program = compile(device, network, policy, Computation.MEASURED_GRADIENT)) {
            program.run(Computation.MEASURED_GRADIENT);
            float[] measured = program.flat(ParameterRole.GRADIENT).downloadFloats(program.stream());
            Map<String, Float> sums = policy.measured(program);
            assertThat(sums.values()).allSatisfy(sum -> assertThat(sum).isPositive());
            program.run(Computation.GRADIENT);
            assertThat(program.flat(ParameterRole.GRADIENT).downloadFloats(program.stream()))
                    .isEqualTo(measured);
            assertThat(policy.measured(program)).isEqualTo(sums);
        }
        try (Program program = compile(device, network, policy)) {
            assertThatThrownBy(() -> policy.resolve(program)).hasMessageContaining("MEASURED_GRADIENT");
        }
    }

    /** A cost beyond fp32 is unknown. Taken for zero, it would give the most sensitive tensor the fewest bits. */
    @Test
    void anUnknownCostChangesNoBits() {
        String device = TestDevices.one();
        NetworkCase network = wide(Function.GELU);
        ActivationPolicy policy = ActivationPolicy.parse("auto:2");
        try (Program program = compile(device, network, policy, Computation.MEASURED_GRADIENT)) {
            program.run(Computation.MEASURED_GRADIENT);
            Map<String, Integer> before = policy.bits(program);
            for (float unknown : new float[] {Float.POSITIVE_INFINITY, Float.NaN}) {
                program.tensor(CodecStore.sensitivity("fc2")).upload(program.stream(), new float[] {unknown});
                assertThat(policy.resolve(program)).isFalse();
                assertThat(policy.bits(program)).isEqualTo(before);
                assertThat(policy.measured(program)).doesNotContainKey("fc2").containsKey("act2");
            }
        }
    }

    @Test
    void bitsStandInTheOrderOfTheNetwork() {
        ActivationPolicy policy = ActivationPolicy.parse("auto:2");
        try (Program program = compile(TestDevices.one(), wide(Function.GELU), policy)) {
            assertThat(policy.bits(program).keySet()).containsExactly("fc1", "act1", "fc2", "act2");
        }
    }

    @Test
    void namesAPolicyThatMakesNoSense() {
        assertThatThrownBy(() -> ActivationPolicy.parse("3"))
                .hasMessageContaining("'3'")
                .hasMessageContaining("auto:AVG");
        assertThatThrownBy(() -> ActivationPolicy.parse("auto:0.5")).hasMessageContaining("1 <= AVG <= 8");
    }
}
