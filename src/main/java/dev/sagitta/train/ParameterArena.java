package dev.sagitta.train;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One number per parameter element in one flat piece of device memory, zero at first: weights, gradients, an optimiser's moments. */
final class ParameterArena implements AutoCloseable {
    private final Buffer memory;
    private final Tensor flat;
    private final Map<String, Tensor> parts = new LinkedHashMap<>();
    private final Stream stream;

    ParameterArena(ParameterLayout layout, Device device, MemoryCategory category, String name) {
        this.stream = device.stream();
        this.memory = device.allocate(layout.length() * Float.BYTES, category, name);
        this.flat = new Tensor(name, memory, DType.F32, Shape.of(layout.length()));
        stream.fill(memory, 0, memory.bytes(), (byte) 0);
        for (Parameter parameter : layout.parameters()) {
            long bytes = parameter.elements() * Float.BYTES;
            Buffer slice = memory.slice(layout.offset(parameter) * Float.BYTES, bytes, parameter.name());
            parts.put(parameter.name(), new Tensor(parameter.name(), slice, DType.F32, parameter.shape()));
        }
    }

    Tensor flat() {
        return flat;
    }

    /** By parameter name, in the order of the layout. */
    Map<String, Tensor> parts() {
        return parts;
    }

    long bytes() {
        return memory.bytes();
    }

    /** Tensors named {@code prefix + parameter}. */
    List<HostTensor> download(String prefix) {
        List<HostTensor> tensors = new ArrayList<>();
        parts.forEach((name, part) ->
                tensors.add(new HostTensor(prefix + name, DType.F32, part.shape(), part.download(stream))));
        return tensors;
    }

    void upload(String parameter, HostTensor tensor) {
        parts.get(parameter).upload(stream, tensor.toF32().bytes());
    }

    @Override
    public void close() {
        parts.values().forEach(part -> part.buffer().close());
        memory.close();
    }
}
