package dev.sagitta.graph.rewrite;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.Networks;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.compile.KeepPlan;
import dev.sagitta.program.compile.KeptValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every network with rewrites and without: the same numbers of every computation, on every device and under every policy. */
class RewriteSuiteTest {
    private static final double TOLERANCE = 1e-5;

    static Stream<Arguments> runs() {
        return TestDevices.names().stream()
                .flatMap(device -> Stream.of("none", "4").flatMap(policy -> Networks.all().stream()
                        .filter(network -> !network.toString().equals("wide"))
                        // a gate keeps other values than its pattern: where they are rounded, others are
                        .filter(network ->
                                policy.equals("none") || !network.toString().equals("gated"))
                        .map(network -> Arguments.of(device, policy, network))));
    }

    @ParameterizedTest(name = "{2} on {0}, activations {1}")
    @MethodSource("runs")
    void theNumbersAreTheSame(String device, String policy, NetworkCase network) {
        Map<String, float[]> plain = everything(device, policy, network, Rewrites.NONE);
        everything(device, policy, network, Rewrites.ALL).forEach((name, values) -> {
            float[] expected = plain.get(name);
            double scale = 1e-6;
            for (float value : expected) {
                scale = Math.max(scale, Math.abs(value));
            }
            for (int i = 0; i < values.length; i++) {
                assertThat(Math.abs(values[i] - expected[i]))
                        .as("%s[%s]: %s, without rewrites %s", name, i, values[i], expected[i])
                        .isLessThanOrEqualTo((float) (TOLERANCE * scale));
            }
        });
    }

    static Stream<Arguments> policies() {
        return TestDevices.names().stream()
                .flatMap(device -> Stream.of("none", "4", "auto:4").map(policy -> Arguments.of(device, policy)));
    }

    /** A sum and its norm in one pass round as two passes do, draw the same noise, and cost the same. */
    @ParameterizedTest(name = "{0}, activations {1}")
    @MethodSource("policies")
    void aSumThatIsNormalisedIsTheSameBitForBit(String device, String policy) {
        NetworkCase normed = network("normed");
        Map<String, float[]> plain = everything(device, policy, normed, Rewrites.NONE);
        everything(device, policy, normed, new Rewrites(List.of(new AddNormRewrite())))
                .forEach((name, values) -> assertThat(values).as(name).containsExactly(plain.get(name)));
    }

    private static NetworkCase network(String name) {
        return Networks.all().stream()
                .filter(network -> network.toString().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static Map<String, float[]> everything(
            String device, String policy, NetworkCase network, Rewrites rewrites) {
        ProgramOptions options = ProgramOptions.of(network.batch(), Computation.PREDICT, Computation.values())
                .probes(2)
                .rewrites(rewrites)
                .store(ActivationPolicy.parse(policy).store());
        Map<String, float[]> result = new LinkedHashMap<>();
        try (Program program = Program.compile(network.graph(), TestDevices.get(device), options)) {
            network.fill(program);
            network.probes(2, 4)
                    .forEach((name, v) -> program.tensor(name + ".vector").upload(program.stream(), v));
            for (Computation computation : Computation.values()) {
                program.run(computation);
                for (String name : List.of("output", "loss", "metrics", "quadratic")) {
                    result.put(computation + " " + name, program.tensor(name).downloadFloats(program.stream()));
                }
                for (Parameter parameter : network.graph().parameters()) {
                    for (String role : List.of(".gradient", ".product")) {
                        result.put(
                                computation + " " + parameter.name() + role,
                                program.tensor(parameter.name() + role).downloadFloats(program.stream()));
                    }
                }
            }
        }
        return result;
    }

    private static final Graph GRAPH = graph();

    private static Graph graph() {
        GraphBuilder b = GraphBuilder.features(8);
        Node h = Layers.activation(b, "gelu", Layers.linear(b, "fc1", b.input(), 8), Function.GELU);
        Node shared = Layers.linear(b, "fc2", h, 8);
        Node tanh = Layers.activation(b, "tanh", shared, Function.TANH);
        return b.build(Layers.linear(b, "fc3", Layers.add(b, "sum", shared, tanh), 3), new CrossEntropy(-100));
    }

    @Test
    void aFusionIsTakenWhereNobodyElseReadsTheMiddle() {
        Rewrites.Rewritten rewritten = Rewrites.ALL.apply(GRAPH, new Target(DeviceKind.OPENCL_CPU, false, false));
        assertThat(rewritten.graph().nodes())
                .extracting(Node::name)
                .containsExactly("input", "gelu", "fc2", "tanh", "sum", "fc3");
        assertThat(rewritten.graph().nodes().get(1).op().type()).isEqualTo("linear+gelu");
        assertThat(rewritten.graph().parameters()).isEqualTo(GRAPH.parameters());
        assertThat(rewritten.outcomes())
                .containsExactly(
                        new Rewrites.Outcome("linear-activation", "gelu", null),
                        new Rewrites.Outcome(
                                "linear-activation", "tanh", "the output of 'fc2' is read elsewhere as well"));
    }

    @Test
    void aGateIsOneOpThatReadsBothFactors() {
        GraphBuilder b = GraphBuilder.features(8);
        Node up = Layers.linear(b, "up", b.input(), 8);
        Node gate = Layers.linear(b, "gate", b.input(), 8);
        Node silu = Layers.activation(b, "silu", gate, Function.SILU);
        Node y = Layers.multiply(b, "y", up, silu);
        Node tanh = Layers.activation(b, "tanh", y, Function.TANH);
        Node other = Layers.multiply(b, "other", tanh, y);
        Node gelu = Layers.activation(b, "gelu", other, Function.GELU);
        Graph graph = b.build(Layers.multiply(b, "square", gelu, gelu), ElementwiseLoss.meanSquaredError());
        Rewrites.Rewritten rewritten = Rewrites.ALL.apply(graph, new Target(DeviceKind.CUDA, true, false));
        assertThat(rewritten.graph().nodes())
                .extracting(Node::name)
                .containsExactly("input", "up", "gate", "y", "tanh", "other", "gelu", "square");
        Node gated = rewritten.graph().nodes().get(3);
        assertThat(gated.op().type()).isEqualTo("silu_multiply");
        assertThat(gated.inputs()).extracting(wire -> wire.node().name()).containsExactly("gate", "up");
        assertThat(rewritten.outcomes())
                .contains(
                        new Rewrites.Outcome("gate", "y", null),
                        new Rewrites.Outcome("gate", "square", "the output of 'gelu' is read elsewhere as well"));
    }

    /** Under any policy: what is kept is a and b, not s(a) besides. */
    @Test
    void aGateKeepsLess() {
        NetworkCase gated = network("gated");
        Graph fused = Rewrites.ALL
                .apply(gated.graph(), new Target(DeviceKind.OPENCL_CPU, true, false))
                .graph();
        int plain =
                KeepPlan.of(gated.graph(), Computation.GRADIENT, true).values().size();
        int kept = KeepPlan.of(fused, Computation.GRADIENT, true).values().size();
        assertThat(kept).isEqualTo(plain - 2);
    }

    @Test
    void aSumAndItsNormAreOneOpWithTheWiresOfBoth() {
        Graph graph = Networks.normed();
        Rewrites.Rewritten rewritten = Rewrites.ALL.apply(graph, new Target(DeviceKind.CUDA, true, false));
        Node post = rewritten.graph().nodes().stream()
                .filter(node -> node.name().equals("n2"))
                .findFirst()
                .orElseThrow();
        assertThat(post.op().type()).isEqualTo("add+layer_norm");
        assertThat(post.out(0).name()).isEqualTo("post");
        assertThat(post.out(1).name()).isEqualTo("n2");
        assertThat(rewritten.graph().parameters()).isEqualTo(graph.parameters());
        assertThat(rewritten.outcomes())
                .filteredOn(outcome -> outcome.rewrite().equals("residual-norm"))
                .containsExactly(
                        new Rewrites.Outcome("residual-norm", "n0", null),
                        new Rewrites.Outcome("residual-norm", "n1", null),
                        new Rewrites.Outcome("residual-norm", "n2", null),
                        new Rewrites.Outcome("residual-norm", "n3", null),
                        new Rewrites.Outcome("residual-norm", "n4", "the sum 'both' is made together with 'n3'"),
                        new Rewrites.Outcome("residual-norm", "unread", "nobody reads the output of 'unread'"));
        // what is kept is the same, under the same names
        for (Computation computation : Computation.values()) {
            assertThat(names(rewritten.graph(), computation)).isEqualTo(names(graph, computation));
        }
        // where no other pass follows and the norm alone reads the sum, it is not written
        Graph forward = Rewrites.ALL
                .apply(graph, new Target(DeviceKind.CUDA, false, false))
                .graph();
        assertThat(forward.nodes().stream()
                        .filter(node -> node.name().equals("n2"))
                        .findFirst()
                        .orElseThrow()
                        .outputs())
                .hasSize(1);
    }

    private static Set<String> names(Graph graph, Computation computation) {
        return KeepPlan.of(graph, computation, true).values().stream()
                .map(KeptValue::name)
                .collect(Collectors.toSet());
    }

    @Test
    void aRefusalHasItsReason() {
        Rewrites.Rewritten kept = Rewrites.ALL.apply(GRAPH, new Target(DeviceKind.OPENCL_GPU, true, false));
        assertThat(kept.graph()).isSameAs(GRAPH);
        assertThat(kept.outcomes().get(0).reason()).startsWith("a later pass reads the output of 'fc1'");
        Rewrites.Rewritten cuda = Rewrites.ALL.apply(GRAPH, new Target(DeviceKind.CUDA, false, false));
        assertThat(cuda.outcomes().get(0).reason()).startsWith("a product of cuBLAS");
    }

    /** The backward pass of a smooth function reads codes: nothing is unpacked for it. */
    @ParameterizedTest
    @MethodSource("dev.sagitta.fixture.TestDevices#names")
    void backwardReadsCodes(String name) {
        Device device = TestDevices.get(name);
        GraphBuilder b = GraphBuilder.features(8);
        Node h = Layers.activation(b, "gelu", Layers.linear(b, "fc1", b.input(), 8), Function.GELU);
        Graph graph = b.build(Layers.linear(b, "fc2", h, 3), new CrossEntropy(-100));
        ProgramOptions options = ProgramOptions.of(4, Computation.GRADIENT)
                .store(ActivationPolicy.parse("4").store());
        try (Program program = Program.compile(graph, device, options)) {
            assertThat(program.explain(Computation.GRADIENT).tasks())
                    .noneMatch(task -> task.label().equals("fc1.unpack"));
        }
    }

    /** Norms that a relu reads alone, one whose sum another layer reads, one of channels that no mask fits. */
    private static Graph rectified() {
        return ModelSpec.parse("""
                {"input": {"shape": [3, 5, 5]}, "loss": "cross_entropy", "layers": [
                  {"type": "conv2d", "name": "conv1", "out": 16, "kernel": 3, "padding": 1}, {"type": "batch_norm", "name": "norm1"},
                  {"type": "relu", "name": "relu1"}, {"type": "conv2d", "name": "conv2", "out": 32, "kernel": 3},
                  {"type": "group_norm", "name": "norm2", "groups": 8}, {"type": "relu", "name": "relu2"},
                  {"type": "conv2d", "name": "conv3", "out": 32, "kernel": 1}, {"type": "batch_norm", "name": "norm3"},
                  {"type": "relu", "name": "relu3"}, {"type": "add", "name": "sum", "from": ["relu3", "norm3"]},
                  {"type": "conv2d", "name": "conv4", "out": 6, "kernel": 1}, {"type": "batch_norm", "name": "norm4"},
                  {"type": "relu", "name": "relu4"},
                  {"type": "flatten", "name": "flat"}, {"type": "linear", "name": "head", "out": 5}]}""", "rectified").toGraph();
    }

    /** The norm's pass and relu's are one, with the same numbers in the same order. */
    @ParameterizedTest(name = "{0}, activations {1}")
    @MethodSource("policies")
    void aNormThatIsRectifiedIsTheSame(String device, String policy) {
        NetworkCase network = new NetworkCase("rectified", rectified(), 4, 0, 23);
        Map<String, float[]> plain = everything(device, policy, network, Rewrites.NONE);
        everything(device, policy, network, new Rewrites(List.of(new NormReluRewrite())))
                .forEach((name, values) -> assertThat(values)
                        .as(name)
                        .usingComparatorWithPrecision((float) TOLERANCE)
                        .containsExactly(plain.get(name)));
    }

    @Test
    void reluGoesIntoTheNormThatItAloneReads() {
        Rewrites.Rewritten rewritten = Rewrites.ALL.apply(rectified(), new Target(DeviceKind.OPENCL_CPU, true, true));
        assertThat(rewritten.outcomes())
                .filteredOn(outcome -> outcome.rewrite().equals("norm-relu"))
                .containsExactly(
                        new Rewrites.Outcome("norm-relu", "relu1", null),
                        new Rewrites.Outcome("norm-relu", "relu2", null),
                        new Rewrites.Outcome("norm-relu", "relu3", "the output of 'norm3' is read elsewhere as well"),
                        new Rewrites.Outcome(
                                "norm-relu",
                                "relu4",
                                "'norm4' has 6 channels, no multiple of 16, and a word of relu's mask would be of several work-groups"));
    }

    @Test
    void aNormGoesIntoItsConvolutionWhereItsStatisticsAreGiven() {
        Graph graph = network("images").graph();
        Rewrites.Outcome folded = new Rewrites.Outcome("conv-norm", "norm1", null);
        assertThat(Rewrites.ALL
                        .apply(graph, new Target(DeviceKind.OPENCL_CPU, false, false))
                        .outcomes())
                .contains(folded)
                .contains(
                        new Rewrites.Outcome("conv-norm", "norm2", "the output of 'conv2' is read elsewhere as well"));
        assertThat(Rewrites.ALL
                        .apply(graph, new Target(DeviceKind.OPENCL_CPU, false, true))
                        .outcomes())
                .doesNotContain(folded);
        assertThat(Rewrites.ALL
                        .apply(graph, new Target(DeviceKind.OPENCL_CPU, true, false))
                        .outcomes())
                .doesNotContain(folded);
    }
}
