package dev.sagitta.io.model;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.loss.Loss;
import dev.sagitta.graph.loss.LossType;
import dev.sagitta.graph.loss.LossTypes;
import dev.sagitta.io.file.JsonInput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A model's loss: in JSON its name, or {@code {"type": NAME, fields}}.
 *
 * @param fields those that are not at their default
 */
public record LossSpec(LossType type, Field.Group fields) {
    private static final String TYPE = "type";

    /** A loss with all fields at their defaults. */
    public static LossSpec of(String name) {
        return new LossSpec(LossTypes.get(name), new Field.Group(Map.of()));
    }

    /** From field {@code name} of an object. */
    static LossSpec read(JsonInput json, String name) {
        if (json.isText(name)) {
            return new LossSpec(type(json, name, json.text(name)), new Field.Group(Map.of()));
        }
        if (!json.isObject(name)) {
            json.text(name); // says what is wrong
        }
        JsonInput loss = json.object(name);
        LossType type = type(loss, TYPE, loss.text(TYPE));
        List<String> known = new ArrayList<>(List.of(TYPE));
        type.fields().forEach(field -> known.add(field.name()));
        loss.allow(known.toArray(String[]::new));
        return new LossSpec(type, LayerCodec.given(loss, type.fields()));
    }

    private static LossType type(JsonInput json, String field, String name) {
        LossType type = LossTypes.get(name);
        if (type == null) {
            throw json.error("'" + field + "' is \"" + name + "\", expected one of "
                    + String.join(
                            ", ", LossTypes.all().stream().map(LossType::name).toList()));
        }
        return type;
    }

    void write(JsonGenerator g, String name) throws IOException {
        if (fields.given().isEmpty()) {
            g.writeStringField(name, type.name());
            return;
        }
        g.writeObjectFieldStart(name);
        g.writeStringField(TYPE, type.name());
        LayerCodec.write(g, type.fields(), fields.given());
        g.writeEndObject();
    }

    Loss make() {
        return type.make().apply(fields);
    }

    @Override
    public String toString() {
        return type.name();
    }
}
