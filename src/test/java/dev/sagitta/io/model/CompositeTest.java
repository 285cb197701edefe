package dev.sagitta.io.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.NetworkCase;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.fixture.ToyOps;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.graph.op.elementwise.Activation;
import dev.sagitta.graph.op.gemm.Linear;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A type may stand for several ops: a layer of a file becomes several nodes, with all modes at once. */
class CompositeTest {
    private static final Field<Long> OUT = Field.extent("out", "features of the result");

    /** y = silu(x G') (x U'). */
    private static final OpType GATED = OpType.composite("gated", 1, "silu(x G') (x U')", CompositeTest::make, OUT);

    private static Node make(OpType.Making m) {
        Shape shape = Shape.of(m.get(OUT), m.input(0).shape().extent(-1));
        Parameter.Init init = Parameter.Init.uniform(0.3);
        Node gate = m.add("gate", new Linear(m.matrix("gate.weight", shape, init), null), m.wire(0));
        Node up = m.add("up", new Linear(m.matrix("up.weight", shape, init), null), m.wire(0));
        Node silu = m.add("silu", new Activation(Function.SILU), gate.out());
        return m.add("y", new ToyOps.Multiply(), silu.out(), up.out());
    }

    static List<String> devices() {
        return TestDevices.names();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aLayerOfSeveralOpsIsThoseOps(String device) {
        ModelSpec model = ModelSpec.parse("""
                {"input": {"type": "features", "shape": [6]}, "loss": "mse", "layers": [
                 {"type": "gated", "name": "mlp", "out": 5}, {"type": "linear", "name": "head", "out": 3}]}""", "model", OpTypes.standard().with(GATED));
        Graph composite = model.toGraph();
        assertThat(composite.nodes())
                .extracting(Node::name)
                .containsExactly("input", "mlp.gate", "mlp.up", "mlp.silu", "mlp.y", "head");
        GraphBuilder b = GraphBuilder.features(6);
        Node gate = Layers.linear(b, "mlp.gate", b.input(), 5, false);
        Node up = Layers.linear(b, "mlp.up", b.input(), 5, false);
        Node y = b.add("mlp.y", new ToyOps.Multiply(), Layers.activation(b, "mlp.silu", gate, Function.SILU), up);
        Graph written = b.build(Layers.linear(b, "head", y, 3), ElementwiseLoss.meanSquaredError());
        assertThat(everything(composite, device)).isEqualTo(everything(written, device));
    }

    private static List<List<Float>> everything(Graph graph, String device) {
        NetworkCase network = new NetworkCase("network", graph, 4, 0, 3);
        ProgramOptions options =
                ProgramOptions.of(4, Computation.GRADIENT, Computation.HESSIAN_VECTOR, Computation.HESSIAN_QUADRATIC);
        List<List<Float>> result = new ArrayList<>();
        try (Program program = Program.compile(graph, TestDevices.get(device), options)) {
            network.fill(program);
            Map<String, float[]> probes = network.probes(1, 4);
            probes.forEach(
                    (name, v) -> program.tensor(ParameterRole.VECTOR, name).upload(program.stream(), v));
            options.computations().forEach(program::run);
            for (Parameter parameter : graph.parameters()) {
                result.add(list(
                        program.tensor(ParameterRole.GRADIENT, parameter.name()).downloadFloats(program.stream())));
                result.add(list(
                        program.tensor(ParameterRole.PRODUCT, parameter.name()).downloadFloats(program.stream())));
            }
            result.add(list(program.tensor(Role.QUADRATIC).downloadFloats(program.stream())));
        }
        return result;
    }

    private static List<Float> list(float[] values) {
        List<Float> list = new ArrayList<>();
        for (float value : values) {
            list.add(value);
        }
        return list;
    }
}
