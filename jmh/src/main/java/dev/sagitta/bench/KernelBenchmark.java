package dev.sagitta.bench;

import dev.sagitta.device.Stream;
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

/** Every kernel by itself, with arguments too large for the caches: {@link Catalogue} says which and at what size. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public class KernelBenchmark {
    private static final int LAUNCHES = 8;

    @Param({
        "empty",
        "relu_forward",
        "gelu_forward",
        "silu_forward",
        "tanh_forward",
        "gelu_backward",
        "gelu_tangent",
        "gelu_tangent_backward",
        "gelu_curvature",
        "add",
        "fma",
        "scale",
        "axpby",
        "bias_add",
        "bias_gradient",
        "relu_mask",
        "mask_apply",
        "sum",
        "norm",
        "dot",
        "max",
        "argmax",
        "any_nonfinite",
        "dots",
        "pack1",
        "unpack1",
        "pack2",
        "unpack2",
        "pack4",
        "unpack4",
        "pack8",
        "unpack8",
        "pack4_variance",
        "random_bits",
        "random_uniform",
        "random_normal",
        "random_rademacher",
        "probe_rademacher",
        "dropout",
        "cross_entropy_forward",
        "cross_entropy_forward_backward",
        "cross_entropy_tangent_backward",
        "squared_error_forward_backward",
        "embedding_gather",
        "embedding_scatter",
        "sgd",
        "adamw",
        "qmatvec_w2",
        "qmatvec_w3",
        "qmatvec_w4",
        "qmatvec_w8",
        "qmatmul_w4_m4",
        "qmatmul_w4_m16",
        "qmatmul_w4_m64",
        "qmatmul_w4_m512",
        "qmatmul_backward_w4_m16",
        "quantize_fit_w4",
        "quantize_pack_w4",
        "repack_w4",
        "dequantize_w4",
        "gemm_nn_512",
        "gemm_nn_1024",
        "gemm_nt_1024",
        "gemm_tn_1024",
        "gemm_tt_1024",
        "gemm_nn_2048",
        "gemm_batch_16",
        "gemm_gelu_1024",
        "gemm_bf16_1024"
    })
    public String kernel;

    private BenchDevice bench;
    private Stream stream;
    private Workload workload;
    private int next;

    @Setup(Level.Trial)
    public void open() {
        bench = new BenchDevice();
        stream = bench.stream;
        workload = Catalogue.build(kernel, bench);
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
