package dev.sagitta.io.safetensors;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.file.StrictJson;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON at the head of a safetensors file, parsed token by token and checked in full before any tensor is touched.
 *
 * @param tensors by name, in the order of their offsets
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, Entry> tensors) {
    private static final int MOST_AXES = 16;
    private static final String METADATA = "__metadata__";

    /** Bytes [begin, end) after the header. */
    record Entry(String name, DType dtype, Shape shape, long begin, long end) {}

    /**
     * @param text the header
     * @param dataBytes length of the file after the header
     */
    static SafetensorsHeader parse(String text, long dataBytes, String file) {
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Entry> entries = new ArrayList<>();
        try (JsonParser p = StrictJson.factory().createParser(text)) {
            expect(p, p.nextToken(), JsonToken.START_OBJECT, file + ": header");
            while (p.nextToken() != JsonToken.END_OBJECT) {
                String name = p.currentName();
                p.nextToken();
                if (name.equals(METADATA)) {
                    readMetadata(p, file, metadata);
                } else {
                    entries.add(readEntry(p, file, name));
                }
            }
            if (p.nextToken() != null) {
                throw new DataException(file + ": header: something follows the JSON object");
            }
        } catch (JsonProcessingException e) {
            throw StrictJson.malformed(file + ": header", e);
        } catch (IOException e) {
            throw new DataException(file + ": header: " + e.getMessage(), e);
        }
        return new SafetensorsHeader(metadata, contiguous(entries, dataBytes, file));
    }

    private static void readMetadata(JsonParser p, String file, Map<String, String> metadata) throws IOException {
        String where = file + ": header: " + METADATA;
        expect(p, p.currentToken(), JsonToken.START_OBJECT, where);
        while (p.nextToken() != JsonToken.END_OBJECT) {
            String key = p.currentName();
            expect(p, p.nextToken(), JsonToken.VALUE_STRING, where + ": '" + key + "'");
            metadata.put(key, p.getText());
        }
    }

    private static Entry readEntry(JsonParser p, String file, String name) throws IOException {
        String where = file + ": tensor '" + name + "'";
        expect(p, p.currentToken(), JsonToken.START_OBJECT, where);
        DType dtype = null;
        long[] extents = null;
        long[] offsets = null;
        while (p.nextToken() != JsonToken.END_OBJECT) {
            String field = p.currentName();
            p.nextToken();
            switch (field) {
                case "dtype" -> dtype = readDType(p, where);
                case "shape" -> extents = readIntegers(p, where + ": shape", MOST_AXES);
                case "data_offsets" -> offsets = readIntegers(p, where + ": data_offsets", 2);
                default ->
                    throw new DataException(
                            where + ": unknown field '" + field + "'; known: dtype, shape, data_offsets");
            }
        }
        if (dtype == null || extents == null || offsets == null) {
            String missing = dtype == null ? "dtype" : extents == null ? "shape" : "data_offsets";
            throw new DataException(where + ": field '" + missing + "' is missing");
        }
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw new DataException(
                    where + ": data_offsets are " + Arrays.toString(offsets) + ", expected [begin, end]");
        }
        long bytes;
        Shape shape;
        try {
            shape = Shape.of(extents);
            bytes = Math.multiplyExact(shape.elements(), (long) dtype.bytes());
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new DataException(
                    where + ": shape " + Arrays.toString(extents) + " has more bytes than 63 bits can count", e);
        }
        if (bytes != offsets[1] - offsets[0]) {
            throw new DataException(where + ": " + dtype + " " + shape + " takes " + bytes + " bytes, its data_offsets "
                    + Arrays.toString(offsets) + " give " + (offsets[1] - offsets[0]));
        }
        return new Entry(name, dtype, shape, offsets[0], offsets[1]);
    }

    private static DType readDType(JsonParser p, String where) throws IOException {
        expect(p, p.currentToken(), JsonToken.VALUE_STRING, where + ": dtype");
        for (DType dtype : DType.values()) {
            if (dtype.name().equals(p.getText())) {
                return dtype;
            }
        }
        throw new DataException(
                where + ": dtype '" + p.getText() + "' is not supported; known: " + Arrays.toString(DType.values()));
    }

    private static long[] readIntegers(JsonParser p, String where, int most) throws IOException {
        expect(p, p.currentToken(), JsonToken.START_ARRAY, where);
        long[] values = new long[most];
        int count = 0;
        while (p.nextToken() != JsonToken.END_ARRAY) {
            if (count == most) {
                throw new DataException(where + ": more than " + most + " numbers");
            }
            expect(p, p.currentToken(), JsonToken.VALUE_NUMBER_INT, where);
            if (p.getNumberType() == JsonParser.NumberType.BIG_INTEGER || p.getLongValue() < 0) {
                throw new DataException(
                        where + ": " + p.getText() + " is out of range, expected 0 to " + Long.MAX_VALUE);
            }
            values[count++] = p.getLongValue();
        }
        return Arrays.copyOf(values, count);
    }

    private static void expect(JsonParser p, JsonToken found, JsonToken expected, String where) throws IOException {
        if (found != expected) {
            throw new DataException(where + ": expected " + describe(expected) + ", found "
                    + (found == null ? "the end of the header" : describe(found)));
        }
    }

    private static String describe(JsonToken token) {
        return switch (token) {
            case START_OBJECT -> "an object {...}";
            case START_ARRAY -> "an array [...]";
            case VALUE_STRING -> "a string";
            case VALUE_NUMBER_INT -> "an integer";
            case VALUE_NUMBER_FLOAT -> "a fraction";
            case VALUE_NULL -> "null";
            case VALUE_TRUE, VALUE_FALSE -> "true or false";
            default -> token.toString();
        };
    }

    /** The format allows neither holes nor overlaps: in order, each tensor begins where the last one ends. */
    private static Map<String, Entry> contiguous(List<Entry> entries, long dataBytes, String file) {
        entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        Map<String, Entry> byName = new LinkedHashMap<>();
        long end = 0;
        String last = "the header";
        for (Entry entry : entries) {
            if (entry.end() > dataBytes) {
                throw new DataException(file + ": tensor '" + entry.name() + "' ends at byte " + entry.end()
                        + " of the data, the file holds " + dataBytes + "; it is truncated or the offsets are wrong");
            }
            if (entry.begin() != end) {
                throw new DataException(file + ": tensor '" + entry.name() + "' begins at byte " + entry.begin()
                        + " of the data, " + (entry.begin() < end ? "overlapping " : "leaving a hole after ") + last
                        + ", which ends at " + end);
            }
            end = entry.end();
            last = "tensor '" + entry.name() + "'";
            byName.put(entry.name(), entry);
        }
        if (end != dataBytes) {
            throw new DataException(file + ": the file holds " + dataBytes + " bytes of data, its tensors take " + end);
        }
        return byName;
    }

    /** The JSON for these tensors laid end to end in this order. */
    static String format(Map<String, String> metadata, Collection<HostTensor> tensors) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = StrictJson.factory().createGenerator(text)) {
            g.writeStartObject();
            if (!metadata.isEmpty()) {
                g.writeObjectFieldStart(METADATA);
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    g.writeStringField(entry.getKey(), entry.getValue());
                }
                g.writeEndObject();
            }
            long offset = 0;
            for (HostTensor tensor : tensors) {
                if (tensor.name().equals(METADATA)) {
                    throw new IllegalArgumentException("a tensor cannot be named " + METADATA);
                }
                g.writeObjectFieldStart(tensor.name());
                g.writeStringField("dtype", tensor.dtype().name());
                g.writeFieldName("shape");
                long[] extents = tensor.shape().toArray();
                g.writeArray(extents, 0, extents.length);
                long end = offset + tensor.bytes().remaining();
                g.writeFieldName("data_offsets");
                g.writeArray(new long[] {offset, end}, 0, 2);
                g.writeEndObject();
                offset = end;
            }
            g.writeEndObject();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return text.toString();
    }
}
