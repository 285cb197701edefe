package dev.sagitta.graph;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One field of an op in a model's JSON: declared once, it is read, checked, defaulted, written and documented from here.
 *
 * @param kind what its value may be
 * @param absent the value where the field is not given; null where it has none, and then the op's type says whether that is an error
 * @param least of numbers
 * @param most of numbers
 * @param says what it means, for the table of the documents
 * @param choices texts that it may be; empty for any
 * @param fields of a group
 */
public record Field<V>(
        String name,
        Kind kind,
        V absent,
        double least,
        double most,
        String says,
        List<String> choices,
        List<Field<?>> fields) {
    private static final long LARGEST_EXTENT = 1L << 40;

    /** What a field's value may be. */
    public enum Kind {
        /** Elements of an axis, or the name of a size that the model gets later: {@code "vocabulary"}. */
        EXTENT,
        /** A number of positions: absent, as many as the input has. */
        POSITIONS,
        INTEGER,
        NUMBER,
        FLAG,
        TEXT,
        /** The name of a parameter of an earlier layer. */
        PARAMETER,
        /** A string of distinct characters, or true until a text gives them. */
        CHARACTERS,
        /** A list of integers: axes, extents. */
        INTEGERS,
        /** An integer for all axes of an image, or a list of one for each. */
        PER_AXIS,
        /** Fields of their own, an object in JSON. */
        GROUP
    }

    /** The value of a group: those of its fields that were given, by name. */
    public record Group(Map<String, Object> given) {
        public Group {
            given = Collections.unmodifiableMap(new LinkedHashMap<>(given));
        }

        /** The value of a field, or its default. */
        @SuppressWarnings("unchecked")
        public <V> V get(Field<V> field) {
            return (V) given.getOrDefault(field.name(), field.absent());
        }

        public boolean has(Field<?> field) {
            return given.containsKey(field.name());
        }
    }

    /** A size of at least 1 that a model gets later. */
    public static final String VOCABULARY = "vocabulary";

    public static Field<Long> extent(String name, String says) {
        return new Field<>(name, Kind.EXTENT, null, 1, LARGEST_EXTENT, says, List.of(), List.of());
    }

    public static Field<Long> extent(String name, long most, String says) {
        return new Field<>(name, Kind.EXTENT, null, 1, most, says, List.of(), List.of());
    }

    public static Field<Long> positions(String name, long most, String says) {
        return new Field<>(name, Kind.POSITIONS, null, 1, most, says, List.of(), List.of());
    }

    public static Field<Long> integer(String name, Long absent, long least, long most, String says) {
        return new Field<>(name, Kind.INTEGER, absent, least, most, says, List.of(), List.of());
    }

    public static Field<Double> number(String name, Double absent, double least, double most, String says) {
        return new Field<>(name, Kind.NUMBER, absent, least, most, says, List.of(), List.of());
    }

    public static Field<Boolean> flag(String name, boolean absent, String says) {
        return new Field<>(name, Kind.FLAG, absent, 0, 1, says, List.of(), List.of());
    }

    public static Field<String> text(String name, String absent, String says) {
        return new Field<>(name, Kind.TEXT, absent, 0, 0, says, List.of(), List.of());
    }

    public static Field<String> parameter(String name, String says) {
        return new Field<>(name, Kind.PARAMETER, null, 0, 0, says, List.of(), List.of());
    }

    public static Field<String> characters(String name, String says) {
        return new Field<>(name, Kind.CHARACTERS, null, 0, 0, says, List.of(), List.of());
    }

    /** A text that is one of these. */
    public static Field<String> choice(String name, String absent, String says, String... choices) {
        return new Field<>(name, Kind.TEXT, absent, 0, 0, says, List.of(choices), List.of());
    }

    public static Field<List<Long>> integers(String name, List<Long> absent, long least, long most, String says) {
        return new Field<>(name, Kind.INTEGERS, absent, least, most, says, List.of(), List.of());
    }

    /** Of an image's axes, the channels left out: one number for all, or one for each. */
    public static Field<List<Long>> perAxis(String name, Long absent, long least, long most, String says) {
        List<Long> all = absent == null ? null : List.of(absent);
        return new Field<>(name, Kind.PER_AXIS, all, least, most, says, List.of(), List.of());
    }

    /** Fields that belong together; null where the group is absent. */
    public static Field<Group> group(String name, String says, Field<?>... fields) {
        return new Field<>(name, Kind.GROUP, null, 0, 0, says, List.of(), List.copyOf(Arrays.asList(fields)));
    }
}
