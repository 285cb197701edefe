package dev.sagitta.graph;

/**
 * One field of an op in a model's JSON: declared once, it is read, checked, defaulted, written and documented from here.
 *
 * @param kind what its value may be
 * @param absent the value where the field is not given; null where it has none, and then the op's type says whether that is an error
 * @param least of numbers
 * @param most of numbers
 * @param says what it means, for the table of the documents
 */
public record Field<V>(String name, Kind kind, V absent, double least, double most, String says) {
    private static final long LARGEST_EXTENT = 1L << 40;

    /** What a field's value may be. */
    public enum Kind {
        /** Elements of an axis, or the name of a size that the model gets later: {@code "vocabulary"}. */
        EXTENT,
        INTEGER,
        NUMBER,
        FLAG,
        TEXT,
        /** The name of a parameter of an earlier layer. */
        PARAMETER,
        /** A string of distinct characters, or true until a text gives them. */
        CHARACTERS
    }

    /** A size of at least 1 that a model gets later. */
    public static final String VOCABULARY = "vocabulary";

    public static Field<Long> extent(String name, String says) {
        return new Field<>(name, Kind.EXTENT, null, 1, LARGEST_EXTENT, says);
    }

    public static Field<Long> extent(String name, long most, String says) {
        return new Field<>(name, Kind.EXTENT, null, 1, most, says);
    }

    public static Field<Long> integer(String name, Long absent, long least, long most, String says) {
        return new Field<>(name, Kind.INTEGER, absent, least, most, says);
    }

    public static Field<Double> number(String name, Double absent, double least, double most, String says) {
        return new Field<>(name, Kind.NUMBER, absent, least, most, says);
    }

    public static Field<Boolean> flag(String name, boolean absent, String says) {
        return new Field<>(name, Kind.FLAG, absent, 0, 1, says);
    }

    public static Field<String> text(String name, String absent, String says) {
        return new Field<>(name, Kind.TEXT, absent, 0, 0, says);
    }

    public static Field<String> parameter(String name, String says) {
        return new Field<>(name, Kind.PARAMETER, null, 0, 0, says);
    }

    public static Field<String> characters(String name, String says) {
        return new Field<>(name, Kind.CHARACTERS, null, 0, 0, says);
    }
}
