package dev.sagitta.bench;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Set;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Kernels that memory limits, against the time in which as many bytes can be moved at all, measured in the same round. Of what is read and
 * written that is a large copy, both bytes counted: the faster one of the driver's, which on a CPU device is one thread's memcpy, and of our own
 * kernel {@code y = x}, which uses all cores and streaming stores. Of what a CPU only reads it is {@link HostRead}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@Fork(1)
@Warmup(iterations = 1)
@Measurement(iterations = 9)
public class BandwidthRatio {
    private static final long COPIED = 256L << 20;
    private static final Set<String> READ_ONLY = Set.of("sum", "norm", "dot", "max", "qmatvec_w4");

    @Param({"pack4", "unpack4", "gelu_forward", "add", "sum", "norm", "dot", "max", "qmatvec_w4"})
    public String name;

    private TimedBench bench;
    private Stream stream;
    private Workload workload;
    private Workload copyKernel;
    private HostRead hostRead;
    private Tensor source;
    private Tensor target;

    @Setup(Level.Trial)
    public void open() {
        bench = new TimedBench();
        stream = bench.stream();
        workload = Workload.of(bench, TimedCases.named(name));
        workload.verify(stream);
        source = bench.normal("copied", COPIED / 4);
        target = bench.zeros("copy", DType.F32, COPIED / 4);
        if (bench.device().kind() == DeviceKind.OPENCL_CPU && READ_ONLY.contains(name)) {
            hostRead = bench.own(new HostRead(COPIED, bench.device().info().computeUnits()));
        }
        bench.run(Arithmetic.scale(1, source, target));
        copyKernel = Workload.of(bench);
    }

    @TearDown(Level.Trial)
    public void close() throws Exception {
        bench.close();
    }

    @Benchmark
    public void floor(Round round) {
        double driver = Round.seconds(count -> {
            for (int i = 0; i < count; i++) {
                stream.copy(target.buffer(), 0, source.buffer(), 0, COPIED);
            }
            stream.synchronize();
        });
        double kernelCopy = Round.seconds(count -> copyKernel.run(stream, 0, count));
        double measured = Round.seconds(count -> workload.run(stream, 0, count));
        double copied = workload.bytes() / (2.0 * COPIED);
        double floor = hostRead == null
                ? copied * Math.min(driver, kernelCopy)
                : Round.seconds(hostRead::run) * workload.bytes() / hostRead.bytes();
        round.record(measured, floor);
        round.driverCopyMicros = 1e6 * copied * driver;
    }
}
