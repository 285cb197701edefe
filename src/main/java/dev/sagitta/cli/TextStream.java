package dev.sagitta.cli;

import java.io.PrintWriter;
import java.util.Arrays;

/**
 * Text that is written as its ids come. A token may be part of a character, and how it reads may depend on the one before it: what was not shown yet is read
 * together with the last that was, and bytes of an unfinished character wait.
 */
final class TextStream {
    /** A replacement character. */
    private static final char UNFINISHED = '\uFFFD';

    /** Ids that wait for one another at most. */
    private static final int LONGEST = 64;

    private final PrintWriter out;
    private final Tokens words;
    private int[] pending = {};
    /** So many of the pending ids are shown already. */
    private int shown;

    private boolean any;

    /** @param words null for ids as numbers */
    TextStream(PrintWriter out, Tokens words) {
        this.out = out;
        this.words = words;
    }

    /** The prompt; ids as numbers are not repeated. */
    void begin(int... ids) {
        if (words != null) {
            out.print(words.decode(ids));
            out.flush();
            pending = new int[] {ids[ids.length - 1]};
            shown = 1;
        }
    }

    void add(int id) {
        if (words == null) {
            out.print((any ? " " : "") + id);
            any = true;
        } else {
            pending = Arrays.copyOf(pending, pending.length + 1);
            pending[pending.length - 1] = id;
            String before = words.decode(Arrays.copyOf(pending, shown));
            String now = words.decode(pending);
            boolean whole = !now.isEmpty() && now.charAt(now.length() - 1) != UNFINISHED;
            if (now.length() > before.length() && (whole || pending.length > LONGEST)) {
                out.print(now.substring(before.length()));
                pending = Arrays.copyOfRange(pending, shown, pending.length);
                shown = pending.length;
            }
        }
        out.flush();
    }
}
