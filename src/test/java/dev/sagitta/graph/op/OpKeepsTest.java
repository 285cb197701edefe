package dev.sagitta.graph.op;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.OpNetwork;
import dev.sagitta.fixture.OpSamples;
import dev.sagitta.fixture.References;
import dev.sagitta.fixture.Sample;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.op.shape.ToImage;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramMemory;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What ops keep for later passes is what they say, and the noise of its packing does what they say. */
class OpKeepsTest {
    private static final long SEED = 77;
    private static final int ROUNDINGS = 200;
    /** Of a gradient by itself, relative: what its fp32 sums are off. */
    private static final double TOLERANCE = 4e-6;

    /** What {@code keeps()} says and no more, exact and packed. */
    @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
    @MethodSource("kept")
    void keepsWhatItSays(Sample sample) {
        NetworkCase network = OpNetwork.trained(sample);
        Node node = node(network);
        Map<String, Long> expected = new LinkedHashMap<>();
        for (Keep keep : wanted(node)) {
            Wire wire =
                    keep.source() == Keep.Source.INPUT ? stored(node.inputs().get(keep.index())) : node.out();
            boolean free = !keep.isMade() && wire.node().isInput();
            if (!free) {
                long elements = network.batch() * wire.shape().elements();
                long inputs = network.batch() * node.inputs().get(0).shape().elements();
                expected.put(
                        keep.isMade() ? "op." + keep.name() : wire.name(),
                        switch (keep.source()) {
                            case INPUT, OUTPUT -> 4 * elements;
                            case BITS -> 4 * ((inputs + 31) / 32);
                            case OWN -> -1L;
                        });
            }
        }
        Map<String, Long> saved = new LinkedHashMap<>();
        memory(network, "none").saved().forEach(one -> saved.put(one.name(), one.bytes()));
        expected.replaceAll((name, bytes) -> bytes < 0 ? saved.get(name) : bytes);
        assertThat(saved).isEqualTo(expected);

        List<String> names = new ArrayList<>();
        for (Keep keep : wanted(node)) {
            Wire wire =
                    keep.source() == Keep.Source.INPUT ? stored(node.inputs().get(keep.index())) : node.out();
            String name = keep.isMade() ? "op." + keep.name() : wire.name();
            if (expected.containsKey(name)) {
                names.addAll(keep.isExact() ? List.of(name) : List.of(name + ".codes", name + ".grid"));
            }
        }
        assertThat(memory(network, "4").saved())
                .extracting(ProgramMemory.SavedBytes::name)
                .containsExactlyInAnyOrderElementsOf(names);
    }

    /** Those whose op is the network's last: what an op of several outputs keeps is compared in {@code RewriteSuiteTest}. */
    private static Stream<Sample> samples() {
        return OpSamples.small()
                .filter(sample -> sample.op() == null
                        || node(OpNetwork.trained(sample)).op().getClass()
                                == sample.op().getClass());
    }

    static Stream<Sample> kept() {
        return samples().filter(OpKeepsTest::isOneNode).filter(sample -> References.of(
                        node(OpNetwork.trained(sample)).op().getClass())
                .computations()
                .contains(Computation.GRADIENT));
    }

    /** A composite's parts keep what each of them says. */
    private static boolean isOneNode(Sample sample) {
        return OpNetwork.trained(sample).graph().nodes().stream()
                .noneMatch(node -> node.name().startsWith("op.") && !(node.op() instanceof ToImage));
    }

    /** Of a graph in which everything is trained. */
    private static List<Keep> wanted(Node node) {
        boolean parameters = node.op().parameters().stream().anyMatch(Parameter::isTrained);
        Keep.Needs all = new Keep.Needs() {
            @Override
            public boolean input(int i) {
                return node.inputs().get(i).dtype() == DType.F32;
            }

            @Override
            public boolean parameters() {
                return parameters;
            }

            @Override
            public boolean parameter(int i) {
                return i < node.op().parameters().size()
                        && node.op().parameters().get(i).isTrained();
            }
        };
        return node.op().keeps().stream().filter(keep -> keep.isWanted(all)).toList();
    }

    /** What lies in memory: an image of one pixel is the array that it is made of. */
    private static Wire stored(Wire wire) {
        int passed = wire.node().isInput() ? -1 : wire.node().op().passes(0, true);
        return passed < 0 ? wire : wire.node().inputs().get(passed);
    }

    private static Node node(NetworkCase network) {
        return OpNetwork.node(network.graph());
    }

    private static ProgramMemory memory(NetworkCase network, String policy) {
        ProgramOptions options = ProgramOptions.of(network.batch(), Computation.GRADIENT)
                .training(true)
                .store(ActivationPolicy.parse(policy).store());
        try (Program program = Program.compile(network.graph(), TestDevices.get(TestDevices.one()), options)) {
            return program.memory();
        }
    }

    /**
     * The mean gradient over many roundings of what is kept. Where all that is packed was declared linear it is the exact one, to the deviation that the
     * runs have among themselves.
     */
    @ParameterizedTest(name = "{0}: {1}, {2} bits", allowZeroInvocations = true)
    @MethodSource("packedRuns")
    void whatIsLinearInItsNoiseIsUnbiased(String device, Sample sample, int bits) {
        NetworkCase network = OpNetwork.trained(sample);
        Map<String, double[]> exact = network.reference().gradient(network.referenceParameters());
        ProgramOptions options = ProgramOptions.of(network.batch(), Computation.GRADIENT)
                .store(ActivationPolicy.parse(Integer.toString(bits)).store());
        try (Program program = Program.compile(network.graph(), TestDevices.get(device), options)) {
            network.fill(program);
            Map<String, double[]> sums = new HashMap<>();
            Map<String, double[]> squares = new HashMap<>();
            for (int run = 0; run < ROUNDINGS; run++) {
                program.setRandom(SEED, run);
                program.run(Computation.GRADIENT);
                for (String name : exact.keySet()) {
                    float[] g = program.tensor(name + ".gradient").downloadFloats(program.stream());
                    double[] sum = sums.computeIfAbsent(name, key -> new double[g.length]);
                    double[] square = squares.computeIfAbsent(name, key -> new double[g.length]);
                    for (int i = 0; i < g.length; i++) {
                        double error = g[i] - exact.get(name)[i];
                        sum[i] += error;
                        square[i] += error * error;
                    }
                }
            }
            double bias = 0;
            double variance = 0;
            double rounding = 0;
            for (String name : exact.keySet()) {
                for (int i = 0; i < exact.get(name).length; i++) {
                    bias += Math.pow(sums.get(name)[i] / ROUNDINGS, 2);
                    variance += squares.get(name)[i] / ROUNDINGS;
                    rounding += Math.pow(TOLERANCE * exact.get(name)[i], 2);
                }
            }
            assertThat(variance).as("noise").isGreaterThan(rounding);
            // the mean of n runs is off by 1/n of the variance if there is no bias
            assertThat(bias).as("squared bias, variance %s", variance).isLessThan(2 * variance / ROUNDINGS + rounding);
        }
    }

    static Stream<Arguments> packedRuns() {
        return samples()
                .filter(sample -> sample.batch() > 1)
                .filter(sample -> {
                    Node node = node(OpNetwork.trained(sample));
                    List<Keep> packed = wanted(node).stream()
                            .filter(keep -> !keep.isExact()
                                    && !node.inputs().get(keep.index()).node().isInput())
                            .toList();
                    return !packed.isEmpty() && packed.stream().allMatch(Keep::isLinear);
                })
                .flatMap(sample -> TestDevices.names().stream()
                        .flatMap(device -> Stream.of(1, 4).map(bits -> Arguments.of(device, sample, bits))));
    }
}
