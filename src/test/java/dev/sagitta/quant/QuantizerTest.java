package dev.sagitta.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.gemm.Linear;
import dev.sagitta.graph.op.packed.PackedLinear;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.program.BatchLosses;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** From a checkpoint to packed weights, through a file, and back to a loss. */
class QuantizerTest {
    private static final int GROUP = 16;
    private static final int ROWS = 23;
    /** fp32 sums of some forty terms through four layers. */
    private static final double TOLERANCE = 1e-5;

    private static Map<String, Double> exactTraces;

    @TempDir
    Path folder;

    static Stream<String> devices() {
        return TestDevices.names().stream();
    }

    private static Quantizer.Settings settings(boolean symmetric) {
        return new Quantizer.Settings(List.of(2, 3, 4, 8), GROUP, symmetric, 96, 10, 5, false, false);
    }

    private Checkpoint mlp() {
        return QuantFixture.checkpoint(folder.resolve("c.safetensors"), QuantFixture.MLP, 3);
    }

    /** The packed file with its weights unpacked in Java, as a plain checkpoint. */
    private Checkpoint unpacked(Checkpoint packed, QuantPlan plan) {
        List<HostTensor> tensors = new ArrayList<>();
        for (Parameter parameter : packed.graph().parameters()) {
            Shape shape = parameter.shape();
            QuantFormat format = plan.formats().get(parameter.name());
            tensors.add(
                    format == null
                            ? packed.parameter(parameter.name())
                            : HostTensor.of(
                                    parameter.name(),
                                    shape,
                                    QuantFixture.unpack(packed, parameter.name(), format, (int) shape.extent(0), (int)
                                            shape.extent(1))));
        }
        Path path = folder.resolve("unpacked.safetensors");
        Checkpoint.write(path, packed.model(), tensors, Map.of());
        return Checkpoint.open(path);
    }

    /** The same for all devices, and the slowest part. */
    private static synchronized Map<String, Double> exactTraces(Checkpoint source, DataSet rows) {
        if (exactTraces == null) {
            exactTraces = new ExactTraces(source, rows).byWeight();
        }
        return exactTraces;
    }

    private static Evaluation evaluate(StoredModel model, Rows rows) {
        // ten rows per batch: a rest of three runs through the kernel for few rows
        try (Batches batches = model.batches(ProgramOptions.of(10, Computation.EVALUATE), rows)) {
            return Evaluation.of(batches);
        }
    }

    private static float[] predict(StoredModel model, Rows rows) {
        try (Batches batches = model.batches(ProgramOptions.of(ROWS, Computation.PREDICT), rows)) {
            batches.run(0, Computation.PREDICT);
            Program program = batches.program();
            return program.tensor("output").downloadFloats(program.stream());
        }
    }

    private void roundTrip(Device device, ModelSpec model, Map<String, Integer> bits, boolean symmetric) {
        Map<String, QuantFormat> formats = new LinkedHashMap<>();
        bits.forEach((name, b) -> formats.put(name, new QuantFormat(b, GROUP, symmetric)));
        Path out = folder.resolve("q.safetensors");
        Graph graph = model.toGraph();
        Rows rows = QuantFixture.rows(graph, ROWS, 8);
        Evaluation before;
        try (Checkpoint source = QuantFixture.checkpoint(folder.resolve("c.safetensors"), model, 3)) {
            Quantizer.Packed packed = new Quantizer(source, device, settings(symmetric)).pack(new QuantPlan(formats));
            packed.write(out);
            try (StoredModel memory = packed.model(device)) {
                before = evaluate(memory, rows);
            }
            try (Checkpoint file = Checkpoint.open(out)) {
                assertThat(packed.bytes()).isEqualTo(file.parameterBytes());
            }
        }
        try (Checkpoint file = Checkpoint.open(out);
                StoredModel packed = StoredModel.open(file, device);
                Checkpoint plain = unpacked(file, new QuantPlan(formats));
                StoredModel reference = StoredModel.open(plain, device)) {
            assertThat(packed.isPacked()).isTrue();
            assertThat(packed.bytes()).isEqualTo(file.parameterBytes());
            assertThat(reference.isPacked()).isFalse();
            assertThat(packed.graph().nodes().stream()
                            .filter(node -> node.op() instanceof PackedLinear)
                            .count())
                    .isEqualTo(graph.nodes().stream()
                            .filter(node -> node.op() instanceof Linear linear
                                    && bits.containsKey(linear.weight().name()))
                            .count());
            float[] actual = predict(packed, rows);
            float[] expected = predict(reference, rows);
            for (int i = 0; i < expected.length; i++) {
                assertThat(actual[i]).as("output %d", i).isCloseTo(expected[i], Offset.offset((float) TOLERANCE));
            }
            Evaluation after = evaluate(packed, rows);
            assertThat(after).isEqualTo(before);
            Evaluation full = evaluate(reference, rows);
            assertThat(after.loss()).isCloseTo(full.loss(), Percentage.withPercentage(100 * TOLERANCE));
            assertThat(after.examples()).isEqualTo(ROWS);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aPackedFileEvaluatesAsItsUnpackedWeights(String name) {
        Device device = TestDevices.get(name);
        roundTrip(device, QuantFixture.MLP, Map.of("fc1.weight", 3, "fc2.weight", 2, "fc3.weight", 4), false);
        roundTrip(device, QuantFixture.MLP, Map.of("fc1.weight", 8, "fc2.weight", 3, "fc3.weight", 2), true);
        roundTrip(device, QuantFixture.CHARACTERS, Map.of("fc1.weight", 3), false);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void nothingStaysOnTheDevice(String name) {
        Device device = TestDevices.get(name);
        long before = device.memory().currentBytes();
        roundTrip(device, QuantFixture.MLP, Map.of("fc2.weight", 3), false);
        assertThat(device.memory().currentBytes()).isEqualTo(before);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void omegaEqualsTheFp64Reference(String name) {
        Device device = TestDevices.get(name);
        try (Checkpoint source = mlp()) {
            Quantizer quantizer = new Quantizer(source, device, settings(false));
            DataSet rows = QuantFixture.data(source.graph(), ROWS, 8);
            Omega omega = quantizer.omega(DataRows.of(rows));
            assertThat(omega.errors().weights().stream().map(w -> w.parameter().name()))
                    .containsExactly("fc1.weight", "fc2.weight", "fc3.weight");
            Map<String, Double> traces = exactTraces(source, rows);
            for (int bits : new int[] {2, 3, 4, 8}) {
                Path out = folder.resolve("uniform" + bits);
                quantizer.pack(quantizer.uniform(bits)).write(out);
                try (Checkpoint packed = Checkpoint.open(out)) {
                    for (RoundingErrors.Weight weight : omega.errors().weights()) {
                        Parameter p = weight.parameter();
                        float[] full = source.parameter(p.name()).toFloats();
                        QuantFormat format = new QuantFormat(bits, GROUP, false);
                        float[] rounded = QuantFixture.unpack(
                                packed, p.name(), format, (int) p.shape().extent(0), (int)
                                        p.shape().extent(1));
                        double error = 0;
                        for (int i = 0; i < full.length; i++) {
                            error += Math.pow((double) full[i] - rounded[i], 2);
                        }
                        RoundingErrors.Choice choice = weight.choice(bits);
                        assertThat(choice.squaredError()).isCloseTo(error, Percentage.withPercentage(0.01));
                        double trace = traces.get(p.name());
                        double standardError = omega.traces().get(p.name()).standardError();
                        assertThat(omega.traces().get(p.name()).value())
                                .isCloseTo(trace, Offset.offset(5 * standardError));
                        double counted = omega.certain(p.name())
                                ? omega.traces().get(p.name()).value()
                                : omega.trace(p.name());
                        assertThat(counted)
                                .isGreaterThanOrEqualTo(
                                        omega.traces().get(p.name()).value());
                        assertThat(omega.cost(p.name(), bits))
                                .isCloseTo(counted / p.elements() * error, Percentage.withPercentage(0.02));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void plansKeepTheirLimits(String name) {
        Device device = TestDevices.get(name);
        try (Checkpoint source = mlp()) {
            Quantizer quantizer = new Quantizer(source, device, settings(false));
            Sensitivity sensitivity = quantizer.rounding(QuantFixture.rows(source.graph(), ROWS, 8));
            for (double average : new double[] {2, 2.5, 3, 4, 6.1, 8, 100}) {
                Quantizer.Packed packed = quantizer.pack(quantizer.byAverageBits(sensitivity, average));
                assertThat(packed.averageBits()).isLessThanOrEqualTo(average);
            }
            long uniform = quantizer.pack(quantizer.uniform(3)).bytes();
            QuantPlan plan = quantizer.byBytes(sensitivity, uniform);
            assertThat(quantizer.pack(plan).bytes()).isLessThanOrEqualTo(uniform);
            long smallest = quantizer.pack(quantizer.uniform(2)).bytes();
            assertThat(quantizer.pack(quantizer.byBytes(sensitivity, smallest)).bytes())
                    .isEqualTo(smallest);
            assertThatThrownBy(() -> quantizer.byBytes(sensitivity, smallest - 1))
                    .hasMessageContaining(smallest - 1 + " bytes cannot be met: the smallest plan takes " + smallest);
            assertThatThrownBy(() -> quantizer.byAverageBits(sensitivity, 1.9))
                    .hasMessageContaining("fewest offered are 2");
            assertThatThrownBy(() -> quantizer.byAverageBits(sensitivity, Double.NaN))
                    .hasMessageContaining("NaN");
        }
    }

    private static Quantizer.Settings probes(int count, long seed) {
        return new Quantizer.Settings(List.of(2, 3, 4, 8), GROUP, false, count, 10, seed, false, false);
    }

    /** No input, no bias: no weight has any curvature, and each gets the most bits that there is room for. */
    @ParameterizedTest
    @MethodSource("devices")
    void withoutCurvatureTheRoundingErrorDecides(String name) {
        Device device = TestDevices.get(name);
        ModelSpec model = ModelSpec.parse("""
                {"input": {"shape": [37]}, "loss": "cross_entropy",
                 "layers": [{"type": "linear", "name": "fc1", "out": 41, "bias": false}, {"type": "gelu"},
                            {"type": "linear", "name": "fc2", "out": 7, "bias": false}]}
                """, "silent");
        try (Checkpoint source = QuantFixture.checkpoint(folder.resolve("c.safetensors"), model, 3)) {
            DataSet zeros = DataSet.of(
                    HostTensor.allocate("inputs", DType.F32, Shape.of(ROWS, 37)),
                    HostTensor.allocate("labels", DType.I32, Shape.of(ROWS)));
            Quantizer quantizer = new Quantizer(source, device, probes(2, 1));
            long most = quantizer.pack(quantizer.uniform(8)).bytes();
            for (Sensitivity sensitivity :
                    List.of(quantizer.rounding(DataRows.of(zeros)), quantizer.omega(DataRows.of(zeros)))) {
                assertThat(sensitivity.cost(quantizer.uniform(2))).isZero();
                assertThat(quantizer.byBytes(sensitivity, most)).isEqualTo(quantizer.uniform(8));
                assertThat(quantizer.byAverageBits(sensitivity, 100)).isEqualTo(quantizer.uniform(8));
                // the larger weight has the larger error: 8 bits do not fit, 4 do
                assertThat(bits(quantizer.byAverageBits(sensitivity, 4.5))).containsEntry("fc1.weight", 4);
            }
        }
    }

    private static Map<String, Integer> bits(QuantPlan plan) {
        Map<String, Integer> bits = new LinkedHashMap<>();
        plan.formats().forEach((name, format) -> bits.put(name, format.bits()));
        return bits;
    }

    /** Two probes: some trace is estimated below zero for some seeds. */
    @ParameterizedTest
    @MethodSource("devices")
    void aTraceBelowZeroByNoiseDoesNotMakeAWeightFree(String name) {
        Device device = TestDevices.get(name);
        int negative = 0;
        try (Checkpoint source = mlp()) {
            for (long seed = 0; seed < 12; seed++) {
                Quantizer quantizer = new Quantizer(source, device, probes(2, seed));
                Omega omega = quantizer.omega(QuantFixture.rows(source.graph(), ROWS, 8));
                Map<String, Integer> roomy = bits(quantizer.byAverageBits(omega, 8));
                Map<String, Integer> tight = bits(quantizer.byAverageBits(omega, 3));
                for (String weight : roomy.keySet()) {
                    if (omega.traces().get(weight).value() <= 0) {
                        negative++;
                        assertThat(omega.cost(weight, 2))
                                .as("seed %d, %s", seed, weight)
                                .isGreaterThan(omega.cost(weight, 3))
                                .isPositive();
                    }
                    assertThat(roomy).as("seed %d", seed).containsEntry(weight, 8);
                }
                assertThat(tight.values()).as("seed %d", seed).anyMatch(b -> b > 2);
            }
        }
        assertThat(negative).isPositive();
    }

    /** Row by row in plain Java: the mean of the differences and its standard error. */
    @ParameterizedTest
    @MethodSource("devices")
    void theDifferenceOfTwoNetworksHasAStandardError(String name) {
        Device device = TestDevices.get(name);
        try (Checkpoint source = mlp();
                StoredModel full = StoredModel.open(source, device)) {
            Quantizer quantizer = new Quantizer(source, device, settings(false));
            DataSet data = QuantFixture.data(source.graph(), ROWS, 8);
            try (StoredModel packed = quantizer.pack(quantizer.uniform(2)).model(device)) {
                BatchLosses.Difference difference = losses(packed, data, 1).minus(losses(full, data, 1));
                double[] rows = new double[ROWS];
                for (int i = 0; i < ROWS; i++) {
                    rows[i] = loss(packed, data, i) - loss(full, data, i);
                }
                double mean = java.util.Arrays.stream(rows).average().orElseThrow();
                double squares = java.util.Arrays.stream(rows)
                        .map(d -> (d - mean) * (d - mean))
                        .sum();
                assertThat(difference.value()).isCloseTo(mean, Offset.offset(TOLERANCE));
                assertThat(difference.standardError())
                        .isCloseTo(Math.sqrt(squares / (ROWS - 1) / ROWS), Offset.offset(TOLERANCE));
                // a batch is a sample: its size changes the error, and not the difference
                assertThat(losses(packed, data, 5).minus(losses(full, data, 5)).value())
                        .isCloseTo(mean, Offset.offset(TOLERANCE));
                assertThat(losses(packed, data, ROWS)
                                .minus(losses(full, data, ROWS))
                                .standardError())
                        .isNaN();
                // of a batch whose labels are left out nothing is known
                DataSet ignored = QuantFixture.withIgnored(data, 12);
                double counted = 0;
                for (int i = 0; i < 12; i += 3) {
                    counted += rows[i] / 4;
                }
                assertThat(losses(packed, ignored, 1)
                                .minus(losses(full, ignored, 1))
                                .value())
                        .isCloseTo(counted, Offset.offset(TOLERANCE));
                assertThatThrownBy(() -> losses(packed, data, 5).minus(losses(full, data, 6)))
                        .hasMessageContaining("evaluate both on the same");
            }
        }
    }

    private static BatchLosses losses(StoredModel model, DataSet data, int batch) {
        try (Batches batches = model.batches(ProgramOptions.of(batch, Computation.EVALUATE), DataRows.of(data))) {
            return BatchLosses.of(batches);
        }
    }

    private static double loss(StoredModel model, DataSet data, int row) {
        java.nio.ByteBuffer x =
                java.nio.ByteBuffer.allocateDirect(data.inputBytes(1)).order(java.nio.ByteOrder.nativeOrder());
        java.nio.ByteBuffer y =
                java.nio.ByteBuffer.allocateDirect(data.targetBytes(1)).order(java.nio.ByteOrder.nativeOrder());
        data.batch(row, 1, x, y);
        DataSet one = DataSet.of(
                new HostTensor(
                        "inputs", DType.F32, Shape.of(1, data.inputShape().elements()), x),
                new HostTensor("labels", DType.I32, Shape.of(1), y));
        return losses(model, one, 1).evaluation().loss();
    }
}
