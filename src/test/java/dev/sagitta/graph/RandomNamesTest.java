package dev.sagitta.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.compress.ActivationPolicy;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random numbers follow from names: what is put in changes nothing beside it. */
class RandomNamesTest {
    private static final int WIDTH = 64;

    @Test
    void usesOfANameAreStreamsOfTheirOwn() {
        assertThat(java.util.Arrays.stream(RandomNames.Use.values()).map(use -> RandomNames.stream(use, "fc1")))
                .doesNotHaveDuplicates()
                .allMatch(stream -> stream >= 0);
    }

    /** Two dropouts with an identity between them, or without: the same masks. */
    @ParameterizedTest
    @ValueSource(strings = {"none", "4"})
    void aNewLayerChangesNoMaskAndNoRounding(String policy) {
        assertThat(gradient(false, policy)).isEqualTo(gradient(true, policy));
    }

    private static float[] gradient(boolean more, String policy) {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Node h = Layers.dropout(b, "drop1", Layers.linear(b, "fc1", b.input(), WIDTH), 0.5f);
        if (more) {
            h = Layers.flatten(b, "flat", h);
        }
        h = Layers.dropout(b, "drop2", Layers.linear(b, "fc2", h, WIDTH), 0.25f);
        Graph graph = b.build(Layers.linear(b, "fc3", h, 4), ElementwiseLoss.meanSquaredError());
        ProgramOptions options = ProgramOptions.of(8, Computation.GRADIENT)
                .training(true)
                .seed(5)
                .store(ActivationPolicy.parse(policy).store());
        try (Program program = Program.compile(graph, TestDevices.get(TestDevices.one()), options)) {
            fill(program, "input", 8 * WIDTH, 1);
            fill(program, "target", 8 * 4, 2);
            for (Parameter parameter : graph.parameters()) {
                fill(program, parameter.name(), (int) parameter.elements(), 3);
            }
            program.run(Computation.GRADIENT);
            return program.tensor("fc2.weight.gradient").downloadFloats(program.stream());
        }
    }

    private static void fill(Program program, String name, int n, long seed) {
        java.util.Random random = new java.util.Random(seed);
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian() / 8;
        }
        program.tensor(name).upload(program.stream(), values);
    }
}
