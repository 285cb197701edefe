package dev.sagitta.bench;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.gemm.GemmCases;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** Measures a {@link Machine}: what is timed in a run is held against what the same device reached in the same run. */
final class Ceilings {
    private static final int GPU_SIDE = 4096;
    private static final int GPU_TENSOR_SIDE = 8192;
    private static final int CPU_SIDE = 1024;

    private Ceilings() {}

    /**
     * The faster of the driver's copy and our own kernel {@code y = x}; a sum; products by the vendor's library where it is there, else by
     * our own kernel. A CPU has no other cores than those for fp32.
     */
    static Machine measure(Device device, QuickTimer timer, boolean small) throws Exception {
        double copy;
        double read;
        try (TimedBench bench = new TimedBench(device, small)) {
            Tensor x = bench.normal("x", 2 * bench.elements());
            Tensor y = bench.empty("y", DType.F32, x.elements());
            Tensor out = bench.empty("out", DType.F32, 1);
            Tensor partials = bench.empty(
                    "partials",
                    DType.F32,
                    Reduce.partials(device, 1, x.elements()).toArray());
            Step sum = bench.prepare(Reduce.sum(x, out, partials));
            Step kernel = bench.prepare(Arithmetic.scale(1, x, y));
            double micros = Math.min(micros(timer, driverCopy(x, y)), micros(timer, kernel));
            copy = 2e-3 * x.bytes() / micros;
            read = 1e-3 * x.bytes() / micros(timer, sum);
        }
        if (device.kind() == DeviceKind.OPENCL_CPU) {
            double fp32 = products(device, timer, small, GemmCases.Kind.F32, CPU_SIDE);
            return new Machine(device.info().name(), copy, read, fp32, fp32, fp32, Double.NaN);
        }
        double fp32 = products(device, timer, small, GemmCases.Kind.F32, GPU_SIDE);
        double tf32 = products(device, timer, small, GemmCases.Kind.TF32, GPU_TENSOR_SIDE);
        double bf16 = products(device, timer, small, GemmCases.Kind.BF16, GPU_TENSOR_SIDE);
        return new Machine(
                device.info().name(), copy, read, fp32, Math.max(fp32, tf32), Math.max(fp32, bf16), Double.NaN);
    }

    private static double micros(QuickTimer timer, Step step) {
        return timer.time(new Step[] {step}, QuickTimer.Mode.GRAPH).median();
    }

    private static double products(Device device, QuickTimer timer, boolean small, GemmCases.Kind kind, int side)
            throws Exception {
        try (TimedBench bench = new TimedBench(device, small)) {
            GemmCases.square(bench, kind, side, false);
            Workload work = Workload.of(bench);
            return 1e-3
                    * work.flops()
                    / timer.time(work.rotation(), QuickTimer.Mode.GRAPH).median();
        }
    }

    private static Step driverCopy(Tensor from, Tensor to) {
        return new Step() {
            @Override
            public void enqueue(Stream stream) {
                stream.copy(to.buffer(), 0, from.buffer(), 0, from.bytes());
            }

            @Override
            public void close() {}
        };
    }
}
