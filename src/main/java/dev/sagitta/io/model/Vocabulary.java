package dev.sagitta.io.model;

import dev.sagitta.io.file.DataException;
import java.util.Arrays;
import java.util.BitSet;

/** The characters (Unicode code points) that a model knows, in ascending order; the id of a character is its place. */
public final class Vocabulary {
    /** Ids are kept in 16 bits. */
    public static final int LARGEST = 1 << 16;

    private final int[] characters;

    private Vocabulary(int[] characters) {
        this.characters = characters;
    }

    public static Vocabulary of(BitSet characters) {
        return new Vocabulary(characters.stream().toArray());
    }

    /** @throws DataException unless the characters are distinct and ascending, as {@link #characters} gives them */
    public static Vocabulary of(String characters, String where) {
        int[] points = characters.codePoints().toArray();
        if (points.length == 0 || points.length > LARGEST) {
            throw new DataException(
                    where + ": a vocabulary of " + points.length + " characters, expected 1 to " + LARGEST);
        }
        for (int i = 0; i < points.length; i++) {
            if (points[i] >= Character.MIN_SURROGATE && points[i] <= Character.MAX_SURROGATE) {
                throw new DataException(where + ": vocabulary entry " + i + " is half a surrogate pair");
            }
            if (i > 0 && points[i] <= points[i - 1]) {
                throw new DataException(where + ": vocabulary entry " + i + ", " + describe(points[i])
                        + ", is not above the one before it; expected distinct characters in ascending order");
            }
        }
        return new Vocabulary(points);
    }

    public int size() {
        return characters.length;
    }

    /** All of them, as stored in a model. */
    public String characters() {
        return new String(characters, 0, characters.length);
    }

    /** The id of a code point, or -1. */
    public int id(int codePoint) {
        return Math.max(-1, Arrays.binarySearch(characters, codePoint));
    }

    public int codePoint(int id) {
        return characters[id];
    }

    /** @throws DataException naming the first character that is not in the vocabulary */
    public int[] encode(String text) {
        int[] ids = text.codePoints().map(this::id).toArray();
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0) {
                throw new DataException("character " + i + ", "
                        + describe(text.codePoints().skip(i).findFirst().orElseThrow())
                        + ", is not in the model's vocabulary of " + size());
            }
        }
        return ids;
    }

    public String decode(int... ids) {
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.appendCodePoint(characters[id]);
        }
        return text.toString();
    }

    public static String describe(int codePoint) {
        return Character.isISOControl(codePoint)
                ? String.format("U+%04X", codePoint)
                : String.format("U+%04X '%s'", codePoint, Character.toString(codePoint));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Vocabulary vocabulary && Arrays.equals(characters, vocabulary.characters);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(characters);
    }

    @Override
    public String toString() {
        return "vocabulary of " + size() + " characters";
    }
}
