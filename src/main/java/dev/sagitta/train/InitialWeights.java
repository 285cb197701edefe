package dev.sagitta.train;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.random.RandomStream;
import dev.sagitta.tensor.DType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** What training starts from: uniform as {@link Parameter#init} says. */
public final class InitialWeights {
    private InitialWeights() {}

    /**
     * Drawn on the host, so that every device starts from the same numbers; each parameter has a stream of its own, so that another layer
     * in front of it changes nothing.
     */
    public static List<HostTensor> draw(Graph graph, long seed) {
        List<HostTensor> weights = new ArrayList<>();
        for (Parameter parameter : graph.everyParameter()) {
            HostTensor tensor = HostTensor.allocate(parameter.name(), DType.F32, parameter.shape());
            RandomStream random = RandomStream.of(seed, "weights/" + parameter.name());
            ByteBuffer bytes = tensor.bytes();
            for (int i = 0; i < tensor.elements(); i++) {
                bytes.putFloat((float) (parameter.init().centre()
                        + (2 * random.nextDouble() - 1) * parameter.init().deviation()));
            }
            weights.add(tensor);
        }
        return weights;
    }
}
