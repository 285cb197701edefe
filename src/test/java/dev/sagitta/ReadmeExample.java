package dev.sagitta;

import dev.sagitta.device.Device;
import dev.sagitta.device.Devices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;

/** The first example of the README, compiled and run by {@link ReadmeTest}. */
final class ReadmeExample {
    private ReadmeExample() {}

    static float[] run(float[] weights, float[] images, int[] labels, float[] vectors) {
        // README
        GraphBuilder b = GraphBuilder.features(784);
        Node hidden = Layers.activation(b, "act", Layers.linear(b, "fc1", b.input(), 128), Function.GELU);
        Graph graph = b.build(Layers.linear(b, "fc2", hidden, 10), new CrossEntropy(-100));
        ProgramOptions options = ProgramOptions.of(64, Computation.GRADIENT, Computation.HESSIAN_VECTOR)
                .probes(2);

        try (Device device = Devices.open("auto");
                Program program = Program.compile(graph, device, options)) {
            program.tensor("fc1.weight").upload(program.stream(), weights);
            program.tensor("input").upload(program.stream(), images);
            program.tensor("target").upload(program.stream(), labels);
            program.run(Computation.GRADIENT); // loss and gradient

            program.tensor("fc1.weight.vector").upload(program.stream(), vectors); // two vectors, [2, 128, 784]
            program.run(Computation.HESSIAN_VECTOR); // both products from one forward and one backward pass
            return program.tensor("fc2.weight.product").downloadFloats(program.stream());
        }
        // README
    }
}
