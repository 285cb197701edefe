package dev.sagitta.cli.demo;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.Checkpoint;
import dev.sagitta.io.HostTensor;
import dev.sagitta.io.ModelSpec;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A network's parameters in device memory of their own, in one arena, so that one program after another can work on them. */
final class NetworkMemory implements AutoCloseable {
    private final ParameterLayout layout;
    private final Device device;
    private final Tensor parameters;
    private final List<Tensor> tensors = new ArrayList<>();

    /** Parameters are drawn from the distributions that the graph names. */
    NetworkMemory(Graph graph, Device device, long seed) {
        this.layout = ParameterLayout.of(graph);
        this.device = device;
        this.parameters = zeros("parameters", MemoryCategory.WEIGHTS, layout.length());
        SplittableRandom random = new SplittableRandom(seed);
        for (Parameter parameter : layout.parameters()) {
            float[] values = new float[Math.toIntExact(parameter.elements())];
            double bound = parameter.initialDeviation();
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
            }
            Tensor tensor = slice(parameters, parameter);
            tensor.upload(device.stream(), values);
            tensors.add(tensor);
        }
    }

    Tensor zeros(String name, MemoryCategory category, long elements) {
        Tensor tensor = Tensor.allocate(device, category, name, DType.F32, Shape.of(elements));
        device.stream().fill(tensor.buffer(), 0, tensor.buffer().bytes(), (byte) 0);
        return tensor;
    }

    Tensor slice(Tensor arena, Parameter parameter) {
        Buffer part = arena.buffer()
                .slice(layout.offset(parameter) * Float.BYTES, parameter.elements() * Float.BYTES, parameter.name());
        return new Tensor(parameter.name(), part, DType.F32, parameter.shape());
    }

    ParameterLayout layout() {
        return layout;
    }

    /** All of them, gaps included. */
    Tensor arena() {
        return parameters;
    }

    Tensor parameter(String name) {
        return tensors.get(layout.parameters().indexOf(layout.parameter(name)));
    }

    /** A program's options with these parameters. */
    ProgramOptions bind(ProgramOptions options) {
        ProgramOptions bound = options;
        for (Tensor tensor : tensors) {
            bound = bound.bind(tensor.name(), tensor);
        }
        return bound;
    }

    /** Writes them as a checkpoint. */
    void write(Path path, ModelSpec model) {
        List<HostTensor> host = tensors.stream()
                .map(tensor -> new HostTensor(
                        tensor.name(), DType.F32, tensor.shape(), tensor.download(device.stream())))
                .toList();
        Checkpoint.write(path, model, host, Map.of());
    }

    @Override
    public void close() {
        tensors.forEach(tensor -> tensor.buffer().close());
        parameters.buffer().close();
    }
}
