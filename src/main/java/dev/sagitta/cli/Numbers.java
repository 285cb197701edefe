package dev.sagitta.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;

/** Numbers in results, where NaN or infinite means unknown: null in JSON, a dash in text, never a zero or the string "Infinity". */
final class Numbers {
    private static final String UNKNOWN = "-";

    private Numbers() {}

    /** A field that is null where the value is unknown. */
    static ObjectNode put(ObjectNode node, String name, double value) {
        return Double.isFinite(value) ? node.put(name, value) : node.putNull(name);
    }

    /** Of a field that {@link #put} wrote. */
    static String text(String format, JsonNode value) {
        return text(format, value.isNull() ? Double.NaN : value.doubleValue());
    }

    /** @param format one conversion, as {@code %.4f}; its width is kept for the dash */
    static String text(String format, double value) {
        if (Double.isFinite(value)) {
            return String.format(Locale.ROOT, format, value);
        }
        String width = format.replaceAll("^.*?%[-+ #0,(]*(\\d*).*$", "$1");
        return width.isEmpty() ? UNKNOWN : String.format(Locale.ROOT, "%" + width + "s", UNKNOWN);
    }
}
