package dev.sagitta.tensor;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A typed, dense, row-major view of a {@link Buffer}. It owns nothing: closing the buffer is the business of whoever allocated it. Foreign
 * memory is wrapped by making its buffer first.
 */
public record Tensor(String name, Buffer buffer, DType dtype, Shape shape) {

    public Tensor {
        long bytes = Math.multiplyExact(shape.elements(), (long) dtype.bytes());
        if (bytes > buffer.bytes()) {
            throw new IllegalArgumentException("tensor '" + name + "' " + dtype + " " + shape + " needs " + bytes
                    + " bytes, " + buffer + " is too small");
        }
    }

    /** Allocates a buffer of its own for the tensor; close it through {@code tensor.buffer()}. */
    public static Tensor allocate(Device device, MemoryCategory category, String name, DType dtype, Shape shape) {
        long bytes = Math.multiplyExact(shape.elements(), (long) dtype.bytes());
        return new Tensor(name, device.allocate(bytes, category, name), dtype, shape);
    }

    public long elements() {
        return shape.elements();
    }

    public long bytes() {
        return shape.elements() * dtype.bytes();
    }

    /** The same memory with other extents. */
    public Tensor reshape(Shape other) {
        if (other.elements() != shape.elements()) {
            throw new IllegalArgumentException("tensor '" + name + "': " + shape + " cannot be reshaped to " + other
                    + ": " + shape.elements() + " elements against " + other.elements());
        }
        return new Tensor(name, buffer, dtype, other);
    }

    /** Copies all elements from host memory in native byte order. */
    public void upload(Stream stream, ByteBuffer source) {
        if (source.remaining() != bytes()) {
            throw new IllegalArgumentException("upload of tensor '" + name + "': " + source.remaining()
                    + " bytes given, " + bytes() + " expected");
        }
        stream.upload(buffer, 0, source);
    }

    public void upload(Stream stream, float[] values) {
        requireHost(DType.F32, values.length);
        ByteBuffer host = hostMemory();
        host.asFloatBuffer().put(values);
        stream.upload(buffer, 0, host);
    }

    public void upload(Stream stream, int[] values) {
        requireHost(DType.I32, values.length);
        ByteBuffer host = hostMemory();
        host.asIntBuffer().put(values);
        stream.upload(buffer, 0, host);
    }

    public void upload(Stream stream, long[] values) {
        requireHost(DType.I64, values.length);
        ByteBuffer host = hostMemory();
        host.asLongBuffer().put(values);
        stream.upload(buffer, 0, host);
    }

    /** All elements, in a fresh direct buffer in native byte order. */
    public ByteBuffer download(Stream stream) {
        ByteBuffer host = hostMemory();
        stream.download(host, buffer, 0);
        return host;
    }

    public float[] downloadFloats(Stream stream) {
        requireHost(DType.F32, elements());
        float[] values = new float[Math.toIntExact(elements())];
        download(stream).asFloatBuffer().get(values);
        return values;
    }

    public int[] downloadInts(Stream stream) {
        requireHost(DType.I32, elements());
        int[] values = new int[Math.toIntExact(elements())];
        download(stream).asIntBuffer().get(values);
        return values;
    }

    private ByteBuffer hostMemory() {
        return ByteBuffer.allocateDirect(Math.toIntExact(bytes())).order(ByteOrder.nativeOrder());
    }

    private void requireHost(DType expected, long length) {
        boolean sameWidth = dtype == expected || (expected == DType.I32 && dtype == DType.U32);
        if (!sameWidth || length != elements()) {
            throw new IllegalArgumentException("tensor '" + name + "' holds " + dtype + " " + shape
                    + "; the host array holds " + expected + " x " + length);
        }
    }

    @Override
    public String toString() {
        return "tensor '" + name + "' " + dtype.suffix() + " " + shape;
    }
}
