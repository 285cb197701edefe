package dev.sagitta.bench;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Event;
import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Step;
import java.util.Arrays;

/** Times prepared steps by the device's clock: many launches between two events, seven times over. */
final class QuickTimer implements AutoCloseable {
    private static final int REPLAYS = 7;
    private static final int WAITS = 200;
    private static final int WARM = 3;
    private static final double LEAST_MICROS = 2000;
    private static final double MOST_MICROS = 40_000;
    private static final int MOST_LAUNCHES = 1024;
    private static final int FEWEST_IN_GRAPH = 8;

    private final Stream stream;
    private final boolean graphs;
    private final boolean rehearsal;
    private final Event[] events = new Event[REPLAYS + 1];

    /** @param rehearsal everything as if it were timed, but the fewest launches: what comes out is no time */
    QuickTimer(Stream stream, boolean rehearsal) {
        this.stream = stream;
        this.rehearsal = rehearsal;
        this.graphs = stream.device().kind() == DeviceKind.CUDA;
        for (int i = 0; i < events.length; i++) {
            events[i] = stream.device().newEvent();
        }
    }

    /** How steps reach the device. */
    enum Mode {
        /** On CUDA a graph of all launches, elsewhere one after another. */
        GRAPH,
        QUEUED,
        /** One at a time, each with a wait on the host; timed by the host. */
        WAIT
    }

    /**
     * Microseconds of one step.
     *
     * @param launches between two events
     * @param mode as it was done
     */
    record Timing(double median, double lower, double upper, int launches, Mode mode) {
        private static Timing of(double[] micros, int launches, Mode mode) {
            Arrays.sort(micros);
            int n = micros.length;
            return new Timing(micros[n / 2], micros[n / 4], micros[n - 1 - n / 4], launches, mode);
        }
    }

    /** Steps of the rotation in turn; each run of them between two events begins where the last one ended, or at the first one in a graph. */
    Timing time(Step[] rotation, Mode mode) {
        if (mode == Mode.WAIT) {
            return waits(rotation);
        }
        if (rehearsal) {
            return graphs && mode == Mode.GRAPH ? graph(rotation, rotation.length) : queued(rotation, 1);
        }
        enqueue(rotation, 0, WARM);
        stream.synchronize();
        stream.record(events[0]);
        enqueue(rotation, WARM, WARM);
        stream.record(events[1]);
        double once = Math.max(0.5, 1e3 * events[1].millisSince(events[0]) / WARM);
        int launches = (int) Math.min(MOST_LAUNCHES, Math.ceil(LEAST_MICROS / once));
        if (!graphs || mode == Mode.QUEUED) {
            return queued(rotation, launches);
        }
        launches = Math.max(launches, (int) Math.min(FEWEST_IN_GRAPH, Math.max(1, MOST_MICROS / once)));
        // whole turns, or the next replay would find the first inputs in the cache
        launches = (launches + rotation.length - 1) / rotation.length * rotation.length;
        return graph(rotation, launches);
    }

    private Timing queued(Step[] rotation, int launches) {
        int next = 0;
        stream.record(events[0]);
        for (int i = 0; i < replays(); i++) {
            enqueue(rotation, next, launches);
            next = (next + launches) % rotation.length;
            stream.record(events[i + 1]);
        }
        return between(launches, Mode.QUEUED);
    }

    private Timing graph(Step[] rotation, int launches) {
        try (Recording recording = stream.capture(() -> enqueue(rotation, 0, launches))) {
            stream.replay(recording);
            stream.record(events[0]);
            for (int i = 0; i < replays(); i++) {
                stream.replay(recording);
                stream.record(events[i + 1]);
            }
            return between(launches, Mode.GRAPH);
        }
    }

    private int replays() {
        return rehearsal ? 1 : REPLAYS;
    }

    private Timing between(int launches, Mode mode) {
        stream.synchronize();
        double[] micros = new double[replays()];
        for (int i = 0; i < micros.length; i++) {
            micros[i] = 1e3 * events[i + 1].millisSince(events[i]) / launches;
        }
        return Timing.of(micros, launches, mode);
    }

    private Timing waits(Step[] rotation) {
        double[] micros = new double[rehearsal ? 1 : WAITS];
        for (int i = -WARM; i < micros.length; i++) {
            long start = System.nanoTime();
            enqueue(rotation, i + WARM, 1);
            stream.synchronize();
            if (i >= 0) {
                micros[i] = 1e-3 * (System.nanoTime() - start);
            }
        }
        return Timing.of(micros, 1, Mode.WAIT);
    }

    private void enqueue(Step[] rotation, int first, int count) {
        for (int i = 0; i < count; i++) {
            rotation[(first + i) % rotation.length].enqueue(stream);
        }
    }

    @Override
    public void close() {
        for (Event event : events) {
            event.close();
        }
    }
}
