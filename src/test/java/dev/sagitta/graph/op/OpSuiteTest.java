package dev.sagitta.graph.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.ReferenceNetwork;
import dev.sagitta.fixture.Sample;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Every op of {@link OpTypes} in five modes on every device, against its {@link OpReference}: read from JSON as users write it, with inputs that are trained, in
 * a network of nothing else. {@code -Dsagitta.op=REGEX} chooses types.
 */
class OpSuiteTest {
    private static final OpTypes TYPES = OpTypes.standard().with(Given.TYPE);
    private static final Pattern CHOSEN = Pattern.compile(System.getProperty("sagitta.op", ".*"));
    private static final double TOLERANCE = 2e-4;
    private static final int PROBES = 3;
    private static final long SEED = 11;

    /** The references of all ops, by type; fails for an op without one. */
    private static Map<OpType, OpReference> references() throws ReflectiveOperationException {
        Map<OpType, OpReference> references = new LinkedHashMap<>();
        for (JavaClass op : new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("dev.sagitta.graph.op")) {
            for (JavaField field : op.getFields()) {
                if (field.getRawType().isEquivalentTo(OpType.class)) {
                    references.put((OpType) field.reflect().get(null), OpReference.named(op.reflect()));
                }
            }
        }
        return references;
    }

    private static Map<String, List<Sample>> samples() throws ReflectiveOperationException {
        Map<String, List<Sample>> byType = new TreeMap<>();
        references()
                .forEach((type, reference) -> byType.put(
                        type.name(),
                        reference.samples().stream()
                                .filter(sample -> json(sample.json()).contains("\"type\":\"" + type.name() + "\""))
                                .toList()));
        return byType;
    }

    @TestFactory
    Stream<DynamicTest> everyModeOfEveryOp() throws ReflectiveOperationException {
        List<DynamicTest> tests = new ArrayList<>();
        samples().forEach((type, samples) -> {
            if (CHOSEN.matcher(type).matches()) {
                tests.add(DynamicTest.dynamicTest(
                        type + " has samples", () -> assertThat(samples).isNotEmpty()));
                for (String device : TestDevices.names()) {
                    tests.add(DynamicTest.dynamicTest(type + " on " + device, () -> {
                        for (Sample sample : samples) {
                            new Trial(sample).compare(device);
                        }
                    }));
                }
            }
        });
        return tests.stream();
    }

    /** A policy may compress what an op keeps and nothing else: the bytes are those of what {@code keeps()} lists. */
    @TestFactory
    Stream<DynamicTest> savedMemoryIsWhatKeepsSays() throws ReflectiveOperationException {
        return samples().entrySet().stream()
                .filter(entry -> CHOSEN.matcher(entry.getKey()).matches())
                .map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> {
                    for (Sample sample : entry.getValue()) {
                        new Trial(sample).checkKeeps();
                    }
                }));
    }

    @TestFactory
    Stream<DynamicTest> refusals() throws ReflectiveOperationException {
        List<DynamicTest> tests = new ArrayList<>();
        references().forEach((type, reference) -> {
            if (!CHOSEN.matcher(type.name()).matches()) {
                return;
            }
            reference
                    .refusals()
                    .forEach(refusal ->
                            tests.add(DynamicTest.dynamicTest(type + ": " + refusal.json(), () -> assertThatThrownBy(
                                            () -> new Trial(new Sample(refusal.json(), refusal.inputs(), 2, 0)))
                                    .hasMessageContaining(refusal.message()))));
            for (Field<?> field : type.fields()) {
                wrongValue(field)
                        .forEach((value, message) ->
                                tests.add(DynamicTest.dynamicTest(type + ": " + field.name() + " " + value, () -> {
                                    String layer =
                                            "{'type':'" + type.name() + "','" + field.name() + "':" + value + "}";
                                    String from = type.inputs() > 1 ? layer.replace("{", "{'from':'input',") : layer;
                                    assertThatThrownBy(() -> ModelSpec.parse(
                                                    json("{'input':{'shape':[2]},'loss':'mse','layers':[" + from
                                                            + "]}"),
                                                    "model"))
                                            .hasMessageContaining("layers[0]: '" + field.name() + "' is")
                                            .hasMessageContaining(message);
                                })));
            }
        });
        return tests.stream();
    }

    private static Map<String, String> wrongValue(Field<?> field) {
        Map<String, String> wrong = new LinkedHashMap<>();
        switch (field.kind()) {
            case EXTENT, INTEGER -> {
                wrong.put(Long.toString((long) field.least() - 1), "expected an integer from");
                wrong.put("2.5", "expected an integer from");
            }
            case NUMBER -> {
                wrong.put(Double.toString(field.least() - 1), "expected a number from");
                wrong.put("'x'", "expected a number from");
            }
            case FLAG -> wrong.put("1", "expected true or false");
            case TEXT, PARAMETER -> wrong.put("7", "expected a string");
            case CHARACTERS -> wrong.put("false", "expected true or a string");
        }
        return wrong;
    }

    private static String json(String text) {
        return text.replace('\'', '"');
    }

    /** One sample as a network. */
    private static final class Trial {
        private final Sample sample;
        private final Graph graph;
        private final int[] ids;
        private final double[] targets;
        private final Map<String, float[]> parameters = new LinkedHashMap<>();
        private final Map<String, float[]> probes = new LinkedHashMap<>();

        Trial(Sample sample) {
            this.sample = sample;
            StringBuilder layers = new StringBuilder();
            List<String> from = new ArrayList<>();
            for (int i = 0; i < sample.inputs().size() && sample.ids() == 0; i++) {
                layers.append("{'type':'given','name':'x")
                        .append(i)
                        .append("','from':'input','batch':")
                        .append(sample.batch());
                layers.append(",'shape':'").append(join(sample.inputs().get(i))).append("'},");
                from.add("'x" + i + "'");
            }
            String op = sample.json().substring(0, sample.json().length() - 1) + ",'name':'op'"
                    + (from.isEmpty() ? "" : ",'from':[" + String.join(",", from) + "]") + "}";
            String input = sample.ids() == 0
                    ? "{'shape':[1]}"
                    : "{'type':'ids','shape':[" + join(sample.inputs().get(0)) + "]}";
            this.graph = ModelSpec.parse(
                            json("{'input':" + input + ",'loss':'mse','layers':[" + layers + op + "]}"),
                            "sample",
                            TYPES)
                    .toGraph();
            Random random = new Random(5);
            int inputs = (int) (sample.batch() * graph.input().shape().elements());
            ids = sample.ids() == 0
                    ? null
                    : random.ints(inputs, 0, sample.ids()).toArray();
            int outputs = (int) (sample.batch() * graph.output().shape().elements());
            targets = NumbersOf.doubles(NumbersOf.normal(random, outputs));
            for (Parameter parameter : graph.everyParameter()) {
                int n = (int) parameter.elements();
                parameters.put(parameter.name(), NumbersOf.normal(random, n));
                probes.put(parameter.name(), NumbersOf.normal(random, PROBES * n));
            }
        }

        private static String join(long[] extents) {
            return String.join(
                    ",", Arrays.stream(extents).mapToObj(Long::toString).toList());
        }

        private Program program(String device, String policy, Computation... computations) {
            Program program = Program.compile(
                    graph,
                    TestDevices.get(device),
                    ProgramOptions.of(sample.batch(), computations[0], computations)
                            .probes(PROBES)
                            .training(true)
                            .seed(SEED)
                            .store(ActivationPolicy.parse(policy).store()));
            if (ids != null) {
                program.tensor("input").upload(program.stream(), ids);
            }
            parameters.forEach((name, values) -> program.tensor(name).upload(program.stream(), values));
            return program;
        }

        /** All that a program computes, on one device. */
        void compare(String device) {
            double[] features = ids != null ? null : new double[sample.batch()];
            ReferenceNetwork reference =
                    new ReferenceNetwork(graph, sample.batch(), features, ids, null, targets).training(SEED, 0);
            Map<String, double[]> p = NumbersOf.doubles(parameters);
            try (Program program = program(device, "none", Computation.values())) {
                program.tensor("target").upload(program.stream(), NumbersOf.floats(targets));
                probes.forEach((name, v) -> program.tensor(name + ".vector").upload(program.stream(), v));
                close(device, "output", run(program, Computation.PREDICT, "output"), reference.output(p));
                close(device, "loss", run(program, Computation.GRADIENT, "loss"), new double[] {reference.loss(p)});
                Map<String, double[]> gradient = reference.gradient(p);
                gradient.forEach((name, expected) -> close(
                        device,
                        "gradient " + name,
                        program.tensor(name + ".gradient").downloadFloats(program.stream()),
                        expected));
                products(device, program, reference, p, true);
                products(device, program, reference, p, false);
            }
        }

        private void products(
                String device, Program program, ReferenceNetwork reference, Map<String, double[]> p, boolean hessian) {
            program.run(hessian ? Computation.HESSIAN_VECTOR : Computation.GAUSS_NEWTON_VECTOR);
            Map<String, float[]> products = new LinkedHashMap<>();
            for (String name : parameters.keySet()) {
                products.put(name, program.tensor(name + ".product").downloadFloats(program.stream()));
            }
            float[] quadratic = run(
                    program, hessian ? Computation.HESSIAN_QUADRATIC : Computation.GAUSS_NEWTON_QUADRATIC, "quadratic");
            for (int k = 0; k < PROBES; k++) {
                Map<String, double[]> v = new LinkedHashMap<>();
                int probe = k;
                probes.forEach((name, values) -> v.put(name, NumbersOf.part(values, probe, PROBES)));
                Map<String, double[]> expected =
                        hessian ? reference.hessianVector(p, v) : reference.gaussNewtonVector(p, v);
                String what = hessian ? "Hv " : "Gv ";
                double scale = 1;
                for (String name : parameters.keySet()) {
                    double[] actual = NumbersOf.part(products.get(name), k, PROBES);
                    close(device, what + name, NumbersOf.floats(actual), expected.get(name));
                    for (int i = 0; i < actual.length; i++) {
                        scale += Math.abs(expected.get(name)[i] * v.get(name)[i]);
                    }
                }
                assertThat(Math.abs(quadratic[k] - ReferenceNetwork.dot(v, expected)))
                        .as("v'%s on %s of %s", what + "v", device, sample)
                        .isLessThanOrEqualTo(TOLERANCE * scale);
            }
        }

        private static float[] run(Program program, Computation computation, String tensor) {
            program.run(computation);
            return program.tensor(tensor).downloadFloats(program.stream());
        }

        private void close(String device, String what, float[] actual, double[] expected) {
            double scale = 1e-3;
            for (double value : expected) {
                scale = Math.max(scale, Math.abs(value));
            }
            assertThat(actual).as("%s on %s of %s", what, device, sample).hasSameSizeAs(expected);
            for (int i = 0; i < expected.length; i++) {
                assertThat(Math.abs(actual[i] - expected[i]))
                        .as("%s[%s] on %s of %s: %s against %s", what, i, device, sample, actual[i], expected[i])
                        .isLessThanOrEqualTo(TOLERANCE * scale);
            }
        }

        void checkKeeps() {
            long exact = 0;
            long free = 0;
            for (Keep keep : graph.output().node().op().keeps()) {
                if (keep.source() == Keep.Source.INPUT && ids == null) {
                    exact += 4L * sample.batch() * count(sample.inputs().get(keep.index()));
                } else if (keep.source() == Keep.Source.INPUT) {
                    free++;
                }
            }
            try (Program program = program(TestDevices.one(), "none", Computation.GRADIENT)) {
                long made = program.memory().saved().stream()
                        .filter(value -> value.name().startsWith("op."))
                        .mapToLong(value -> value.bytes())
                        .sum();
                assertThat(program.memory().savedBytes() - made)
                        .as("%s, %s free", sample, free)
                        .isEqualTo(exact);
            }
        }

        private static long count(long[] extents) {
            return Arrays.stream(extents).reduce(1, (a, b) -> a * b);
        }
    }

    /** Between fp32 and fp64. */
    private static final class NumbersOf {
        static float[] normal(Random random, int n) {
            float[] values = new float[n];
            for (int i = 0; i < n; i++) {
                values[i] = (float) random.nextGaussian();
            }
            return values;
        }

        static double[] doubles(float[] values) {
            double[] result = new double[values.length];
            for (int i = 0; i < result.length; i++) {
                result[i] = values[i];
            }
            return result;
        }

        static Map<String, double[]> doubles(Map<String, float[]> values) {
            Map<String, double[]> result = new LinkedHashMap<>();
            values.forEach((name, v) -> result.put(name, doubles(v)));
            return result;
        }

        static float[] floats(double[] values) {
            float[] result = new float[values.length];
            for (int i = 0; i < result.length; i++) {
                result[i] = (float) values[i];
            }
            return result;
        }

        static double[] part(float[] values, int k, int parts) {
            int n = values.length / parts;
            return doubles(Arrays.copyOfRange(values, k * n, (k + 1) * n));
        }
    }
}
