package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.graph.Field;
import dev.sagitta.io.model.LayerSpec;
import dev.sagitta.io.model.ModelSpec;
import java.util.HashMap;
import java.util.Map;

/** A model's layers by name, to be read as one architecture; what is not as that has it is null, 0 or the default. */
final class NamedLayers {
    private final ModelSpec model;
    private final Map<String, LayerSpec> byName = new HashMap<>();

    NamedLayers(ModelSpec model) {
        this.model = model;
        model.layers().forEach(layer -> byName.put(layer.name(), layer));
    }

    ModelSpec model() {
        return model;
    }

    boolean has(String name) {
        return byName.containsKey(name);
    }

    /** The type of a layer; empty where there is none. */
    String type(String name) {
        return has(name) ? byName.get(name).type().name() : "";
    }

    /** How many blocks {@code layers.0.}, {@code layers.1.} there are. */
    int blocks() {
        int blocks = 0;
        while (hasBlock(blocks)) {
            blocks++;
        }
        return blocks;
    }

    private boolean hasBlock(int i) {
        String prefix = "layers." + i + ".";
        return byName.keySet().stream().anyMatch(name -> name.startsWith(prefix));
    }

    Object value(String layer, String field) {
        return has(layer) ? byName.get(layer).fields().get(field) : null;
    }

    long integer(String layer, String field, long absent) {
        return value(layer, field) instanceof Long number ? number : absent;
    }

    double number(String layer, String field, double absent) {
        return value(layer, field) instanceof Number number ? number.doubleValue() : absent;
    }

    /** Of a group of fields. */
    double number(String layer, String group, String field, double absent) {
        return value(layer, group) instanceof Field.Group fields
                        && fields.given().get(field) instanceof Number number
                ? number.doubleValue()
                : absent;
    }

    boolean flag(String layer, String field, boolean absent) {
        return value(layer, field) instanceof Boolean flag ? flag : absent;
    }

    /** Rows of the table of tokens, which may be characters. */
    long vocabulary() {
        return model.vocabulary() == null
                ? integer("tokens", "rows", 0)
                : model.vocabulary().size();
    }

    /** What a training from the start begins with. */
    void putDeviation(ObjectNode config) {
        if (value("tokens", "deviation") instanceof Double deviation) {
            config.put(LayersJson.DEVIATION, deviation);
        }
    }

    /** Tokens of an example. */
    int context() {
        return Math.toIntExact(model.inputShape().elements());
    }
}
