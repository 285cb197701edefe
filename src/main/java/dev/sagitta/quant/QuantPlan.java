package dev.sagitta.quant;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.kernel.packed.QuantFormat;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The format of each packed weight, by the parameter's name; weights that it does not name stay fp32.
 *
 * <p>Eligible are the matrices that nothing but products read. A table that an embedding looks rows up in stays fp32, also where a
 * linear layer is tied to it; linear layers that share a weight share its bits, because the weight is stored once.
 */
public record QuantPlan(Map<String, QuantFormat> formats) {
    private static final int MOST_LAYERS = 1 << 20;
    private static final int LARGEST_GROUP = 1 << 30;

    public QuantPlan {
        formats = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(formats));
    }

    /** The weights of a network that can be packed, in the order of first use. */
    public static List<Parameter> eligible(Graph graph) {
        Map<String, Parameter> weights = new LinkedHashMap<>();
        Set<String> readOtherwise = new LinkedHashSet<>();
        for (var node : graph.nodes()) {
            if (node.isInput()) {
                continue;
            }
            Parameter weight = node.op().packable();
            for (Parameter parameter : node.op().parameters()) {
                if (parameter == weight && parameter.isPackable()) {
                    weights.putIfAbsent(weight.name(), weight);
                } else {
                    readOtherwise.add(parameter.name());
                }
            }
        }
        weights.keySet().removeAll(readOtherwise);
        return List.copyOf(weights.values());
    }

    /** The same bits for every eligible weight. */
    public static QuantPlan uniform(Graph graph, int bits, int group, boolean symmetric) {
        Map<String, QuantFormat> formats = new LinkedHashMap<>();
        eligible(graph).forEach(weight -> formats.put(weight.name(), new QuantFormat(bits, group, symmetric)));
        return new QuantPlan(formats);
    }

    /**
     * Bits by name from a file {@code {"layers": [{"name", "bits"}]}}; other fields are left to whoever wrote them, so that what
     * {@code allocate} and {@code quantize} write is a plan.
     *
     * @throws DataException if a name is no eligible weight of the network or comes twice, or bits are not 2, 3, 4 or 8
     */
    public static QuantPlan read(Path file, Graph graph, int group, boolean symmetric) {
        JsonInput json = JsonInput.file(file);
        List<String> known = eligible(graph).stream().map(Parameter::name).toList();
        Map<String, QuantFormat> formats = new LinkedHashMap<>();
        for (JsonInput layer : json.objects("layers", MOST_LAYERS)) {
            String name = layer.text("name");
            if (!known.contains(name)) {
                throw layer.error("'" + name + "' is no weight that can be packed; known: " + known);
            }
            int bits = (int) layer.integer("bits", 2, 8);
            if (formats.put(name, format(layer, bits, group, symmetric)) != null) {
                throw layer.error("'" + name + "' stands twice");
            }
        }
        if (formats.isEmpty()) {
            throw json.error("the plan names no layer; known: " + known);
        }
        return new QuantPlan(formats);
    }

    private static QuantFormat format(JsonInput json, int bits, int group, boolean symmetric) {
        try {
            return new QuantFormat(bits, group, symmetric);
        } catch (IllegalArgumentException e) {
            throw json.error(e.getMessage());
        }
    }

    /** The network with ops over packed weights where the plan names the weight. */
    public Graph apply(Graph graph) {
        return graph.withOps(op -> {
            QuantFormat format =
                    op.packable() == null ? null : formats.get(op.packable().name());
            return format == null ? op : op.packed(format);
        });
    }

    /** What a checkpoint's metadata {@code sagitta.quant} says. */
    public String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode weights = json.putArray("weights");
        formats.forEach((name, format) -> weights.addObject()
                .put("name", name)
                .put("bits", format.bits())
                .put("group", format.group())
                .put("symmetric", format.symmetric()));
        return json.toString();
    }

    /**
     * The plan of a checkpoint, empty if nothing is packed. Names are checked against the tensors, both ways.
     *
     * @throws DataException naming the weight and what is wrong
     */
    static QuantPlan of(Checkpoint checkpoint) {
        Map<String, QuantFormat> formats = new LinkedHashMap<>();
        List<String> known =
                eligible(checkpoint.graph()).stream().map(Parameter::name).toList();
        if (checkpoint.quant().isPresent()) {
            JsonInput json = checkpoint.quant().get().allow("weights");
            for (JsonInput weight : json.objects("weights", MOST_LAYERS)) {
                weight.allow("name", "bits", "group", "symmetric");
                String name = weight.text("name");
                if (!known.contains(name)) {
                    throw weight.error("'" + name + "' is no weight that can be packed; known: " + known);
                }
                if (!checkpoint.isPacked(name)) {
                    throw weight.error("there is no tensor '" + name + Checkpoint.PACKED_SUFFIXES.get(0) + "'");
                }
                int group = (int) weight.integer("group", 1, LARGEST_GROUP);
                QuantFormat format =
                        format(weight, (int) weight.integer("bits", 2, 8), group, weight.flag("symmetric", false));
                if (formats.put(name, format) != null) {
                    throw weight.error("'" + name + "' stands twice");
                }
            }
        }
        for (Parameter parameter : checkpoint.graph().everyParameter()) {
            if (checkpoint.isPacked(parameter.name()) && !formats.containsKey(parameter.name())) {
                throw new DataException(checkpoint.path() + ": parameter '" + parameter.name() + "' is packed, and "
                        + Checkpoint.QUANT + " does not say how; it knows " + formats.keySet());
            }
        }
        return new QuantPlan(formats);
    }
}
