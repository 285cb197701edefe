package dev.sagitta.kernel;

import dev.sagitta.device.DeviceException;
import dev.sagitta.device.Event;
import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Times steps that compute the same, as a program runs them: recorded. Rounds go by turns, so that a change of clock rate meets all alike,
 * and the least time of each counts. An earlier step is preferred unless a later one is clearly faster.
 */
public final class Fastest {
    private static final Logger LOG = LoggerFactory.getLogger(Fastest.class);

    private static final int ROUNDS = 5;
    private static final int MOST_RUNS = 20;
    /** Of one round of one step, about: so that starting a recording does not count. */
    private static final double ROUND_MILLIS = 0.3;
    /** No round begins later: what takes that long is told apart by fewer. */
    private static final double MOST_MILLIS = 10;
    /** Of the time of the step before it, for a later step to win. */
    private static final double CLEARLY = 0.9;
    /** A step this many times slower at its first measurement, if that is not mostly launching, is not measured again. */
    private static final double HOPELESS = 5;

    private static final double LAUNCH_MILLIS = 0.1;

    private Fastest() {}

    private static final class Entrant {
        final Step step;
        final double first;
        Recording recording;
        int runs;
        double least;

        Entrant(Step step, double first) {
            this.step = step;
            this.first = first;
            this.least = first;
        }
    }

    /**
     * The fastest of {@code steps} on {@code stream}, which nothing else uses; null where none works. What they write is of no use to
     * anyone. Closes none of them.
     */
    public static Step of(List<Step> steps, Stream stream) {
        List<Entrant> entrants = new ArrayList<>();
        try (Event start = stream.device().newEvent();
                Event end = stream.device().newEvent()) {
            for (Step step : steps) {
                try {
                    step.enqueue(stream); // loads what it needs
                    stream.synchronize();
                    entrants.add(new Entrant(step, millis(start, end, stream, () -> step.enqueue(stream))));
                } catch (DeviceException e) {
                    LOG.debug("left out, because it fails: {}", e.getMessage());
                }
            }
            double best = entrants.stream().mapToDouble(e -> e.first).min().orElse(0);
            entrants.removeIf(e -> e.first > LAUNCH_MILLIS && e.first > HOPELESS * best);
            if (entrants.size() > 1) {
                race(entrants, start, end, stream);
            }
        } finally {
            entrants.stream().filter(e -> e.recording != null).forEach(e -> e.recording.close());
        }
        Entrant fastest = null;
        for (Entrant entrant : entrants) {
            if (fastest == null || entrant.least < CLEARLY * fastest.least) {
                fastest = entrant;
            }
        }
        return fastest == null ? null : fastest.step;
    }

    private static void race(List<Entrant> entrants, Event start, Event end, Stream stream) {
        for (Entrant entrant : entrants) {
            entrant.runs = (int) Math.max(1, Math.min(MOST_RUNS, ROUND_MILLIS / entrant.first));
            entrant.recording = stream.capture(() -> {
                for (int i = 0; i < entrant.runs; i++) {
                    entrant.step.enqueue(stream);
                }
            });
            entrant.least = Double.POSITIVE_INFINITY; // the first time was that of launching as well
        }
        double spent = 0;
        for (int round = 0; round < ROUNDS && spent < MOST_MILLIS; round++) {
            for (Entrant entrant : entrants) {
                double millis = millis(start, end, stream, () -> stream.replay(entrant.recording));
                entrant.least = Math.min(entrant.least, millis / entrant.runs);
                spent += millis;
            }
        }
    }

    private static double millis(Event start, Event end, Stream stream, Runnable work) {
        stream.record(start);
        work.run();
        stream.record(end);
        return end.millisSince(start);
    }
}
