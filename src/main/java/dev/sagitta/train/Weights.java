package dev.sagitta.train;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.program.ParameterArena;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Every parameter of a run on its device: what is trained in one arena, frozen weights and states in another. */
final class Weights implements AutoCloseable {
    private final Stream stream;
    private final ParameterArena trained;
    /** Null if there are none. */
    private final ParameterArena untrained;

    private final Map<String, Tensor> all = new LinkedHashMap<>();

    Weights(Graph graph, Device device) {
        this.stream = device.stream();
        this.trained = new ParameterArena(ParameterLayout.of(graph), device, MemoryCategory.WEIGHTS, "parameters");
        ParameterLayout others = ParameterLayout.untrained(graph);
        try {
            this.untrained = others.parameters().isEmpty()
                    ? null
                    : new ParameterArena(others, device, MemoryCategory.WEIGHTS, "untrained parameters");
        } catch (RuntimeException | Error e) {
            trained.close();
            throw e;
        }
        all.putAll(trained.parts());
        if (untrained != null) {
            all.putAll(untrained.parts());
        }
    }

    /** What an optimiser changes. */
    ParameterArena trained() {
        return trained;
    }

    /** All of them by name, those that are trained first. */
    Map<String, Tensor> parts() {
        return Collections.unmodifiableMap(all);
    }

    /** Options of a program that computes with them. */
    ProgramOptions give(ProgramOptions options) {
        ProgramOptions with = options.arena(ParameterRole.WEIGHT, trained);
        return untrained == null ? with : with.weights(untrained);
    }

    void upload(HostTensor weight) {
        all.get(weight.name()).upload(stream, weight.toF32().bytes());
    }

    /** Copies of tensors, under names that begin with a prefix. */
    static List<HostTensor> download(Stream stream, Map<String, Tensor> parts, String prefix) {
        List<HostTensor> tensors = new ArrayList<>();
        parts.forEach((name, part) ->
                tensors.add(new HostTensor(prefix + name, DType.F32, part.shape(), part.download(stream))));
        return tensors;
    }

    long bytes() {
        return trained.bytes() + (untrained == null ? 0 : untrained.bytes());
    }

    @Override
    public void close() {
        if (untrained != null) {
            untrained.close();
        }
        trained.close();
    }
}
