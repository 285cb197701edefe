package dev.sagitta.io.model;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One entry of a model's {@code layers}; names are unique within a model.
 *
 * @param name given in the JSON, or the type followed by the layer's index
 * @param from names of the layers it reads, {@code input}, or {@code NAME.1} for output 1 of a layer; empty for the layer before
 * @param fields values by name, those at their default left out; an extent may be the name of a size that the model gets later
 */
public record LayerSpec(OpType type, String name, List<String> from, Map<String, Object> fields) {
    public LayerSpec {
        from = List.copyOf(from);
        fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    }

    /** The same with another value of a field. */
    LayerSpec with(Field<?> field, Object value) {
        Map<String, Object> changed = new LinkedHashMap<>(fields);
        changed.put(field.name(), value);
        return new LayerSpec(type, name, from, changed);
    }

    /** The same with a field at its default. */
    LayerSpec without(Field<?> field) {
        Map<String, Object> changed = new LinkedHashMap<>(fields);
        changed.remove(field.name());
        return new LayerSpec(type, name, from, changed);
    }

    /** The same with another layer in the place of one that it reads. */
    LayerSpec reading(String old, String other) {
        List<String> names =
                from.stream().map(name -> name.equals(old) ? other : name).toList();
        return new LayerSpec(type, name, names, fields);
    }

    /** Whether its ids stand for characters. */
    public boolean readsCharacters() {
        return type.fields().stream()
                .anyMatch(field -> field.kind() == Field.Kind.CHARACTERS && fields.containsKey(field.name()));
    }

    Object get(Field<?> field) {
        return fields.getOrDefault(field.name(), field.absent());
    }
}
