package dev.sagitta.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * One round of a comparison: the measured work and the one that it is held against, timed after each other. JMH's iterations are the rounds,
 * so the two alternate; their medians, and the median of the ratio of each round, are made from the raw data by {@link BenchTable}. (JMH's
 * own score of such a benchmark means nothing.)
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.EVENTS)
public class Round {
    public double measuredMicros;
    public double referenceMicros;
    /** Of {@link BandwidthRatio}: the floor by the driver's copy alone; 0 elsewhere. */
    public double driverCopyMicros;

    private static final double LEAST_SECONDS = 0.06;
    private static final int MOST_CALLS = 4096;

    /** Work that ends when it returns. */
    interface Calls {
        void run(int count);
    }

    void record(double measured, double reference) {
        measuredMicros = 1e6 * measured;
        referenceMicros = 1e6 * reference;
    }

    /** Seconds per call, over as many calls as take long enough to be timed; the first brings caches and clocks into their state. */
    static double seconds(Calls calls) {
        long start = System.nanoTime();
        calls.run(1);
        double once = Math.max(1, System.nanoTime() - start) * 1e-9;
        int count = (int) Math.min(MOST_CALLS, Math.max(2, Math.ceil(LEAST_SECONDS / once)));
        start = System.nanoTime();
        calls.run(count);
        return (System.nanoTime() - start) * 1e-9 / count;
    }

    /** After a call OpenBLAS's and OpenMP's threads spin for a while, in which they would slow down what comes next. */
    static void settle() throws InterruptedException {
        Thread.sleep(120);
    }
}
