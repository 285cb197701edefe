package dev.sagitta.tensor;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;

/** Results that lie in many tensors, on their way to the host: copied together on the device as they come, so that the host waits once for all of them. */
public final class Gather implements AutoCloseable {
    private final Stream stream;
    private final Buffer memory;
    private final ByteBuffer host;
    private long used;

    /** @param bytes of all that is added between two calls of {@link #read} */
    public Gather(Stream stream, long bytes) {
        this.stream = stream;
        this.host = ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
        this.memory = stream.device().allocate(bytes, MemoryCategory.OTHER, "gathered results");
    }

    /** All elements of f32 tensors, one tensor after another. Waits once. */
    public static float[] floats(Stream stream, Collection<Tensor> tensors) {
        long bytes = tensors.stream().mapToLong(Tensor::bytes).sum();
        if (bytes == 0) {
            return new float[0];
        }
        try (Gather gather = new Gather(stream, bytes)) {
            tensors.forEach(gather::add);
            float[] values = new float[Math.toIntExact(bytes / Float.BYTES)];
            gather.read().asFloatBuffer().get(values);
            return values;
        }
    }

    /** Takes what the tensor holds when the stream gets here. */
    public void add(Tensor tensor) {
        if (used + tensor.bytes() > memory.bytes()) {
            throw new IllegalStateException("gathering " + tensor + ": " + used + " of " + memory.bytes()
                    + " bytes are taken, and it needs " + tensor.bytes() + "; call read() first");
        }
        stream.copy(memory, used, tensor.buffer(), 0, tensor.bytes());
        used += tensor.bytes();
    }

    /** What was added since the last call, one after another, in native byte order; valid until the next call. Waits if there is something. */
    public ByteBuffer read() {
        host.clear().limit((int) used);
        if (used > 0) {
            stream.download(host, memory, 0);
        }
        used = 0;
        return host;
    }

    /** Bytes that it was made for. */
    public long capacity() {
        return memory.bytes();
    }

    @Override
    public void close() {
        memory.close();
    }
}
