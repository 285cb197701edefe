package dev.sagitta.io.model;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.io.file.JsonInput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The JSON of a layer, read and written from the ops' own descriptions: it knows no op. */
record LayerCodec(OpTypes types) {
    private static final int LONGEST_NAME = 200;
    private static final int MOST_INPUTS = 64;
    private static final int MOST_INTEGERS = 64;
    /** Tensors whose names begin so are the optimiser's. */
    private static final String RESERVED = "optimizer";

    private static final String TYPE = "type";
    private static final String NAME = "name";
    private static final String FROM = "from";

    /** @param index that an unnamed layer is called by */
    LayerSpec read(JsonInput json, int index) {
        String name = json.text(TYPE);
        OpType type = types.get(name);
        if (type == null) {
            throw json.error("unknown layer type '" + name + "'; known: "
                    + String.join(", ", types.all().stream().map(OpType::name).toList()));
        }
        List<String> known = new ArrayList<>(List.of(TYPE, NAME, FROM));
        type.fields().forEach(field -> known.add(field.name()));
        json.allow(known.toArray(String[]::new));
        Map<String, Object> given = new LinkedHashMap<>();
        for (Field<?> field : type.fields()) {
            if (json.has(field.name())) {
                given.put(field.name(), value(json, field));
            }
        }
        String problem = type.check().apply(given);
        if (problem != null) {
            throw json.error(problem);
        }
        type.fields().forEach(field -> given.remove(field.name(), field.absent()));
        return new LayerSpec(type, name(json, name, index), from(json, type), given);
    }

    private static Object value(JsonInput json, Field<?> field) {
        String name = field.name();
        return switch (field.kind()) {
            case EXTENT ->
                json.isText(name) && json.text(name).equals(Field.VOCABULARY)
                        ? Field.VOCABULARY
                        : (Object) json.integer(name, (long) field.least(), (long) field.most());
            case INTEGER, POSITIONS -> json.integer(name, (long) field.least(), (long) field.most());
            case NUMBER -> json.number(name, field.least(), field.most());
            case FLAG -> json.flag(name, false);
            case TEXT, PARAMETER -> text(json, field);
            case CHARACTERS -> characters(json, name);
            case INTEGERS -> {
                long[] values = json.integers(name, MOST_INTEGERS, (long) field.least(), (long) field.most());
                yield Arrays.stream(values).boxed().toList();
            }
            case PER_AXIS -> {
                long least = (long) field.least();
                long most = (long) field.most();
                long[] values = json.isArray(name)
                        ? json.integers(name, MOST_INTEGERS, least, most)
                        : new long[] {json.integer(name, least, most)};
                yield Arrays.stream(values).boxed().toList();
            }
            case GROUP -> group(json.object(name), field);
        };
    }

    private static String text(JsonInput json, Field<?> field) {
        String text = json.text(field.name());
        if (!field.choices().isEmpty() && !field.choices().contains(text)) {
            throw json.error("'" + field.name() + "' is \"" + text + "\", expected one of "
                    + String.join(", ", field.choices()));
        }
        return text;
    }

    private static Field.Group group(JsonInput json, Field<?> group) {
        json.allow(group.fields().stream().map(Field::name).toArray(String[]::new));
        return given(json, group.fields());
    }

    /** The fields that are there and not at their default. */
    static Field.Group given(JsonInput json, List<Field<?>> fields) {
        Map<String, Object> given = new LinkedHashMap<>();
        for (Field<?> field : fields) {
            if (json.has(field.name())) {
                given.put(field.name(), value(json, field));
            }
        }
        fields.forEach(field -> given.remove(field.name(), field.absent()));
        return new Field.Group(given);
    }

    /** The characters, or true. */
    private static Object characters(JsonInput json, String name) {
        if (json.isText(name)) {
            return Vocabulary.of(json.text(name), json.where()).characters();
        }
        if (!json.flag(name, false)) {
            throw json.error("'" + name + "' is false, expected true or a string of characters");
        }
        return true;
    }

    private static List<String> from(JsonInput json, OpType type) {
        if (!json.has(FROM)) {
            if (type.least() > 1) {
                throw json.error("field '" + FROM + "' is missing");
            }
            return List.of();
        }
        List<String> names = json.isText(FROM) ? List.of(json.text(FROM)) : json.texts(FROM, MOST_INPUTS);
        boolean fixed = type.least() == type.most();
        int least = fixed ? Math.max(1, type.least() - 1) : type.least();
        if (names.size() < least || names.size() > type.most()) {
            String more = fixed
                    ? type.least() > 1 ? "; of one less, the layer before is the first" : ""
                    : " to " + type.most();
            throw json.error("'" + FROM + "' names " + names.size() + " layers, " + type.name() + " reads "
                    + type.least() + more);
        }
        return names;
    }

    private static String name(JsonInput json, String type, int index) {
        String name = json.text(NAME, type + index);
        boolean printable = name.codePoints().allMatch(c -> c > ' ' && c < 0x7f);
        if (name.isEmpty() || name.length() > LONGEST_NAME || !printable) {
            throw json.error("'name' is '" + name + "', expected 1 to " + LONGEST_NAME
                    + " printable ASCII characters without spaces");
        }
        if (name.equals(RESERVED) || name.startsWith(RESERVED + ".")) {
            throw json.error("'name' is '" + name + "', which is reserved for the optimiser's tensors");
        }
        return name;
    }

    static void write(JsonGenerator g, LayerSpec layer) throws IOException {
        g.writeStartObject();
        g.writeStringField(TYPE, layer.type().name());
        g.writeStringField(NAME, layer.name());
        if (layer.from().size() == 1) {
            g.writeStringField(FROM, layer.from().get(0));
        } else if (!layer.from().isEmpty()) {
            g.writeFieldName(FROM);
            g.writeArray(layer.from().toArray(String[]::new), 0, layer.from().size());
        }
        write(g, layer.type().fields(), layer.fields());
        g.writeEndObject();
    }

    static void write(JsonGenerator g, List<Field<?>> fields, Map<String, Object> values) throws IOException {
        for (Field<?> field : fields) {
            Object value = values.get(field.name());
            if (value instanceof Field.Group group) {
                g.writeObjectFieldStart(field.name());
                write(g, field.fields(), group.given());
                g.writeEndObject();
            } else if (value != null) {
                g.writeFieldName(field.name());
                boolean single = field.kind() == Field.Kind.PER_AXIS && ((List<?>) value).size() == 1;
                write(g, single ? ((List<?>) value).get(0) : value);
            }
        }
    }

    private static void write(JsonGenerator g, Object value) throws IOException {
        if (value instanceof List<?> list) {
            g.writeStartArray();
            for (Object item : list) {
                write(g, item);
            }
            g.writeEndArray();
        } else if (value instanceof Long number) {
            g.writeNumber(number);
        } else if (value instanceof Double number) {
            g.writeNumber(number);
        } else if (value instanceof Boolean flag) {
            g.writeBoolean(flag);
        } else {
            g.writeString((String) value);
        }
    }
}
