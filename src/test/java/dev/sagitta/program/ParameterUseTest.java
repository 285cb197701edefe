package dev.sagitta.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.TestDevices;
import dev.sagitta.fixture.ToyOps;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.graph.op.gemm.Linear;
import dev.sagitta.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Parameters that are not trained: weights that are read alone, and states that training writes. */
class ParameterUseTest {
    private static final int BATCH = 4;
    private static final int WIDTH = 8;

    @Test
    void aStateIsWrittenInTrainingAlone() {
        Parameter state = Parameter.vector("sum.running", Shape.of(BATCH * WIDTH), Parameter.Init.ZEROS)
                .use(Parameter.Use.STATE);
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node h = b.add("sum", new ToyOps.Running(state, false), Layers.linear(b, "fc", b.input(), WIDTH));
        Graph graph = b.build(h, ElementwiseLoss.meanSquaredError());
        assertThat(graph.parameters()).extracting(Parameter::name).containsExactly("fc.weight", "fc.bias");
        assertThat(graph.everyParameter()).extracting(Parameter::name).contains("sum.running");
        for (boolean training : List.of(false, true)) {
            ProgramOptions options =
                    ProgramOptions.of(BATCH, Computation.GRADIENT).training(training);
            try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
                float[] ones = new float[WIDTH];
                java.util.Arrays.fill(ones, 1);
                program.tensor("fc.bias").upload(program.stream(), ones);
                program.run(Computation.GRADIENT);
                program.run(Computation.GRADIENT);
                program.run(Computation.GRADIENT);
                assertThat(program.tensor("sum.running").downloadFloats(program.stream()))
                        .containsOnly(training ? 3 : 0);
            }
        }
    }

    @Test
    void aStateIsReadBeforeItIsWritten() {
        Parameter state = Parameter.vector("sum.running", Shape.of(BATCH * WIDTH), Parameter.Init.ZEROS)
                .use(Parameter.Use.STATE);
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Graph graph = b.build(
                b.add("sum", new ToyOps.Running(state, true), Layers.linear(b, "fc", b.input(), WIDTH)),
                ElementwiseLoss.meanSquaredError());
        ProgramOptions options = ProgramOptions.of(BATCH, Computation.GRADIENT).training(true);
        assertThatThrownBy(() -> Program.compile(graph, TestDevices.get(TestDevices.one()), options))
                .hasMessageContaining("layer 'sum' (running), task 'sum.late'")
                .hasMessageContaining("what reads a state comes before what writes it");
    }

    /** A product or an evaluation of the same program is no training step. */
    @Test
    void onlyGradientsWriteAState() {
        Parameter state = Parameter.vector("sum.running", Shape.of(BATCH * WIDTH), Parameter.Init.ZEROS)
                .use(Parameter.Use.STATE);
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Graph graph = b.build(
                b.add("sum", new ToyOps.Running(state, false), Layers.linear(b, "fc", b.input(), WIDTH)),
                ElementwiseLoss.meanSquaredError());
        ProgramOptions options = ProgramOptions.of(BATCH, Computation.PREDICT, Computation.values())
                .training(true);
        try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
            float[] ones = new float[WIDTH];
            java.util.Arrays.fill(ones, 1);
            program.tensor("fc.bias").upload(program.stream(), ones);
            float written = 0;
            for (Computation computation : Computation.values()) {
                program.run(computation);
                written += computation.isGradient() ? 1 : 0;
                assertThat(program.tensor("sum.running").downloadFloats(program.stream()))
                        .as("after %s", computation)
                        .containsOnly(written);
            }
        }
    }

    /** A weight that is not trained has no gradient, vector or product, and nothing is kept for it; what lies below it is trained through it. */
    @Test
    void aFrozenWeightIsReadAlone() {
        Parameter weight = Parameter.matrix("frozen.weight", Shape.of(WIDTH, WIDTH), Parameter.Init.ZEROS)
                .use(Parameter.Use.FROZEN);
        Parameter bias = Parameter.vector("frozen.bias", Shape.of(WIDTH), Parameter.Init.ZEROS);
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node h = b.add("frozen", new Linear(weight, bias), Layers.linear(b, "fc", b.input(), WIDTH));
        Graph graph = b.build(h, ElementwiseLoss.meanSquaredError());
        ProgramOptions options = ProgramOptions.of(
                BATCH, Computation.GRADIENT, Computation.HESSIAN_VECTOR, Computation.HESSIAN_QUADRATIC);
        try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
            float[] identity = new float[WIDTH * WIDTH];
            for (int i = 0; i < WIDTH; i++) {
                identity[i * WIDTH + i] = 1;
            }
            program.tensor("frozen.weight").upload(program.stream(), identity);
            float[] ones = new float[WIDTH];
            java.util.Arrays.fill(ones, 1);
            program.tensor("frozen.bias").upload(program.stream(), ones);
            program.tensor("frozen.bias.vector").upload(program.stream(), ones);
            options.computations().forEach(program::run);
            for (String bad : List.of("frozen.weight.gradient", "frozen.weight.vector", "frozen.weight.product")) {
                assertThat(program.hasTensor(bad)).as(bad).isFalse();
            }
            // the loss is the mean of ones squared, in the output; H is 2 / n times J'J. Powers of two: every sum is
            // exact
            float each = 2f / WIDTH;
            for (String name :
                    List.of("fc.bias.gradient", "frozen.bias.gradient", "fc.bias.product", "frozen.bias.product")) {
                assertThat(program.tensor(name).downloadFloats(program.stream()))
                        .as(name)
                        .containsOnly(each);
            }
            assertThat(program.tensor("quadratic").downloadFloats(program.stream())[0])
                    .isEqualTo(WIDTH * each);
            assertThat(program.saved()).isEmpty();
        }
    }
}
