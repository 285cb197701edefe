package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A {@code config.json}: values by key, null the same as absent. What is asked for is checked, and what an architecture cannot do is refused by key and
 * value. Keys that nobody asks for are passed over: such files have dozens that no computation reads.
 */
final class Config {
    private static final int LARGEST = Integer.MAX_VALUE;
    private static final int MOST_NAMES = 16;
    private static final int MOST_AXES = 8;

    private final JsonInput json;

    Config(JsonInput json) {
        this.json = json;
    }

    boolean has(String key) {
        return json.has(key) && !json.isNull(key);
    }

    int extent(String key) {
        return (int) json.integer(key, 1, LARGEST);
    }

    int extent(String key, int absent) {
        return has(key) ? extent(key) : absent;
    }

    /** Extents; null where there are none. */
    Shape shape(String key) {
        return has(key) ? Shape.of(json.integers(key, MOST_AXES, 1, LARGEST)) : null;
    }

    /** Zero or more. */
    int count(String key, int absent) {
        return has(key) ? (int) json.integer(key, 0, LARGEST) : absent;
    }

    double number(String key, double least, double most, double absent) {
        return has(key) ? json.number(key, least, most) : absent;
    }

    boolean flag(String key, boolean absent) {
        return has(key) ? json.flag(key, absent) : absent;
    }

    String text(String key, String absent) {
        return has(key) ? json.text(key) : absent;
    }

    /** An object of its own; null where there is none. */
    Config object(String key) {
        return has(key) ? new Config(json.object(key)) : null;
    }

    List<String> texts(String key) {
        return has(key) ? json.texts(key, LARGEST) : List.of();
    }

    List<String> fields() {
        return json.fields();
    }

    /** What a text means here: {@code gelu_new} is our {@code gelu_tanh}. */
    <V> V choice(String key, String absent, Map<String, V> known) {
        String text = text(key, absent);
        V value = known.get(text);
        if (value == null) {
            throw unsupported(key, "supported: " + String.join(", ", known.keySet()));
        }
        return value;
    }

    /** Refuses a key that says what is not done here. */
    void requireFlag(String key, boolean wanted, boolean absent) {
        if (flag(key, absent) != wanted) {
            throw unsupported(key, "expected " + wanted);
        }
    }

    /** Refuses a key whose value is neither absent nor one of these. */
    void requireText(String key, String... wanted) {
        if (has(key) && !Arrays.asList(wanted).contains(json.text(key))) {
            throw unsupported(key, "supported: " + String.join(", ", wanted));
        }
    }

    /** Refuses a key that is there at all. */
    void requireAbsent(String key) {
        if (has(key)) {
            throw unsupported(key, "expected none");
        }
    }

    DataException unsupported(String key, String expected) {
        String value = json.has(key) ? json.shown(key) : "absent";
        return json.error("'" + key + "' is " + value + ", which is not supported; " + expected);
    }

    DataException error(String message) {
        return json.error(message);
    }

    /** The class that the weights are of: the first of {@code architectures}. */
    String architecture() {
        if (!has("architectures")) {
            throw json.error(
                    "field 'architectures' is missing: it says which network this is, as [\"LlamaForCausalLM\"]");
        }
        List<String> names = json.texts("architectures", MOST_NAMES);
        if (names.size() != 1) {
            throw json.error("'architectures' names " + names.size() + " networks, expected one");
        }
        return names.get(0);
    }

    /** Keys with one of these words in them whose number is not 0. */
    List<String> rates(String... words) {
        List<String> keys = new ArrayList<>();
        for (String key : json.fields()) {
            if (Arrays.stream(words).anyMatch(key::contains) && !json.isNull(key)) {
                String shown = json.shown(key);
                if (!shown.matches("0(\\.0*)?")) {
                    keys.add(key + " " + shown);
                }
            }
        }
        return keys;
    }

    /** Whether an error is already about this file. */
    boolean isOurs(DataException error) {
        return error.getMessage().startsWith(json.where());
    }

    /** All of it, indented, with another value of a key. */
    String with(String key, String value) {
        try {
            ObjectNode changed = (ObjectNode) new ObjectMapper().readTree(json.json());
            return changed.put(key, value).toPrettyString();
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** All of it in one line. */
    String json() {
        return json.json();
    }
}
