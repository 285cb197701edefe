package dev.sagitta.bench;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.Devices;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Random;
import dev.sagitta.kernel.RandomState;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** The device that a trial runs on ({@code -Dsagitta.bench.device}, else the preferred one), and what the trial made on it. */
final class BenchDevice implements AutoCloseable {
    private static final long SEED = 20_260_101;

    final Device device;
    final Stream stream;
    private final Tensor state;
    private final List<AutoCloseable> owned = new ArrayList<>();
    private int randomStreams;

    BenchDevice() {
        device = Devices.open(System.getProperty("sagitta.bench.device", "auto"));
        stream = device.stream();
        state = empty("random state", DType.U32, 4);
        state.upload(stream, RandomState.words(SEED, 0));
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
        ByteBuffer host = ByteBuffer.allocateDirect(
                        Math.multiplyExact(count, tensor.dtype().bytes()))
                .order(ByteOrder.nativeOrder());
        Buffer buffer = tensor.buffer();
        stream.download(host, buffer, first * tensor.dtype().bytes());
        return host;
    }

    @Override
    public void close() throws Exception {
        for (int i = owned.size() - 1; i >= 0; i--) {
            owned.get(i).close();
        }
        device.close();
    }
}
