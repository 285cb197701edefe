package dev.sagitta.program;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One fp32 number per parameter element, or K of them, in one flat piece of device memory, zero at first: weights, gradients, probe vectors, an optimiser's
 * moments. Whoever makes it owns it; a program that is given one slices it.
 */
public final class ParameterArena implements AutoCloseable {
    private final Buffer memory;
    private final Tensor flat;
    private final Map<String, Tensor> parts = new LinkedHashMap<>();

    /**
     * @param copies K, kept together by parameter; each part is [K, ...] then
     * @param probes whether parts have that axis, also where K is 1
     */
    ParameterArena(
            ParameterLayout layout,
            Device device,
            Stream stream,
            MemoryCategory category,
            String name,
            int copies,
            boolean probes) {
        long length = Math.multiplyExact(layout.length(), (long) copies);
        this.memory = device.allocate(length * Float.BYTES, category, name);
        try {
            this.flat = new Tensor(name, memory, DType.F32, Shape.of(length));
            stream.fill(memory, 0, memory.bytes(), (byte) 0);
            for (Parameter parameter : layout.parameters()) {
                long bytes = parameter.elements() * copies * Float.BYTES;
                Buffer slice = memory.slice(layout.offset(parameter) * copies * Float.BYTES, bytes, parameter.name());
                Shape shape = probes ? parameter.shape().prepend(copies) : parameter.shape();
                parts.put(parameter.name(), new Tensor(parameter.name(), slice, DType.F32, shape));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** One number per element. */
    public ParameterArena(ParameterLayout layout, Device device, MemoryCategory category, String name) {
        this(layout, device, device.stream(), category, name, 1, false);
    }

    public Tensor flat() {
        return flat;
    }

    /** By parameter name, in the order of the layout. */
    public Map<String, Tensor> parts() {
        return Collections.unmodifiableMap(parts);
    }

    public long bytes() {
        return memory.bytes();
    }

    @Override
    public void close() {
        parts.values().forEach(part -> part.buffer().close());
        memory.close();
    }
}
