package dev.sagitta.io.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;

/**
 * Which examples of a source a training holds out: all that decides it, so that a later command finds the same ones. A checkpoint and every
 * file that is derived from it carry it as JSON under {@link Checkpoint#DATA}.
 *
 * @param source what the examples were: {@code text}, {@code rows} of arrays, or {@code files}, training and test files of their own
 * @param rule that chose them, by name and version: another rule, or another version of it, chooses other examples
 * @param seed that it chose by; 0 for files
 * @param examples of the source, those held out included
 * @param heldOut how many examples of it are held out
 */
public record HeldOut(String source, String rule, long seed, int examples, int heldOut) {
    /** Whoever wants the same examples asks the random stream of this purpose. */
    public static final String PURPOSE = "held-out";

    public static final String TEXT = "text";
    public static final String ROWS = "rows";
    private static final String FILES = "files";

    public static final String TENTH_OF_ROWS = "tenth of rows, 1";
    public static final String TENTH_OF_BLOCKS = "tenth of blocks, 1";
    /** The same blocks, in windows that do not overlap. */
    public static final String TENTH_OF_BLOCKS_APART = "tenth of blocks, windows apart, 1";

    private static final String TEST_FILES = "test files";

    /** A source that brings a test set. */
    public static HeldOut files(int train, int test) {
        return new HeldOut(FILES, TEST_FILES, 0, Math.addExact(train, test), test);
    }

    /** Whether a seed chose them. */
    public boolean isDrawn() {
        return !source.equals(FILES);
    }

    public String toJson() {
        return new ObjectMapper()
                .createObjectNode()
                .put("source", source)
                .put("rule", rule)
                .put("seed", seed)
                .put("examples", examples)
                .put("heldOut", heldOut)
                .toString();
    }

    /** @throws DataException naming the field that is missing or wrong */
    public static HeldOut parse(JsonInput json) {
        int examples = (int) json.integer("examples", 2, Integer.MAX_VALUE);
        return new HeldOut(
                json.text("source"),
                json.text("rule"),
                json.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE),
                examples,
                (int) json.integer("heldOut", 1, examples - 1));
    }

    /** As in "5,000 examples of text". */
    @Override
    public String toString() {
        return examples + " examples of " + source;
    }
}
