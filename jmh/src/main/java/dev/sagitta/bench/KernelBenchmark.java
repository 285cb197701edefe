package dev.sagitta.bench;

import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Every kernel by itself, with arguments too large for the caches: each {@link TimedCase} says at what size. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public class KernelBenchmark {
    private static final int LAUNCHES = 8;

    /** Given by {@link BenchMain}: all of them, unless the command line names some with {@code -p kernel=}. */
    @Param("empty")
    public String kernel;

    private TimedBench bench;
    private Stream stream;
    private Workload workload;
    private int next;

    @Setup(Level.Trial)
    public void open() {
        bench = new TimedBench();
        stream = bench.stream();
        workload = Workload.of(bench, TimedCases.named(kernel));
        workload.verify(stream);
    }

    @TearDown(Level.Trial)
    public void close() throws Exception {
        bench.close();
    }

    /** One launch, then wait. */
    @Benchmark
    public void latency(Counters counters) {
        workload.run(stream, next, 1);
        next = (next + 1) % workload.rotation().length;
        counters.count(workload, 1);
    }

    /** Several launches, then wait. */
    @Benchmark
    @OperationsPerInvocation(LAUNCHES)
    public void throughput(Counters counters) {
        workload.run(stream, next, LAUNCHES);
        next = (next + LAUNCHES) % workload.rotation().length;
        counters.count(workload, LAUNCHES);
    }
}
