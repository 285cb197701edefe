package dev.sagitta.cli;

import dev.sagitta.program.Decoder;
import dev.sagitta.program.NextId;
import java.util.Arrays;

/**
 * Goes on from what a decoder has read, id after id. The likeliest are chosen on the device, a run of them before the host looks: as many as take it a few
 * milliseconds, so that what is shown comes steadily.
 */
final class IdWriter {
    private static final int LONGEST_RUN = 64;
    /** Of a run, in nanoseconds. */
    private static final long SHORT = 5_000_000;

    private static final long LONG = 40_000_000;

    /** Receives ids as they come. */
    interface Receiver {
        void accept(int id, boolean first);
    }

    private final Decoder decoder;
    private final int[] ids;
    private final int given;
    private final int stop;
    private final Receiver receiver;
    private int count;
    private long begun;
    private boolean cut;

    /**
     * @param decoder that has taken {@code given}
     * @param tokens to write, at most, at least 1
     * @param stop ends behind this id; none where negative
     */
    IdWriter(Decoder decoder, int[] given, int tokens, int stop, Receiver receiver) {
        this.decoder = decoder;
        this.ids = Arrays.copyOf(given, Math.addExact(given.length, tokens));
        this.given = given.length;
        this.count = given.length;
        this.stop = stop;
        this.receiver = receiver;
    }

    /** @throws IllegalArgumentException if a logit is not a number */
    void write(NextId next) {
        if (next.isGreedy() && decoder.canChoose()) {
            choose();
        } else {
            draw(next);
        }
    }

    private void draw(NextId next) {
        int chosen = next.of(decoder.logits());
        while (goesOn(chosen)) {
            decoder.take(chosen);
            chosen = next.of(decoder.logits());
        }
    }

    private void choose() {
        decoder.choose();
        int run = 1;
        int longest = 1;
        long before = System.nanoTime();
        while (true) {
            int first = count;
            decoder.chosen(first, run, ids, first);
            long now = System.nanoTime();
            if (now - before < SHORT) {
                longest = Math.min(2 * longest, LONGEST_RUN);
            } else if (now - before > LONG) {
                longest = Math.max(longest / 2, 1);
            }
            before = now;
            for (int i = 0; i < run; i++) {
                if (!goesOn(ids[first + i])) {
                    return;
                }
            }
            run = Math.min(longest, Math.min(ids.length - count, decoder.longest() - decoder.position()));
            for (int i = 0; i < run; i++) {
                decoder.takeChosen();
                decoder.choose();
            }
        }
    }

    /** Shows an id; whether another is wanted and there is room for it. */
    private boolean goesOn(int id) {
        if (count == given) {
            begun = System.nanoTime();
        }
        ids[count++] = id;
        receiver.accept(id, count == given + 1);
        if (count == ids.length || id == stop) {
            return false;
        }
        // the id is at position count - 1, which a decoder of as many has not
        cut = count > decoder.longest();
        return !cut;
    }

    /** Given and written ids, and room. */
    int[] ids() {
        return ids;
    }

    /** Of the given and the written ids. */
    int count() {
        return count;
    }

    /** When the first was there, by {@link System#nanoTime}. */
    long begun() {
        return begun;
    }

    /** Whether the decoder was full before all were written. */
    boolean isCut() {
        return cut;
    }
}
