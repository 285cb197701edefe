package dev.sagitta.graph.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.DryDevice;
import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.OpNetwork;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.OpSamples;
import dev.sagitta.fixture.ReferenceNetwork;
import dev.sagitta.fixture.References;
import dev.sagitta.fixture.Sample;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.Shape;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every op in every computation on every device against the jets of its {@link OpReference}. {@link OpSamples} says how
 * to narrow it to one op.
 */
class OpSuiteTest {
    private static final long SEED = 77;
    private static final long STEP = 5;
    /** Relative to the largest element of a tensor: fp32 sums of some ten terms. */
    private static final double TOLERANCE = 4e-6;

    private static final long MOST_ELEMENTS = 1 << 20;

    /** Of sums whose terms have both signs, over a hundred thousand elements. */
    private static final double IDENTITY_TOLERANCE = 2e-5;

    static Stream<Arguments> runs() {
        return OpSamples.onEveryDevice(OpSamples.small());
    }

    static Stream<Arguments> largeRuns() {
        return OpSamples.onEveryDevice(OpSamples.timed().map(OpSuiteTest::affordable));
    }

    /** As large as the benchmark's, as far as the simulated device takes seconds for it: with fewer examples. */
    private static Sample affordable(Sample sample) {
        long elements =
                sample.inputs().stream().mapToLong(Shape::elements).max().orElse(1);
        return sample.batch((int) Math.max(1, Math.min(sample.batch(), MOST_ELEMENTS / elements)));
    }

    static Stream<OpReference.Refusal> refusals() {
        return OpSamples.ops().flatMap(op -> References.of(op).refusals().stream());
    }

    @Test
    void everyOpHasAReference() {
        assertThat(OpSamples.ops())
                .allSatisfy(op -> assertThat(References.of(op).samples())
                        .as("samples of %s", op)
                        .isNotEmpty());
    }

    /** As users write it: by its name in a model's JSON. */
    @Test
    void everyTypeHasASample() {
        Set<String> sampled = OpSamples.small()
                .map(sample -> sample.json() == null
                        ? OpNetwork.op(OpNetwork.trained(sample).graph()).type()
                        : sample.type())
                .collect(Collectors.toSet());
        assertThat(sampled).containsAll(OpSamples.types().map(OpType::name).toList());
    }

    // ---- against the reference ----

    @ParameterizedTest(name = "{0}: {1}", allowZeroInvocations = true)
    @MethodSource("runs")
    void everyComputationIsTheReferences(String device, Sample sample) {
        NetworkCase trained = OpNetwork.trained(sample);
        check(device, trained, 3, true);
        check(device, trained, 1, true);
        if (hasState(trained)) {
            check(device, trained, 3, false);
        }
        NetworkCase plain = OpNetwork.plain(sample);
        if (!plain.graph().parameters().isEmpty()) {
            check(device, plain, 3, true);
            if (hasState(plain)) {
                check(device, plain, 3, false);
            }
        }
    }

    /** What training moves is read as it stands outside of it. */
    private static boolean hasState(NetworkCase network) {
        return network.graph().everyParameter().stream().anyMatch(parameter -> parameter.use() == Parameter.Use.STATE);
    }

    private static Set<Computation> computations(NetworkCase network) {
        return References.of(OpNetwork.op(network.graph()).getClass()).computations();
    }

    private static Program compile(String device, NetworkCase network, int probes, boolean training) {
        ProgramOptions options = ProgramOptions.of(
                        network.batch(),
                        Computation.PREDICT,
                        computations(network).toArray(Computation[]::new))
                .probes(probes)
                .training(training);
        // a kernel that is given too little would end the JVM
        try (DryDevice dry = new DryDevice(TestDevices.get(device).kind())) {
            Program.compile(network.graph(), dry, options).close();
        }
        Program program = Program.compile(network.graph(), TestDevices.get(device), options);
        network.fill(program);
        program.setRandom(SEED, STEP);
        return program;
    }

    private static void check(String device, NetworkCase network, int probes, boolean training) {
        try (Program program = compile(device, network, probes, training)) {
            ReferenceNetwork reference = training ? network.reference().training(SEED, STEP) : network.reference();
            Map<String, double[]> p = network.referenceParameters();
            program.run(Computation.PREDICT);
            close(
                    network,
                    "PREDICT",
                    program.tensor("output").downloadFloats(program.stream()),
                    reference.output(p),
                    0);
            program.run(Computation.EVALUATE);
            double loss = reference.loss(p);
            double rows = program.tensor("metrics").downloadFloats(program.stream())[1];
            close(
                    network,
                    "EVALUATE",
                    program.tensor("metrics").downloadFloats(program.stream()),
                    new double[] {loss * rows},
                    0);
            if (!computations(network).contains(Computation.GRADIENT)) {
                return;
            }
            program.run(Computation.GRADIENT);
            close(network, "GRADIENT's loss", new float[] {program.loss()}, new double[] {loss}, 0);
            Map<String, double[]> gradient = reference.gradient(p);
            for (Parameter parameter : network.graph().parameters()) {
                close(
                        network,
                        "GRADIENT by " + parameter.name(),
                        program.tensor(parameter.name() + ".gradient").downloadFloats(program.stream()),
                        gradient.get(parameter.name()),
                        0);
            }
            Map<String, float[]> probe = network.probes(probes, 9);
            probe.forEach((name, values) -> program.tensor(name + ".vector").upload(program.stream(), values));
            checkProducts(program, network, reference, probe, true);
            checkProducts(program, network, reference, probe, false);
        }
    }

    private static void checkProducts(
            Program program,
            NetworkCase network,
            ReferenceNetwork reference,
            Map<String, float[]> probes,
            boolean hessian) {
        Map<String, float[]> products = products(program, hessian);
        float[] quadratics = quadratics(program, hessian);
        Map<String, double[]> p = network.referenceParameters();
        for (int k = 0; k < quadratics.length; k++) {
            Map<String, double[]> v = network.probe(probes, k);
            Map<String, double[]> expected =
                    hessian ? reference.hessianVector(p, v) : reference.gaussNewtonVector(p, v);
            String what = hessian ? "HESSIAN" : "GAUSS_NEWTON";
            for (Parameter parameter : network.graph().parameters()) {
                String name = parameter.name();
                close(network, what + "_VECTOR by " + name, products.get(name), expected.get(name), k);
            }
            double error = Math.abs(quadratics[k] - ReferenceNetwork.dot(v, expected));
            assertThat(error)
                    .as("%s_QUADRATIC of probe %d, %s", what, k, quadratics[k])
                    .isLessThanOrEqualTo(TOLERANCE * magnitude(v, expected));
        }
    }

    private static Map<String, float[]> products(Program program, boolean hessian) {
        program.run(hessian ? Computation.HESSIAN_VECTOR : Computation.GAUSS_NEWTON_VECTOR);
        Map<String, float[]> products = new HashMap<>();
        for (Parameter parameter : program.graph().parameters()) {
            String name = parameter.name();
            products.put(name, program.tensor(name + ".product").downloadFloats(program.stream()));
        }
        return products;
    }

    private static float[] quadratics(Program program, boolean hessian) {
        program.run(hessian ? Computation.HESSIAN_QUADRATIC : Computation.GAUSS_NEWTON_QUADRATIC);
        return program.tensor("quadratic").downloadFloats(program.stream());
    }

    private static double magnitude(Map<String, double[]> v, Map<String, double[]> product) {
        double sum = 0;
        for (Map.Entry<String, double[]> entry : product.entrySet()) {
            for (int i = 0; i < entry.getValue().length; i++) {
                sum += Math.abs(v.get(entry.getKey())[i] * entry.getValue()[i]);
            }
        }
        return sum;
    }

    private static double tolerance(NetworkCase network) {
        Op op = OpNetwork.op(network.graph());
        return TOLERANCE
                * References.find(op.getClass()).map(OpReference::condition).orElse(1.0);
    }

    /** Element by element against probe k's part. */
    private static void close(NetworkCase network, String what, float[] actual, double[] expected, int k) {
        double scale = 0;
        for (double value : expected) {
            scale = Math.max(scale, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            float value = actual[k * expected.length + i];
            if (!(Math.abs(value - expected[i]) <= tolerance(network) * scale)) {
                throw new AssertionError(what + ": element " + i + " of probe " + k + " is " + value + ", reference "
                        + expected[i] + ", the largest " + scale);
            }
        }
    }

    // ---- large: what must hold whatever the numbers are ----

    /**
     * &lt;v, Gv&gt; = v'Gv is &lt;dx, xt&gt; = &lt;dy, yt&gt;; &lt;v, Hv&gt; = v'Hv is &lt;zt, dzt&gt; - &lt;dyt, yt&gt; = curvature; and
     * &lt;u, Hv&gt; = &lt;v, Hu&gt;.
     */
    @ParameterizedTest(name = "{0}: {1}", allowZeroInvocations = true)
    @MethodSource("largeRuns")
    void productsAreConsistentAtLargeSizes(String device, Sample sample) {
        NetworkCase network = OpNetwork.trained(sample);
        try (Program program = compile(device, network, 2, true)) {
            Map<String, float[]> probes = network.probes(2, 9);
            probes.forEach((name, values) -> program.tensor(name + ".vector").upload(program.stream(), values));
            for (boolean hessian : new boolean[] {true, false}) {
                Map<String, float[]> products = products(program, hessian);
                float[] quadratics = quadratics(program, hessian);
                Map<String, double[]> v = network.probe(probes, 0);
                Map<String, double[]> u = network.probe(probes, 1);
                Map<String, double[]> av = network.probe(products, 0);
                Map<String, double[]> au = network.probe(products, 1);
                String what = hessian ? "Hessian" : "Gauss-Newton";
                same(what + ": <v, Av> and v'Av", ReferenceNetwork.dot(v, av), quadratics[0], magnitude(v, av));
                same(what + ": <u, Au> and u'Au", ReferenceNetwork.dot(u, au), quadratics[1], magnitude(u, au));
                same(
                        what + ": <u, Av> and <v, Au>",
                        ReferenceNetwork.dot(u, av),
                        ReferenceNetwork.dot(v, au),
                        magnitude(u, av));
            }
        }
    }

    private static void same(String what, double a, double b, double magnitude) {
        assertThat(Math.abs(a - b))
                .as("%s: %s and %s, terms sum to %s", what, a, b, magnitude)
                .isLessThanOrEqualTo(IDENTITY_TOLERANCE * magnitude);
        assertThat(magnitude).isPositive();
    }

    // ---- refusals ----

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("refusals")
    void refusesWhatItCannotTake(OpReference.Refusal refusal) {
        assertThatThrownBy(() -> OpNetwork.plain(refusal.sample()))
                .satisfies(error -> assertThat(error.getMessage()).contains(refusal.expected()));
    }

    /** A value out of the range of a field. */
    @ParameterizedTest(name = "{0}: {1} {2}", allowZeroInvocations = true)
    @MethodSource("wrongFields")
    void refusesAFieldOutOfRange(OpType type, String field, String value, String expected) {
        String inputs = String.join(",", Collections.nCopies(Math.max(1, type.least()), "\"input\""));
        String layer = "{\"type\":\"%s\",\"from\":[%s],\"%s\":%s}".formatted(type.name(), inputs, field, value);
        String model = "{\"input\":{\"shape\":[2]},\"loss\":\"mse\",\"layers\":[" + layer + "]}";
        assertThatThrownBy(() -> ModelSpec.parse(model, "model"))
                .hasMessageContaining("layers[0]: ")
                .hasMessageContaining(field)
                .hasMessageContaining(expected);
    }

    static Stream<Arguments> wrongFields() {
        return OpSamples.types()
                .flatMap(type -> type.fields().stream().flatMap(field -> wrong(field).entrySet().stream()
                        .map(wrong -> Arguments.of(type, field.name(), wrong.getKey(), wrong.getValue()))));
    }

    private static Map<String, String> wrong(Field<?> field) {
        return switch (field.kind()) {
            case EXTENT, POSITIONS, INTEGER ->
                Map.of(
                        Long.toString((long) field.least() - 1),
                        "expected an integer from",
                        Long.toString((long) field.most() + 1),
                        "expected an integer from",
                        "2.5",
                        "expected an integer from");
            case NUMBER ->
                Map.of(
                        Double.toString(field.least() - 1),
                        "expected a number from",
                        Double.toString(field.most() + 1),
                        "expected a number from",
                        "\"x\"",
                        "expected a number from");
            case FLAG -> Map.of("1", "expected true or false");
            case TEXT, PARAMETER -> Map.of("7", "expected a string");
            case INTEGERS -> Map.of("7", "expected an array", "[2.5]", "expected an integer from");
            case PER_AXIS -> Map.of("\"7\"", "expected an integer", "[2.5]", "expected an integer from");
            case GROUP -> Map.of("7", "expected an object", "{\"unheard\":1}", "unknown field 'unheard'");
            case CHARACTERS -> Map.of("false", "expected true or a string");
        };
    }
}
