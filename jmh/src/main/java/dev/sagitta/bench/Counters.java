package dev.sagitta.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Bytes and operations of what ran, by the descriptor: JMH divides them by the time, so these are GB/s and GFLOP/s. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Counters {
    public double gigabytes;
    public double gigaflops;

    void count(Workload workload, int steps) {
        gigabytes += 1e-9 * workload.bytes() * steps;
        gigaflops += 1e-9 * workload.flops() * steps;
    }
}
