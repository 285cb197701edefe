package dev.sagitta.program;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.program.compile.ProgramValues;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The memory of what lives as long as a program: of its own, or the caller's. */
final class ProgramTensors implements AutoCloseable {
    private final Device device;
    private final Stream stream;
    private final ParameterLayout layout;
    private final ProgramOptions options;
    private final List<Buffer> owned = new ArrayList<>();
    private final Map<ParameterRole, ParameterArena> ownArenas = new EnumMap<>(ParameterRole.class);
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final Map<MemoryCategory, Long> bytes = new EnumMap<>(MemoryCategory.class);

    ProgramTensors(Device device, Stream stream, ParameterLayout layout, ProgramOptions options) {
        this.device = device;
        this.stream = stream;
        this.layout = layout;
        this.options = options;
    }

    /** Gives every value memory: the caller's, or zeros of its own. */
    void bind(ProgramValues values) {
        Map<String, Value> byName = values.byName();
        for (ParameterRole role : ParameterRole.values()) {
            bindRole(byName, role);
        }
        for (Map.Entry<String, Value> entry : byName.entrySet()) {
            if (!tensors.containsKey(entry.getKey())) {
                Value value = entry.getValue();
                Tensor external = external(value);
                if (external == null) {
                    Buffer buffer = zeros(value.bytes(), value.category(), value.name());
                    external = new Tensor(value.name(), buffer, value.dtype(), value.shape());
                }
                tensors.put(entry.getKey(), external);
            }
        }
        for (String name : options.external().keySet()) {
            if (!byName.containsKey(name)) {
                throw new IllegalArgumentException("external memory '" + name
                        + "' matches nothing that the program reads or writes; known: " + byName.keySet());
            }
        }
    }

    /** Parameters that the caller brings one by one, the others as slices of an arena: the caller's, or one of the program's own. */
    private void bindRole(Map<String, Value> byName, ParameterRole role) {
        for (Parameter parameter : layout.parameters()) {
            Value value = byName.get(role.of(parameter.name()));
            if (value == null) {
                continue;
            }
            Tensor external = external(value);
            tensors.put(value.name(), external != null ? external : part(byName, role, parameter, value));
        }
    }

    private Tensor part(Map<String, Value> byName, ParameterRole role, Parameter parameter, Value value) {
        ParameterArena arena = arenaOf(byName, role);
        Tensor part = arena.parts().get(parameter.name());
        if (part == null || !part.shape().equals(value.shape())) {
            throw new IllegalArgumentException("arena '" + arena.flat().name() + "' has "
                    + (part == null ? "no part" : "a part " + part.shape()) + " for '" + value.name() + "', expected "
                    + value.shape() + "; make it for this graph's layout and this number of probes");
        }
        return new Tensor(value.name(), part.buffer(), part.dtype(), part.shape());
    }

    private ParameterArena arenaOf(Map<String, Value> byName, ParameterRole role) {
        ParameterArena known = options.arenas().getOrDefault(role, ownArenas.get(role));
        if (known == null) {
            int copies = role.byProbe() ? options.probes() : 1;
            known = new ParameterArena(layout, device, stream, role.category(), role.arena(), copies, role.byProbe());
            ownArenas.put(role, known);
            this.bytes.merge(role.category(), Device.allocationBytes(known.bytes()), Long::sum);
        }
        if (byName.containsKey(role.arena())) {
            throw new IllegalArgumentException("parameter '" + role.arena()
                    + "' has the name of the arena that holds all of them; give it another");
        }
        tensors.put(role.arena(), known.flat());
        return known;
    }

    private Tensor external(Value value) {
        Tensor external = options.external().get(value.name());
        if (external != null
                && (external.dtype() != value.dtype() || !external.shape().equals(value.shape()))) {
            throw new IllegalArgumentException("external memory '" + value.name() + "' is " + external + ", expected "
                    + value.dtype().suffix() + " " + value.shape());
        }
        return external;
    }

    private Buffer zeros(long bytes, MemoryCategory category, String name) {
        Buffer buffer = device.allocate(bytes, category, name);
        owned.add(buffer);
        this.bytes.merge(category, Device.allocationBytes(bytes), Long::sum);
        stream.fill(buffer, 0, buffer.bytes(), (byte) 0);
        return buffer;
    }

    /** By name. */
    Map<String, Tensor> all() {
        return tensors;
    }

    /** What the program allocated for them, by category. */
    Map<MemoryCategory, Long> bytes() {
        return bytes;
    }

    /** The memory of all parameters in a role, the program's own or what it was given; null if there is none. */
    ParameterArena arena(ParameterRole role) {
        return options.arenas().getOrDefault(role, ownArenas.get(role));
    }

    @Override
    public void close() {
        owned.forEach(Buffer::close);
        owned.clear();
        ownArenas.values().forEach(ParameterArena::close);
        ownArenas.clear();
    }
}
