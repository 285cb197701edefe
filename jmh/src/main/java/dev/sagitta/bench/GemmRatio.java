package dev.sagitta.bench;

import com.sun.jna.Memory;
import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.kernel.gemm.GemmProduct;
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

/** fp32 products against OpenBLAS with as many threads as the device has cores. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@Fork(1)
@Warmup(iterations = 1)
@Measurement(iterations = 11)
public class GemmRatio {
    @Param({"1x1024x1024x1024", "1x2048x2048x2048", "16x256x512x512"})
    public String size;

    private TimedBench bench;
    private Workload ours;
    private OpenBlas blas;
    private GemmProduct.Size extents;
    private Memory a;
    private Memory b;
    private Memory c;

    @Setup(Level.Trial)
    public void open() {
        String[] parts = size.split("x");
        extents = new GemmProduct.Size(
                Integer.parseInt(parts[0]),
                Integer.parseInt(parts[1]),
                Integer.parseInt(parts[2]),
                Integer.parseInt(parts[3]));
        blas = OpenBlas.find()
                .orElseThrow(
                        () -> new IllegalStateException(
                                "no libopenblas.so.0 on this machine: nothing to compare with (Debian: apt-get install libopenblas0-pthread)"));
        bench = new TimedBench();
        GemmProduct product = GemmProduct.of(bench, extents, false, false);
        bench.run(product.gemm());
        bench.check(() -> product.check(bench));
        ours = Workload.of(bench);
        ours.verify(bench.stream());
        blas.setThreads(bench.device().info().computeUnits());
        a = OpenBlas.memory(bench.floats(product.a()));
        b = OpenBlas.memory(bench.floats(product.b()));
        float[] result = bench.floats(product.c());
        c = OpenBlas.memory(new float[result.length]);
        blas.multiply(extents, a, b, c);
        for (int i = 0; i < result.length; i += 997) {
            Bench.near(
                    product.c(),
                    i,
                    result[i],
                    c.getFloat(4L * i),
                    extents.k(),
                    product.gemm().tolerance());
        }
    }

    @TearDown(Level.Trial)
    public void close() throws Exception {
        if (bench != null) {
            bench.close();
        }
    }

    @Benchmark
    public void gemm(Round round) throws InterruptedException {
        Round.settle();
        double measured = Round.seconds(count -> ours.run(bench.stream(), 0, count));
        double reference = Round.seconds(count -> {
            for (int i = 0; i < count; i++) {
                blas.multiply(extents, a, b, c);
            }
        });
        round.record(measured, reference);
    }
}
