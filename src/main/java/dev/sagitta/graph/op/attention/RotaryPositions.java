package dev.sagitta.graph.op.attention;

import dev.sagitta.graph.Field;

/**
 * How queries and keys are turned by their places: pair m of a head by the angle place base^(-2 m / dims), slowed down where a model was made for longer texts
 * than it was trained on.
 *
 * @param dims elements of a head that are turned; 0 for all
 * @param factor by which angles are slowed down; 1 for none
 * @param original context that the model was trained on, for llama3's scaling: angles that go round more than {@code high} times within it stay, those that do
 *     less than {@code low} times are slowed down, and between them gradually; 0 to slow all down
 */
public record RotaryPositions(
        double base, int dims, boolean interleaved, double factor, double low, double high, long original) {
    private static final Field<Double> BASE =
            Field.number("base", 10000.0, 1, 1e12, "the slowest pair turns once in about 2 pi base places");
    private static final Field<Long> DIMS =
            Field.integer("dims", null, 2, 256, "elements of a head that are turned; absent: all");
    private static final Field<String> STYLE = Field.choice(
            "style",
            "half",
            "which elements are a pair: m and m + dims / 2, or 2 m and 2 m + 1",
            "half",
            "interleaved");
    private static final Field<Double> FACTOR = Field.number("factor", 1.0, 1e-3, 1e6, "angles are divided by it");
    private static final Field<Double> LOW =
            Field.number("low", null, 0, 1e6, "llama3: turns within 'original' below which angles are divided");
    private static final Field<Double> HIGH =
            Field.number("high", null, 0, 1e6, "llama3: turns within 'original' above which angles stay");
    private static final Field<Long> ORIGINAL =
            Field.integer("original", null, 1, 1L << 31, "llama3: context that the model was trained on");

    static final Field<Field.Group> FIELD = Field.group(
            "rotary", "rotary positions of queries and keys", BASE, DIMS, STYLE, FACTOR, LOW, HIGH, ORIGINAL);

    /** Null for null. */
    static RotaryPositions of(Field.Group group) {
        if (group == null) {
            return null;
        }
        boolean llama3 = group.has(LOW) && group.has(HIGH) && group.has(ORIGINAL);
        return new RotaryPositions(
                group.get(BASE),
                group.has(DIMS) ? group.get(DIMS).intValue() : 0,
                group.get(STYLE).equals("interleaved"),
                group.get(FACTOR),
                llama3 ? group.get(LOW) : 0,
                llama3 ? group.get(HIGH) : 0,
                llama3 ? group.get(ORIGINAL) : 0);
    }

    /** What is wrong with the group, as one sentence; null if nothing is. */
    static String problem(Field.Group group) {
        if (group == null) {
            return null;
        }
        int given = (group.has(LOW) ? 1 : 0) + (group.has(HIGH) ? 1 : 0) + (group.has(ORIGINAL) ? 1 : 0);
        if (given != 0 && given != 3) {
            return "'rotary' has some of 'low', 'high' and 'original', expected all of them or none";
        }
        if (given == 3 && !(group.get(LOW) < group.get(HIGH))) {
            return "'rotary' has 'low' " + group.get(LOW) + " and 'high' " + group.get(HIGH) + ", expected low < high";
        }
        return null;
    }

    int dims(int head) {
        return dims == 0 ? head : dims;
    }

    /** Radians by which pair m turns from one place to the next. */
    double frequency(int m, int turned) {
        double plain = Math.pow(base, -2.0 * m / turned);
        if (original == 0) {
            return plain / factor;
        }
        double turns = original * plain / (2 * Math.PI);
        double kept = Math.max(0, Math.min(1, (turns - low) / (high - low)));
        return kept * plain + (1 - kept) * plain / factor;
    }

    /** [places, dims / 2, 2]: cosine and sine. */
    float[] table(int places, int turned) {
        int pairs = turned / 2;
        float[] table = new float[2 * places * pairs];
        for (int m = 0; m < pairs; m++) {
            double frequency = frequency(m, turned);
            for (int place = 0; place < places; place++) {
                table[2 * (place * pairs + m)] = (float) Math.cos(place * frequency);
                table[2 * (place * pairs + m) + 1] = (float) Math.sin(place * frequency);
            }
        }
        return table;
    }
}
