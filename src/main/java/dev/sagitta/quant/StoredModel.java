package dev.sagitta.quant;

import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Decoder;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Rows;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A checkpoint's network ready to run, whether its weights are plain or packed. Packed weights lie on the device as they are stored, in the
 * layout of the products; they are never unpacked. All programs of one model share them.
 */
public final class StoredModel implements AutoCloseable {
    private final Device device;
    private final Graph graph;
    private final Map<String, HostTensor> plain;
    private final Map<String, PackedWeights> packed = new LinkedHashMap<>();
    private final long bytes;

    private StoredModel(Device device, Graph graph, Map<String, HostTensor> plain, List<PackedTensors> tensors) {
        this.device = device;
        this.graph = graph;
        this.plain = plain;
        try {
            for (PackedTensors weight : tensors) {
                packed.put(weight.name(), weight.upload(device, device.stream()));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        this.bytes = tensors.stream().mapToLong(PackedTensors::bytes).sum()
                + plain.values().stream()
                        .mapToLong(tensor -> 4 * tensor.elements())
                        .sum();
    }

    /**
     * A view of the checkpoint, which may be closed before the model.
     *
     * @throws dev.sagitta.io.file.DataException if a packed tensor is not what the model and {@code sagitta.quant} say
     */
    public static StoredModel open(Checkpoint checkpoint, Device device) {
        QuantPlan plan = QuantPlan.of(checkpoint);
        Map<String, HostTensor> plain = new LinkedHashMap<>();
        for (Parameter parameter : checkpoint.graph().everyParameter()) {
            if (!plan.formats().containsKey(parameter.name())) {
                plain.put(parameter.name(), checkpoint.parameter(parameter.name()));
            }
        }
        return new StoredModel(device, plan.apply(checkpoint.graph()), plain, packed(checkpoint, plan));
    }

    /** The packed weights of a file, checked. */
    static List<PackedTensors> packed(Checkpoint checkpoint, QuantPlan plan) {
        return checkpoint.graph().everyParameter().stream()
                .filter(parameter -> plan.formats().containsKey(parameter.name()))
                .map(parameter -> PackedTensors.read(
                        checkpoint, parameter.name(), plan.formats().get(parameter.name()), parameter.shape()))
                .toList();
    }

    static StoredModel of(Device device, Graph graph, Map<String, HostTensor> plain, List<PackedTensors> tensors) {
        return new StoredModel(device, graph, plain, tensors);
    }

    /** The network to compile: linear layers with packed weights are {@link dev.sagitta.graph.op.packed.PackedLinear}. */
    public Graph graph() {
        return graph;
    }

    public boolean isPacked() {
        return !packed.isEmpty();
    }

    /** Bytes of all parameters: packed ones with steps and centres, the others in fp32. */
    public long bytes() {
        return bytes;
    }

    /** The options with this model's packed weights bound; they must stay open as long as the program. */
    public ProgramOptions options(ProgramOptions options) {
        ProgramOptions bound = options;
        for (Map.Entry<String, PackedWeights> entry : packed.entrySet()) {
            PackedWeights weights = entry.getValue();
            bound = bound.bind(entry.getKey() + ".packed", weights.words())
                    .bind(entry.getKey() + ".scales", weights.scales());
            bound = weights.offsets() == null ? bound : bound.bind(entry.getKey() + ".zeros", weights.offsets());
        }
        return bound;
    }

    /** Uploads the parameters that are not packed. */
    public void load(Program program) {
        plain.forEach(
                (name, tensor) -> program.tensor(ParameterRole.WEIGHT, name).upload(program.stream(), tensor.bytes()));
    }

    /** A compiled program with its parameters; close it before the model. */
    public Program program(ProgramOptions options) {
        Program program = Program.compile(graph, device, options(options));
        try {
            load(program);
            return program;
        } catch (RuntimeException | Error e) {
            program.close();
            throw e;
        }
    }

    /**
     * The network one id after the other, with its parameters; close it before the model.
     *
     * @throws IllegalArgumentException naming the layer that does not go from position to position
     */
    public Decoder decoder(int longest) {
        Decoder decoder = new Decoder(graph, device, longest, this::options);
        try {
            load(decoder.program());
            return decoder;
        } catch (RuntimeException | Error e) {
            decoder.close();
            throw e;
        }
    }

    /** The same for a whole data set. */
    public Batches batches(ProgramOptions options, Rows rows) {
        Batches batches = new Batches(graph, device, options(options), rows);
        try {
            load(batches.program());
            return batches;
        } catch (RuntimeException | Error e) {
            batches.close();
            throw e;
        }
    }

    @Override
    public void close() {
        packed.values().forEach(PackedTensors::close);
        packed.clear();
    }
}
