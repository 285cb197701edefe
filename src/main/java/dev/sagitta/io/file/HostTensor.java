package dev.sagitta.io.file;

import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A dense row-major tensor in host memory, little-endian, as it stands in a file: at most 2^31 - 1 bytes.
 *
 * @param bytes all elements from position 0; the accessor returns a view of its own position, so that readers do not disturb each other
 */
public record HostTensor(String name, DType dtype, Shape shape, ByteBuffer bytes) {

    public HostTensor {
        long expected = byteCount(name, dtype, shape);
        if (bytes.remaining() != expected) {
            throw new IllegalArgumentException("tensor '" + name + "' " + dtype + " " + shape + ": " + bytes.remaining()
                    + " bytes given, " + expected + " expected");
        }
        bytes = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public ByteBuffer bytes() {
        return bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    public long elements() {
        return shape.elements();
    }

    /** Zeros in fresh direct memory. */
    public static HostTensor allocate(String name, DType dtype, Shape shape) {
        long count = byteCount(name, dtype, shape);
        if (count > Integer.MAX_VALUE) {
            throw new DataException("tensor '" + name + "' " + dtype + " " + shape + " has " + count
                    + " bytes, at most " + Integer.MAX_VALUE + " fit in one host tensor");
        }
        return new HostTensor(name, dtype, shape, ByteBuffer.allocateDirect((int) count));
    }

    public static HostTensor of(String name, Shape shape, float... values) {
        HostTensor tensor = allocate(name, DType.F32, shape);
        tensor.bytes().asFloatBuffer().put(requireLength(tensor, values, values.length));
        return tensor;
    }

    public static HostTensor of(String name, Shape shape, int... values) {
        HostTensor tensor = allocate(name, DType.I32, shape);
        tensor.bytes().asIntBuffer().put(requireLength(tensor, values, values.length));
        return tensor;
    }

    public static HostTensor of(String name, Shape shape, long... values) {
        HostTensor tensor = allocate(name, DType.I64, shape);
        tensor.bytes().asLongBuffer().put(requireLength(tensor, values, values.length));
        return tensor;
    }

    public static HostTensor of(String name, Shape shape, byte... values) {
        HostTensor tensor = allocate(name, DType.U8, shape);
        tensor.bytes().put(requireLength(tensor, values, values.length));
        return tensor;
    }

    public HostTensor named(String other) {
        return new HostTensor(other, dtype, shape, bytes());
    }

    /** The value of an element of a float tensor. */
    public float floatAt(int i) {
        return switch (dtype) {
            case F32 -> bytes.getFloat(4 * i);
            case BF16 -> Half.fromBf16(bytes.getShort(2 * i));
            case F16 -> Half.fromF16(bytes.getShort(2 * i));
            default ->
                throw new IllegalStateException(
                        "tensor '" + name + "' has dtype " + dtype + ", expected F32, BF16 or F16");
        };
    }

    /** This tensor in fp32: itself, or a converted copy in direct memory. */
    public HostTensor toF32() {
        return convert(DType.F32);
    }

    /** To another float type, rounded to nearest even. */
    public HostTensor convert(DType other) {
        if (other == dtype) {
            return this;
        }
        if (!dtype.isFloat() || !other.isFloat()) {
            throw new IllegalArgumentException("tensor '" + name + "': cannot convert " + dtype + " to " + other
                    + ", only F32, BF16 and F16 among each other");
        }
        HostTensor result = allocate(name, other, shape);
        int n = (int) elements();
        for (int i = 0; i < n; i++) {
            float value = floatAt(i);
            switch (other) {
                case F32 -> result.bytes.putFloat(4 * i, value);
                case BF16 -> result.bytes.putShort(2 * i, Half.toBf16(value));
                default -> result.bytes.putShort(2 * i, Half.toF16(value));
            }
        }
        return result;
    }

    public float[] toFloats() {
        float[] values = new float[(int) elements()];
        toF32().bytes().asFloatBuffer().get(values);
        return values;
    }

    /** Index of the first NaN or infinity of a float tensor, or -1. */
    public int firstNonFinite() {
        int n = dtype.isFloat() ? (int) elements() : 0;
        for (int i = 0; i < n; i++) {
            if (!Float.isFinite(floatAt(i))) {
                return i;
            }
        }
        return -1;
    }

    /** @throws DataException naming this tensor and the index of the first NaN or infinity */
    public void requireFinite(String file) {
        int bad = firstNonFinite();
        if (bad >= 0) {
            throw new DataException(file + ": tensor '" + name + "' holds " + floatAt(bad) + " at "
                    + position(shape, bad) + ", expected finite numbers");
        }
    }

    /** A flat index as an index per axis: {@code [2, 5]}. */
    public static String position(Shape shape, long flat) {
        long[] index = new long[shape.rank()];
        for (int axis = shape.rank() - 1; axis >= 0; axis--) {
            index[axis] = flat % shape.extent(axis);
            flat /= shape.extent(axis);
        }
        return java.util.Arrays.toString(index);
    }

    private static long byteCount(String name, DType dtype, Shape shape) {
        try {
            return Math.multiplyExact(shape.elements(), (long) dtype.bytes());
        } catch (ArithmeticException e) {
            throw new DataException(
                    "tensor '" + name + "' " + dtype + " " + shape + ": more bytes than 63 bits can count");
        }
    }

    private static <A> A requireLength(HostTensor tensor, A values, int length) {
        if (length != tensor.elements()) {
            throw new IllegalArgumentException(
                    "tensor '" + tensor.name + "' " + tensor.shape + ": " + length + " values given");
        }
        return values;
    }

    @Override
    public String toString() {
        return "tensor '" + name + "' " + dtype.suffix() + " " + shape;
    }
}
