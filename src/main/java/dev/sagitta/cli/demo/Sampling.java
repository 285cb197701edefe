package dev.sagitta.cli.demo;

import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.program.Decoder;
import dev.sagitta.program.NextId;
import dev.sagitta.random.RandomStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Text that a character model writes, one character after the other. */
final class Sampling {
    /** Below 1 the likely characters become likelier. */
    private static final double TEMPERATURE = 0.7;

    private Sampling() {}

    /** @param start a held-out example: the characters before the first that is written */
    static String sample(
            Graph graph, Device device, Weights network, DataSet start, Vocabulary vocabulary, int length, long seed) {
        int context = Math.toIntExact(start.inputShape().elements());
        ByteBuffer first = ByteBuffer.allocateDirect(start.inputBytes(1)).order(ByteOrder.nativeOrder());
        ByteBuffer target = ByteBuffer.allocateDirect(start.targetBytes(1)).order(ByteOrder.nativeOrder());
        start.batch(RandomStream.of(seed, "sample's start").nextInt(start.size()), 1, first, target);
        int[] ids = new int[context + length];
        first.asIntBuffer().get(ids, 0, context);
        NextId next = new NextId(TEMPERATURE, 0, 1, seed);
        try (Decoder decoder = new Decoder(graph, device, context, network::bind)) {
            int taken = context / 2;
            for (int i = context; i < ids.length; i++) {
                if (decoder.isFull()) {
                    // goes on from the later half of what it has seen
                    decoder.restart();
                    taken = i - context / 2;
                }
                while (taken < i) {
                    decoder.take(ids[taken++]);
                }
                ids[i] = next.of(decoder.logits());
            }
        }
        return vocabulary.decode(Arrays.copyOfRange(ids, context, ids.length));
    }
}
