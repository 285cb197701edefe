package dev.sagitta.io.file;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A JSON object from outside, read with exact complaints: every error says where the object stands and which field is wrong. Duplicate
 * keys, deep nesting, and anything after the object are errors.
 */
public final class JsonInput {
    /** No description of a network or plan comes near it. */
    static final long LONGEST_FILE = 16 << 20;

    private static final int LONGEST_SHOWN = 60;

    private final ObjectNode node;
    private final String where;

    private JsonInput(ObjectNode node, String where) {
        this.node = node;
        this.where = where;
    }

    /** @param where what an error calls this object, as {@code "C.safetensors: sagitta.model: layers[3]"} */
    public static JsonInput parse(String text, String where) {
        ObjectMapper mapper =
                new ObjectMapper(StrictJson.factory()).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
        try (JsonParser parser = mapper.createParser(text)) {
            JsonNode node = mapper.readTree(parser);
            if (node instanceof ObjectNode object) {
                return new JsonInput(object, where);
            }
            throw new DataException(
                    where + ": expected a JSON object {...}, found " + (node == null ? "nothing" : kind(node)));
        } catch (JsonProcessingException e) {
            throw StrictJson.malformed(where, e);
        } catch (java.io.IOException e) {
            throw new DataException(where + ": " + e.getMessage(), e);
        }
    }

    public static JsonInput file(Path path) {
        try (SourceFile file = SourceFile.open(path)) {
            if (file.size() > LONGEST_FILE) {
                throw new DataException(
                        path + ": " + file.size() + " bytes, a JSON file of at most " + LONGEST_FILE + " is expected");
            }
            ByteBuffer text = ByteOrderMark.skip(file.bytes(0, file.size()), path.toString());
            return parse(utf8(text, path.toString()), path.toString());
        }
    }

    public static String utf8(ByteBuffer bytes, String where) {
        try {
            CharBuffer text = StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(bytes);
            return text.toString();
        } catch (CharacterCodingException e) {
            throw new DataException(where + ": the JSON is not UTF-8", e);
        }
    }

    /** What an error calls this object. */
    public String where() {
        return where;
    }

    /** The object in one line. */
    public String json() {
        return node.toString();
    }

    /** An error about this object. */
    public DataException error(String message) {
        return new DataException(where + ": " + message);
    }

    /** @throws DataException if there is a field of another name */
    public JsonInput allow(String... fields) {
        for (String name : fields()) {
            if (!Arrays.asList(fields).contains(name)) {
                throw error("unknown field '" + name + "'; known: " + String.join(", ", fields));
            }
        }
        return this;
    }

    /** Every field's name, in the file's order. */
    public List<String> fields() {
        List<String> names = new ArrayList<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    public boolean has(String field) {
        return node.has(field);
    }

    /** Whether a field is there and null. */
    public boolean isNull(String field) {
        return node.path(field).isNull();
    }

    /** A field's value as JSON, cut where it is long: for errors. */
    public String shown(String field) {
        JsonNode value = required(field);
        String text = value.toString();
        return text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "...";
    }

    public boolean isObject(String field) {
        return node.path(field).isObject();
    }

    public boolean isArray(String field) {
        return node.path(field).isArray();
    }

    public boolean isText(String field) {
        return node.path(field).isTextual();
    }

    public String text(String field) {
        JsonNode value = required(field);
        if (!value.isTextual()) {
            throw wrong(field, value, "a string");
        }
        return value.textValue();
    }

    public String text(String field, String absent) {
        return has(field) ? text(field) : absent;
    }

    public long integer(String field, long min, long max) {
        return integer(required(field), field, min, max);
    }

    public long integer(String field, long min, long max, long absent) {
        return has(field) ? integer(field, min, max) : absent;
    }

    /** A finite number in [min, max]. */
    public double number(String field, double min, double max) {
        return number(required(field), field, min, max);
    }

    /** An array of finite numbers in [min, max]. */
    public double[] numbers(String field, int longest, double min, double max) {
        JsonNode array = array(field, longest);
        double[] values = new double[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = number(array.get(i), field + "[" + i + "]", min, max);
        }
        return values;
    }

    private double number(JsonNode value, String field, double min, double max) {
        if (!value.isNumber() || !(value.doubleValue() >= min && value.doubleValue() <= max)) {
            throw wrong(field, value, "a number from " + min + " to " + max);
        }
        return value.doubleValue();
    }

    public boolean flag(String field, boolean absent) {
        if (!has(field)) {
            return absent;
        }
        JsonNode value = required(field);
        if (!value.isBoolean()) {
            throw wrong(field, value, "true or false");
        }
        return value.booleanValue();
    }

    public JsonInput object(String field) {
        JsonNode value = required(field);
        if (value instanceof ObjectNode object) {
            return new JsonInput(object, where + ": " + field);
        }
        throw wrong(field, value, "an object {...}");
    }

    /** An array of objects, of at most this length. */
    public List<JsonInput> objects(String field, int longest) {
        JsonNode array = array(field, longest);
        List<JsonInput> list = new ArrayList<>();
        for (JsonNode item : array) {
            String name = field + "[" + list.size() + "]";
            if (!(item instanceof ObjectNode object)) {
                throw wrong(name, item, "an object {...}");
            }
            list.add(new JsonInput(object, where + ": " + name));
        }
        return list;
    }

    /** An array of strings, of at most this length. */
    public List<String> texts(String field, int longest) {
        List<String> texts = new ArrayList<>();
        for (JsonNode item : array(field, longest)) {
            if (!item.isTextual()) {
                throw wrong(field + "[" + texts.size() + "]", item, "a string");
            }
            texts.add(item.textValue());
        }
        return texts;
    }

    /** An array of arrays of strings, each of at most these lengths. */
    public List<List<String>> textLists(String field, int longest, int longestInner) {
        List<List<String>> lists = new ArrayList<>();
        for (JsonNode inner : array(field, longest)) {
            String name = field + "[" + lists.size() + "]";
            if (!inner.isArray() || inner.size() > longestInner) {
                throw wrong(name, inner, "an array [...] of at most " + longestInner + " strings");
            }
            List<String> texts = new ArrayList<>();
            for (JsonNode item : inner) {
                if (!item.isTextual()) {
                    throw wrong(name + "[" + texts.size() + "]", item, "a string");
                }
                texts.add(item.textValue());
            }
            lists.add(texts);
        }
        return lists;
    }

    public long[] integers(String field, int longest, long min, long max) {
        JsonNode array = array(field, longest);
        long[] values = new long[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = integer(array.get(i), field + "[" + i + "]", min, max);
        }
        return values;
    }

    private JsonNode array(String field, int longest) {
        JsonNode value = required(field);
        if (!value.isArray()) {
            throw wrong(field, value, "an array [...]");
        }
        if (value.size() > longest) {
            throw error("'" + field + "' has " + value.size() + " entries, expected at most " + longest);
        }
        return value;
    }

    private long integer(JsonNode value, String field, long min, long max) {
        if (!value.isIntegralNumber()
                || !value.canConvertToLong()
                || value.longValue() < min
                || value.longValue() > max) {
            throw wrong(field, value, "an integer from " + min + " to " + max);
        }
        return value.longValue();
    }

    private JsonNode required(String field) {
        JsonNode value = node.get(field);
        if (value == null) {
            throw error("field '" + field + "' is missing");
        }
        return value;
    }

    private DataException wrong(String field, JsonNode value, String expected) {
        return error("'" + field + "' is " + kind(value) + ", expected " + expected);
    }

    private static String kind(JsonNode value) {
        if (value.isArray() || value.isObject()) {
            return value.isArray() ? "an array" : "an object";
        }
        String text = value.toString();
        return text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "...";
    }
}
