package dev.sagitta.program;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.Networks;
import dev.sagitta.fixture.ReferenceNetwork;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Parameter;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole networks in every computation against the fp64 reference and its finite differences. */
class NetworkTest {
    private static final int PROBES = 3;
    /** Relative to the largest element of the reference: fp32 sums of some hundred terms, through a few layers. */
    private static final double TOLERANCE = 2e-5;

    static Stream<Arguments> runs() {
        return TestDevices.names().stream()
                .flatMap(device -> Networks.all().stream().map(network -> Arguments.of(device, network)));
    }

    private static Program compile(String device, NetworkCase network) {
        ProgramOptions options = ProgramOptions.of(network.batch(), Computation.PREDICT, Computation.values())
                .probes(PROBES);
        Program program = Program.compile(network.graph(), TestDevices.get(device), options);
        network.fill(program);
        return program;
    }

    @ParameterizedTest(name = "{1} on {0}")
    @MethodSource("runs")
    void predictionLossAndGradient(String device, NetworkCase network) {
        try (Program program = compile(device, network)) {
            ReferenceNetwork reference = network.reference();
            Map<String, double[]> p = network.referenceParameters();
            program.run(Computation.PREDICT);
            close("output", program.tensor("output").downloadFloats(program.stream()), reference.output(p), 0, 1);
            // twice: the second run is a replay on CUDA, and must start from nothing that the first left behind
            for (int run = 0; run < 2; run++) {
                program.run(Computation.GRADIENT);
                assertThat((double) program.loss())
                        .isCloseTo(reference.loss(p), org.assertj.core.data.Percentage.withPercentage(1e-3));
                Map<String, double[]> expected = reference.gradient(p);
                double scale = largest(expected);
                for (Parameter parameter : network.graph().parameters()) {
                    float[] actual =
                            program.tensor(parameter.name() + ".gradient").downloadFloats(program.stream());
                    close(parameter.name(), actual, expected.get(parameter.name()), 0, scale);
                }
            }
        }
    }

    @ParameterizedTest(name = "{1} on {0}")
    @MethodSource("runs")
    void hessianAndGaussNewtonProducts(String device, NetworkCase network) {
        try (Program program = compile(device, network)) {
            ReferenceNetwork reference = network.reference();
            Map<String, double[]> p = network.referenceParameters();
            Map<String, float[]> probes = network.probes(PROBES, 99);
            probes.forEach((name, values) -> program.tensor(name + ".vector").upload(program.stream(), values));
            for (Computation computation :
                    new Computation[] {Computation.HESSIAN_VECTOR, Computation.GAUSS_NEWTON_VECTOR}) {
                program.run(computation);
                boolean hessian = computation == Computation.HESSIAN_VECTOR;
                Map<String, float[]> products = new java.util.HashMap<>();
                for (Parameter parameter : network.graph().parameters()) {
                    products.put(
                            parameter.name(),
                            program.tensor(parameter.name() + ".product").downloadFloats(program.stream()));
                }
                program.run(hessian ? Computation.HESSIAN_QUADRATIC : Computation.GAUSS_NEWTON_QUADRATIC);
                float[] quadratics = program.tensor("quadratic").downloadFloats(program.stream());
                for (int k = 0; k < PROBES; k++) {
                    Map<String, double[]> v = network.probe(probes, k);
                    Map<String, double[]> expected =
                            hessian ? reference.hessianVector(p, v) : reference.gaussNewtonVector(p, v);
                    double scale = largest(expected);
                    for (Parameter parameter : network.graph().parameters()) {
                        close(
                                computation + " " + parameter.name(),
                                products.get(parameter.name()),
                                expected.get(parameter.name()),
                                k,
                                scale);
                    }
                    double magnitude = 0;
                    for (Map.Entry<String, double[]> entry : expected.entrySet()) {
                        double[] direction = v.get(entry.getKey());
                        for (int i = 0; i < direction.length; i++) {
                            magnitude += Math.abs(direction[i] * entry.getValue()[i]);
                        }
                    }
                    double quadratic = ReferenceNetwork.dot(v, expected);
                    assertThat(Math.abs(quadratics[k] - quadratic))
                            .as("%s: v'Av of probe %d: %s against %s", computation, k, quadratics[k], quadratic)
                            .isLessThanOrEqualTo(TOLERANCE * magnitude + 1e-9);
                }
            }
        }
    }

    private static double largest(Map<String, double[]> values) {
        return values.values().stream()
                .flatMapToDouble(java.util.Arrays::stream)
                .map(Math::abs)
                .max()
                .orElse(0);
    }

    /** Element by element against probe k's part. */
    private static void close(String what, float[] actual, double[] expected, int k, double scale) {
        for (int i = 0; i < expected.length; i++) {
            double error = Math.abs(actual[k * expected.length + i] - expected[i]);
            if (!(error <= TOLERANCE * scale + 1e-9)) {
                throw new AssertionError(what + "[" + i + "] of probe " + k + " is " + actual[k * expected.length + i]
                        + ", reference " + expected[i] + ", scale " + scale);
            }
        }
    }
}
