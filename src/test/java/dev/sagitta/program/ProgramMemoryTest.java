package dev.sagitta.program;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.data.Data;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.Networks;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.op.elementwise.Bias;
import dev.sagitta.graph.op.packed.PackedLinear;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a program says of its memory, against the device's ledger. */
class ProgramMemoryTest {
    private static final Device DEVICE = TestDevices.get(TestDevices.one());

    @TempDir
    Path folder;

    static Stream<Arguments> networks() {
        return Stream.of("none", "4", "auto:2")
                .flatMap(policy -> Networks.all().stream().map(network -> Arguments.of(network, policy)));
    }

    @ParameterizedTest(name = "{0}, activations {1}")
    @MethodSource("networks")
    void everyCategoryIsTheLedgers(NetworkCase network, String policy) {
        agree(
                network.graph(),
                ProgramOptions.of(network.batch(), Computation.PREDICT, Computation.values())
                        .probes(2)
                        .store(ActivationPolicy.parse(policy).store()));
    }

    @Test
    void packedWeightsAreWeights() {
        QuantFormat format = new QuantFormat(4, 32, false);
        GraphBuilder b = GraphBuilder.features(64);
        Node h = b.add("fc1", new PackedLinear("fc1.weight", format, 96, 64, null), b.input());
        h = Layers.bias(b, "shift", Layers.activation(b, "act", h, Function.GELU));
        Graph graph =
                b.build(b.add("fc2", new PackedLinear("fc2.weight", format, 10, 96, null), h), new CrossEntropy(-100));
        ProgramMemory memory = agree(graph, ProgramOptions.of(8, Computation.EVALUATE, Computation.GRADIENT));
        assertThat(memory.peak().get(MemoryCategory.WEIGHTS)).isGreaterThan((64 + 10) * 96 / 2);
        assertThat(memory.peak().get(MemoryCategory.DATA)).isLessThan(8 * (64 + 1) * 4 + 5 * Device.ALIGNMENT);
    }

    /** A name says nothing: what begins like a parameter's is counted like anything else. */
    @Test
    void aNameThatBeginsLikeAParametersHidesNothing() {
        GraphBuilder b = GraphBuilder.features(16);
        Node h = b.add("first", new Bias(Parameter.vector("a", Shape.of(16), Parameter.Init.ZEROS)), b.input());
        Graph graph = b.build(b.add("second", new Table("a2"), h), ElementwiseLoss.meanSquaredError());
        ProgramMemory memory = agree(graph, ProgramOptions.of(8, Computation.GRADIENT));
        assertThat(memory.peak().get(MemoryCategory.OTHER)).isEqualTo(4 * Table.ELEMENTS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "4", "auto:2"})
    void aTrainersMemoryIsTheLedgers(String bits) {
        float[] x = new float[50 * 64];
        long[] labels = new long[50];
        GraphBuilder b = GraphBuilder.features(64);
        Node h = Layers.activation(b, "relu", Layers.linear(b, "fc1", b.input(), 96), Function.RELU);
        h = Layers.activation(b, "gelu", Layers.linear(b, "fc2", h, 96), Function.GELU);
        Graph graph = b.build(Layers.linear(b, "fc3", h, 10), new CrossEntropy(-100));
        Map<MemoryCategory, Long> before = DEVICE.memory().current();
        TrainingOptions options =
                new TrainingOptions(16, OptimiserOptions.adamW(0.01).clip(1), bits, 1);
        try (Trainer trainer = new Trainer(graph, DEVICE, rows(x, labels), options)) {
            trainer.step();
            Map<MemoryCategory, Long> said = trainer.memory();
            for (MemoryCategory category : List.of(
                    MemoryCategory.WEIGHTS, MemoryCategory.GRADIENTS, MemoryCategory.OPTIMIZER, MemoryCategory.DATA)) {
                long held = DEVICE.memory().current().get(category) - before.getOrDefault(category, 0L);
                assertThat(said.get(category)).as("%s", category).isEqualTo(held);
            }
        }
    }

    /**
     * What each further layer adds to the arena of Hv is what is packed of it, for the value and K tangents: no fp32 copy lives from the forward to the
     * backward pass.
     */
    @Test
    void aDeeperNetworkAddsPackedBytesAloneToProducts() {
        int probes = 4;
        long more = hessianArena(7, probes) - hessianArena(3, probes);
        long values = 32 * 256;
        // two values a layer, of 4 bits an element and 4 bytes for each 256
        long packed = 4 * 2 * (1 + probes) * (values / 2 + values / 256 * 4);
        assertThat(more).isBetween(packed * 9 / 10, packed * 11 / 10);
    }

    private static long hessianArena(int depth, int probes) {
        GraphBuilder b = GraphBuilder.features(256);
        Node h = b.input();
        for (int i = 0; i < depth; i++) {
            h = Layers.activation(b, "act" + i, Layers.linear(b, "fc" + i, h, 256), Function.GELU);
        }
        Graph graph = b.build(Layers.linear(b, "head", h, 10), new CrossEntropy(-100));
        ProgramOptions options = ProgramOptions.of(32, Computation.HESSIAN_VECTOR)
                .probes(probes)
                .store(ActivationPolicy.parse("4").store());
        try (Program program = Program.compile(graph, DEVICE, options)) {
            return program.memory().arenaBytes();
        }
    }

    private DataSet rows(float[] x, long[] labels) {
        return Data.rows(
                NpyWriter.write(folder.resolve("x.npy"), x, labels.length, x.length / labels.length),
                NpyWriter.write(folder.resolve("y.npy"), labels, labels.length));
    }

    private static ProgramMemory agree(Graph graph, ProgramOptions options) {
        Map<MemoryCategory, Long> before = DEVICE.memory().current();
        try (Program program = Program.compile(graph, DEVICE, options)) {
            ProgramMemory memory = program.memory();
            Map<MemoryCategory, Long> expected = new EnumMap<>(memory.persistent());
            expected.merge(MemoryCategory.WORKSPACE, memory.arenaBytes(), Long::sum);
            Map<MemoryCategory, Long> held = new EnumMap<>(MemoryCategory.class);
            DEVICE.memory().current().forEach((category, bytes) -> {
                long more = bytes - before.getOrDefault(category, 0L);
                if (more != 0) {
                    held.put(category, more);
                }
            });
            assertThat(held).isEqualTo(expected);
            for (MemoryCategory category :
                    List.of(MemoryCategory.WEIGHTS, MemoryCategory.GRADIENTS, MemoryCategory.DATA)) {
                // nothing of these lies in the arena
                assertThat(memory.peak().getOrDefault(category, 0L))
                        .as("%s", category)
                        .isEqualTo(held.getOrDefault(category, 0L));
            }
            return memory;
        }
    }

    /** Passes everything on and asks for memory of its own. */
    private record Table(String tensor) implements LinearOp {
        static final long ELEMENTS = 1000;

        @Override
        public String type() {
            return "table";
        }

        @Override
        public List<ArrayType> outputs(List<ArrayType> inputs) {
            return inputs;
        }

        @Override
        public int passes(int output, boolean training) {
            return 0;
        }

        @Override
        public void forward(Forward f) {
            f.emitter().persistent(tensor, DType.F32, Shape.of(ELEMENTS), MemoryCategory.OTHER);
            f.pass(0, f.in(0));
        }

        @Override
        public void apply(Apply a) {
            a.pass(0, a.in(0));
        }

        @Override
        public void transpose(Transpose a) {
            a.send(0, a.cotangent(0));
        }
    }
}
