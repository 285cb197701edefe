package dev.sagitta.bench;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Devices;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The device that a trial runs on ({@code -Dsagitta.bench.device}, else the preferred one), what the trial made on it, and how large that is:
 * with {@code small} everything shrinks to what an interpreter or a simulator gets through, and timings mean nothing.
 */
final class BenchDevice implements AutoCloseable {
    private static final long SEED = 20_260_101;
    private static final long ELEMENTS = 64L << 20;
    private static final long SMALL_ELEMENTS = 256L << 10;
    private static final int SMALL_SHRINKS = 16;
    private static final int LEAST_SIDE = 64;
    /** Several times the 50 MB of a GPU's last cache, and the 32 MB of a CPU's. */
    private static final long ROTATED_ON_GPU = 256_000_000;

    private static final long ROTATED_ON_CPU = 84_000_000;

    final Device device;
    final Stream stream;
    private final Tensor state;
    private final boolean small;
    private final boolean ownsDevice;
    private final List<AutoCloseable> owned = new ArrayList<>();
    private ByteBuffer staging = ByteBuffer.allocateDirect(0);
    private int randomStreams;

    BenchDevice() {
        this(Devices.open(System.getProperty("sagitta.bench.device", "auto")), false, true);
    }

    /** For one trial of many on a device, which stays open. */
    BenchDevice(Device device, boolean small) {
        this(device, small, false);
    }

    private BenchDevice(Device device, boolean small, boolean ownsDevice) {
        this.device = device;
        this.small = small;
        this.ownsDevice = ownsDevice;
        stream = device.stream();
        state = empty("random state", DType.U32, 4);
        state.upload(stream, Random.words(SEED, 0));
    }

    /** Of a large tensor: more than any cache holds. */
    long elements() {
        return small ? SMALL_ELEMENTS : ELEMENTS;
    }

    /** Extent of a matrix. */
    int side(int full) {
        return small ? Math.min(full, Math.max(LEAST_SIDE, full / SMALL_SHRINKS)) : full;
    }

    /** How many inputs of so many bytes take turns, so that none is in a cache when its turn comes. */
    int rotation(long bytes) {
        long rotated = device.kind() == DeviceKind.OPENCL_CPU ? ROTATED_ON_CPU : ROTATED_ON_GPU;
        return small ? 2 : (int) Math.max(2, (rotated + bytes - 1) / bytes);
    }

    /** Seed and step of random numbers. */
    Tensor state() {
        return state;
    }

    /** Contents undefined. */
    Tensor empty(String name, DType dtype, long... extents) {
        Tensor tensor = Tensor.allocate(device, MemoryCategory.DATA, name, dtype, Shape.of(extents));
        owned.add(tensor.buffer());
        return tensor;
    }

    Tensor empty(String name, Shape shape) {
        return empty(name, DType.F32, shape.toArray());
    }

    Tensor zeros(String name, DType dtype, long... extents) {
        Tensor tensor = empty(name, dtype, extents);
        stream.fill(tensor.buffer(), 0, tensor.bytes(), (byte) 0);
        return tensor;
    }

    /** Standard normal values. */
    Tensor normal(String name, long... extents) {
        Tensor tensor = empty(name, DType.F32, extents);
        once(Random.normal(state, ++randomStreams, tensor));
        return tensor;
    }

    /** Uniform in [0, 1). */
    Tensor uniform(String name, long... extents) {
        Tensor tensor = empty(name, DType.F32, extents);
        once(Random.uniform(state, ++randomStreams, tensor));
        return tensor;
    }

    /** Uniform 32-bit words. */
    Tensor words(String name, long... extents) {
        Tensor tensor = empty(name, DType.U32, extents);
        once(Random.bits(state, ++randomStreams, tensor));
        return tensor;
    }

    /** Prepares, runs and forgets. */
    void once(Preparable work) {
        try (Step step = work.prepare(device)) {
            step.enqueue(stream);
            stream.synchronize();
        }
    }

    /** Prepares work that is closed with this. */
    Step prepare(Preparable work) {
        Step step = work.prepare(device);
        owned.add(step);
        return step;
    }

    <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    float[] floats(Tensor tensor, long first, int count) {
        float[] values = new float[count];
        bytes(tensor, first, count).asFloatBuffer().get(values);
        return values;
    }

    /** Of fp32 or bf16. */
    float[] values(Tensor tensor, long first, int count) {
        if (tensor.dtype() == DType.F32) {
            return floats(tensor, first, count);
        }
        ShortBuffer stored = bytes(tensor, first, count).asShortBuffer();
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = Float.intBitsToFloat(stored.get(i) << 16);
        }
        return values;
    }

    int[] ints(Tensor tensor, long first, int count) {
        int[] values = new int[count];
        bytes(tensor, first, count).asIntBuffer().get(values);
        return values;
    }

    float[] floats(Tensor tensor) {
        return floats(tensor, 0, Math.toIntExact(tensor.elements()));
    }

    int[] ints(Tensor tensor) {
        return ints(tensor, 0, Math.toIntExact(tensor.elements()));
    }

    private ByteBuffer bytes(Tensor tensor, long first, int count) {
        int length = Math.multiplyExact(count, tensor.dtype().bytes());
        if (staging.capacity() < length) {
            staging = ByteBuffer.allocateDirect(length).order(ByteOrder.nativeOrder());
        }
        ByteBuffer host = staging.clear().limit(length);
        Buffer buffer = tensor.buffer();
        stream.download(host, buffer, first * tensor.dtype().bytes());
        return host;
    }

    @Override
    public void close() throws Exception {
        for (int i = owned.size() - 1; i >= 0; i--) {
            owned.get(i).close();
        }
        if (ownsDevice) {
            device.close();
        }
    }
}
