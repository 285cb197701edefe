package dev.sagitta.cli;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.gemm.CublasStep;
import dev.sagitta.kernel.gemm.Gemm;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/**
 * Measures the two ceilings that a device's kernels are judged by. The best of several rounds of wall time, each long enough that launching
 * and waiting do not count: a ceiling is what the device can do when nothing else disturbs it.
 */
public final class DeviceProbe {
    private static final int ROUNDS = 5;
    private static final double ROUND_SECONDS = 0.1;
    private static final long MIB = 1 << 20;

    private final Device device;
    private final Stream stream;

    public DeviceProbe(Device device) {
        this.device = device;
        this.stream = device.stream();
    }

    /** Bytes per second of a copy much larger than the caches, read and written bytes both counted. */
    public double copyBytesPerSecond() {
        long largest = (device.kind() == DeviceKind.OPENCL_CPU ? 256 : 1024) * MIB;
        long bytes = Math.min(
                largest,
                Math.min(device.info().maxAllocationBytes(), device.info().memoryBytes() / 16));
        try (Buffer source = device.allocate(bytes, MemoryCategory.DATA, "probe source");
                Buffer target = device.allocate(bytes, MemoryCategory.DATA, "probe target")) {
            stream.fill(source, 0, bytes, (byte) 1);
            return 2.0 * bytes * rate(() -> stream.copy(target, 0, source, 0, bytes));
        }
    }

    /** Operations per second of a square fp32 {@link Gemm}, a multiply-add counting two, by cuBLAS where there is one. */
    public double gemmFlopsPerSecond() {
        int n = device.kind() == DeviceKind.OPENCL_CPU ? 1024 : 4096;
        try (Buffer a = device.allocate(4L * n * n, MemoryCategory.DATA, "probe A");
                Buffer b = device.allocate(4L * n * n, MemoryCategory.DATA, "probe B");
                Buffer c = device.allocate(4L * n * n, MemoryCategory.DATA, "probe C")) {
            Shape square = Shape.of(n, n);
            // random values: on constant ones a GPU draws less power and runs faster
            ByteBuffer values = random(n * n);
            stream.upload(a, 0, values);
            stream.upload(b, 0, values);
            Gemm gemm = Gemm.of(
                    new Tensor("A", a, DType.F32, square),
                    false,
                    new Tensor("B", b, DType.F32, square),
                    false,
                    new Tensor("C", c, DType.F32, square));
            try (Step step = CublasStep.of(gemm, device).orElseGet(() -> gemm.prepare(device))) {
                return gemm.flops() * rate(() -> step.enqueue(stream));
            }
        }
    }

    private static ByteBuffer random(int count) {
        Random random = new Random(1);
        ByteBuffer values = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder());
        for (int i = 0; i < count; i++) {
            values.putFloat(4 * i, random.nextFloat() - 0.5f);
        }
        return values;
    }

    /** Calls of {@code work} per second. */
    private double rate(Runnable work) {
        // the first call compiles and touches the memory, the second tells how many fill a round
        seconds(work, 1);
        int calls = (int) Math.min(10_000, Math.max(1, Math.ceil(ROUND_SECONDS / seconds(work, 1))));
        double least = Double.POSITIVE_INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            least = Math.min(least, seconds(work, calls));
        }
        return calls / least;
    }

    private double seconds(Runnable work, int calls) {
        stream.synchronize();
        long start = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            work.run();
        }
        stream.synchronize();
        return Math.max(1, System.nanoTime() - start) * 1e-9;
    }
}
