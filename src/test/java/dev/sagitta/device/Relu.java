package dev.sagitta.device;

import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** y = max(x, 0) over n elements: the kernel that the tests of devices launch. */
final class Relu implements AutoCloseable {
    final Device device;
    final int n;
    final Buffer x;
    final Buffer y;
    private final Pointwise.Forward descriptor;
    private final Arguments arguments;

    Relu(Device device, int n) {
        this(
                device,
                n,
                device.allocate(4L * n, MemoryCategory.DATA, "x"),
                device.allocate(4L * n, MemoryCategory.DATA, "y"));
    }

    Relu(Device device, int n, Buffer x, Buffer y) {
        this.device = device;
        this.n = n;
        this.x = x;
        this.y = y;
        this.descriptor = Pointwise.forward(
                Function.RELU, new Tensor("x", x, DType.F32, Shape.of(n)), new Tensor("y", y, DType.F32, Shape.of(n)));
        this.arguments = descriptor.signature().values();
    }

    KernelSource source() {
        return new KernelSource(descriptor.file(), descriptor.entry(), descriptor.defines(device));
    }

    Geometry geometry() {
        return descriptor.geometry(device);
    }

    Arguments arguments() {
        return arguments;
    }

    /** Which argument is n. */
    int countArgument() {
        for (int i = 0; i < arguments.values().size(); i++) {
            if (arguments.values().get(i) instanceof Long) {
                return i;
            }
        }
        throw new AssertionError("relu has no 64-bit argument");
    }

    Launch prepare() {
        return device.prepare(source(), geometry(), arguments);
    }

    /** x[i] = i - n / 2; y filled with NaN. */
    void reset(Stream stream) {
        ByteBuffer host = ByteBuffer.allocateDirect(4 * n).order(ByteOrder.nativeOrder());
        for (int i = 0; i < n; i++) {
            host.putFloat(4 * i, i - n / 2);
        }
        stream.upload(x, 0, host);
        stream.fill(y, 0, 4L * n, (byte) 0xFF);
    }

    float[] result(Stream stream) {
        ByteBuffer host = ByteBuffer.allocateDirect(4 * n).order(ByteOrder.nativeOrder());
        stream.download(host, y, 0);
        float[] values = new float[n];
        host.asFloatBuffer().get(values);
        return values;
    }

    /** What {@link #result} should be. */
    float[] expected() {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = Math.max(0, i - n / 2);
        }
        return values;
    }

    @Override
    public void close() {
        x.close();
        y.close();
    }
}
