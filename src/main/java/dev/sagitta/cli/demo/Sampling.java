package dev.sagitta.cli.demo;

import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.random.RandomStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Text that a character model writes, one character after the other. */
final class Sampling {
    /** Below 1 the likely characters become likelier. */
    private static final double TEMPERATURE = 0.7;

    private Sampling() {}

    /** @param start a held-out example: the characters before the first that is written */
    static String sample(
            Graph graph, Device device, Weights network, DataSet start, Vocabulary vocabulary, int length, long seed) {
        RandomStream random = RandomStream.of(seed, "sampling");
        int context = Math.toIntExact(start.inputShape().elements());
        ByteBuffer first = ByteBuffer.allocateDirect(start.inputBytes(1)).order(ByteOrder.nativeOrder());
        ByteBuffer target = ByteBuffer.allocateDirect(start.targetBytes(1)).order(ByteOrder.nativeOrder());
        start.batch(random.nextInt(start.size()), 1, first, target);
        int[] window = new int[context];
        first.asIntBuffer().get(window);
        int[] written = new int[length];
        try (Program program =
                Program.compile(graph, device, network.bind(ProgramOptions.of(1, Computation.PREDICT)))) {
            for (int i = 0; i < length; i++) {
                program.tensor(Role.INPUT).upload(program.stream(), window);
                program.run(Computation.PREDICT);
                written[i] = draw(program.tensor(Role.OUTPUT).downloadFloats(program.stream()), random);
                System.arraycopy(window, 1, window, 0, context - 1);
                window[context - 1] = written[i];
            }
        }
        return vocabulary.decode(written);
    }

    private static int draw(float[] logits, RandomStream random) {
        double most = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            most = Math.max(most, logit);
        }
        double total = 0;
        double[] weights = new double[logits.length];
        for (int i = 0; i < logits.length; i++) {
            weights[i] = Math.exp((logits[i] - most) / TEMPERATURE);
            total += weights[i];
        }
        double at = random.nextDouble() * total;
        for (int i = 0; i < weights.length; i++) {
            at -= weights[i];
            if (at < 0) {
                return i;
            }
        }
        return weights.length - 1;
    }
}
