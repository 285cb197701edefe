package dev.sagitta.io.array;

import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.file.SourceFile;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * An array in numpy's npy format, versions 1 to 3, C order: floating point, integers of any size and sign, and truth values. Little-endian;
 * a big-endian array is turned when it is read. Format: numpy.lib.format.
 *
 * @param file name for errors
 * @param data all elements, little-endian, from position 0
 */
public record NpyFile(String file, Element element, Shape shape, ByteBuffer data) {
    /** numpy itself refuses headers above 10 000 characters unless told otherwise. */
    private static final int LONGEST_HEADER = 1 << 16;

    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int ALIGNMENT = 64;

    /** Element types that are read and written. */
    public enum Element {
        F16("<f2", 2, DType.F16),
        F32("<f4", 4, DType.F32),
        F64("<f8", 8, null),
        I8("|i1", 1, null),
        I16("<i2", 2, null),
        I32("<i4", 4, DType.I32),
        I64("<i8", 8, DType.I64),
        U8("|u1", 1, DType.U8),
        U16("<u2", 2, null),
        U32("<u4", 4, DType.U32),
        U64("<u8", 8, null),
        BOOL("|b1", 1, null);

        private final String descr;
        private final int bytes;
        private final DType dtype;

        Element(String descr, int bytes, DType dtype) {
            this.descr = descr;
            this.bytes = bytes;
            this.dtype = dtype;
        }

        public String descr() {
            return descr;
        }

        public boolean isFloat() {
            return this == F16 || this == F32 || this == F64;
        }

        /** The i-th number of an array that is not floating point; of U64, one above 2^63 comes out negative. */
        private long integer(ByteBuffer data, int i) {
            return switch (this) {
                case I8 -> data.get(i);
                case I16 -> data.getShort(2 * i);
                case I32 -> data.getInt(4 * i);
                case I64, U64 -> data.getLong(8 * i);
                case U8 -> Byte.toUnsignedInt(data.get(i));
                case U16 -> Short.toUnsignedInt(data.getShort(2 * i));
                case U32 -> Integer.toUnsignedLong(data.getInt(4 * i));
                case BOOL -> data.get(i) == 0 ? 0 : 1;
                default -> throw new IllegalStateException(this + " holds no integers");
            };
        }
    }

    /** @throws DataException naming the file and what is wrong with it */
    public static NpyFile read(Path path) {
        try (SourceFile source = SourceFile.open(path)) {
            return read(source);
        }
    }

    private static NpyFile read(SourceFile source) {
        String file = source.path().toString();
        long size = source.size();
        if (size < 10) {
            throw new DataException(file + ": " + size + " bytes, too short for an npy file");
        }
        ByteBuffer start = source.bytes(0, Math.min(12, size));
        for (int i = 0; i < MAGIC.length; i++) {
            if (start.get(i) != MAGIC[i]) {
                throw new DataException(
                        file + ": not an npy file (it does not begin with \\x93NUMPY); save it with numpy.save");
            }
        }
        int version = start.get(6);
        if (version < 1 || version > 3 || start.get(7) != 0 || (version > 1 && size < 12)) {
            throw new DataException(
                    file + ": npy version " + version + "." + start.get(7) + ", expected 1.0, 2.0 or 3.0");
        }
        int headerStart = version == 1 ? 10 : 12;
        long length = version == 1 ? Short.toUnsignedLong(start.getShort(8)) : Integer.toUnsignedLong(start.getInt(8));
        if (length > LONGEST_HEADER || length > size - headerStart) {
            throw new DataException(file + ": npy header length is " + length + ", the file holds "
                    + (size - headerStart) + " bytes after it (at most " + LONGEST_HEADER + " is read)");
        }
        byte[] text = new byte[(int) length];
        source.bytes(headerStart, length).get(text);
        NpyHeader header = NpyHeader.parse(new String(text, StandardCharsets.ISO_8859_1), file);
        return body(source, header, headerStart + length);
    }

    private static NpyFile body(SourceFile source, NpyHeader header, long dataStart) {
        String file = source.path().toString();
        Element element = element(header.descr(), file);
        Shape shape;
        long bytes;
        try {
            shape = Shape.of(header.shape());
            bytes = Math.multiplyExact(shape.elements(), (long) element.bytes);
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new DataException(
                    file + ": shape " + Arrays.toString(header.shape()) + " has more bytes than 63 bits can count", e);
        }
        long present = source.size() - dataStart;
        if (bytes != present) {
            throw new DataException(
                    file + ": " + element.descr + " " + shape + " takes " + bytes + " bytes, the file holds " + present
                            + (present < bytes ? "; it is cut short" : "; something follows the array"));
        }
        long longAxes =
                Arrays.stream(header.shape()).filter(extent -> extent > 1).count();
        if (header.fortranOrder() && longAxes > 1) {
            throw new DataException(
                    file + ": the array is in Fortran order; save numpy.ascontiguousarray(array) instead");
        }
        ByteBuffer data = source.bytes(dataStart, bytes);
        return new NpyFile(file, element, shape, header.descr().startsWith(">") ? turned(data, element.bytes) : data);
    }

    /** A copy with the bytes of each element in the opposite order. */
    private static ByteBuffer turned(ByteBuffer data, int width) {
        ByteBuffer copy = ByteBuffer.allocateDirect(data.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer from = data.duplicate().order(ByteOrder.BIG_ENDIAN);
        while (from.hasRemaining()) {
            switch (width) {
                case 2 -> copy.putShort(from.getShort());
                case 4 -> copy.putInt(from.getInt());
                case 8 -> copy.putLong(from.getLong());
                default -> copy.put(from.get());
            }
        }
        return copy.flip();
    }

    private static Element element(String descr, String file) {
        for (Element element : Element.values()) {
            String orders = element.bytes == 1 ? "|<>" : "<>";
            if (!descr.isEmpty()
                    && orders.indexOf(descr.charAt(0)) >= 0
                    && descr.substring(1).equals(element.descr.substring(1))) {
                return element;
            }
        }
        String known = Arrays.toString(
                Arrays.stream(Element.values()).map(Element::descr).toArray());
        throw new DataException(file + ": dtype '" + descr + "' is not supported; known: " + known
                + "; save array.astype('<f4') or, of labels and ids, array.astype('<i4')");
    }

    /** fp32: itself or converted (rounded from fp64, where too large numbers become infinite). */
    public HostTensor toF32(String name) {
        if (element.dtype != null && element.dtype.isFloat()) {
            return new HostTensor(name, element.dtype, shape, data.duplicate()).toF32();
        }
        if (element != Element.F64) {
            throw new DataException(file + ": dtype '" + element.descr
                    + "', expected floating point ('<f4', '<f8' or '<f2'); save array.astype('<f4')");
        }
        HostTensor result = HostTensor.allocate(name, DType.F32, shape);
        ByteBuffer out = result.bytes();
        for (int i = 0; i < (int) shape.elements(); i++) {
            out.putFloat((float) data.getDouble(8 * i));
        }
        return result;
    }

    /** int32: itself or converted from any integers or truth values (0 and 1); an element that does not fit is an error. */
    public HostTensor toI32(String name) {
        if (element == Element.I32) {
            return new HostTensor(name, DType.I32, shape, data.duplicate());
        }
        if (element.isFloat()) {
            throw new DataException(
                    file + ": dtype '" + element.descr + "', expected integers; save array.astype('<i4')");
        }
        HostTensor result = HostTensor.allocate(name, DType.I32, shape);
        ByteBuffer out = result.bytes();
        for (int i = 0; i < (int) shape.elements(); i++) {
            long value = element.integer(data, i);
            if (value != (int) value || (element == Element.U64 && value < 0)) {
                throw new DataException(
                        file + ": " + (element == Element.U64 ? Long.toUnsignedString(value) : Long.toString(value))
                                + " at " + HostTensor.position(shape, i) + " does not fit int32");
            }
            out.putInt((int) value);
        }
        return result;
    }

    /** Writes version 1.0, whole or not at all. */
    public static void write(Path path, HostTensor tensor) {
        for (Element element : Element.values()) {
            if (element.dtype == tensor.dtype()) {
                write(path, element, tensor.shape(), tensor.bytes());
                return;
            }
        }
        throw new IllegalArgumentException(path + ": " + tensor + " cannot be written as npy; convert it to F32 first");
    }

    /** @param data little-endian elements, all that remains of the buffer */
    public static void write(Path path, Element element, Shape shape, ByteBuffer data) {
        if (data.remaining() != shape.elements() * element.bytes) {
            throw new IllegalArgumentException(
                    path + ": " + data.remaining() + " bytes given for " + element.descr + " " + shape);
        }
        StringBuilder extents = new StringBuilder();
        for (long extent : shape.toArray()) {
            extents.append(extent).append(", ");
        }
        String tuple = shape.rank() == 1
                ? extents.toString().strip()
                : extents.substring(0, Math.max(0, extents.length() - 2));
        String header = "{'descr': '" + element.descr + "', 'fortran_order': False, 'shape': (" + tuple + "), }";
        int length = (10 + header.length() + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - 10;
        ByteBuffer head = ByteBuffer.allocate(10 + length).order(ByteOrder.LITTLE_ENDIAN);
        head.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) length);
        head.put((header + " ".repeat(length - header.length() - 1) + "\n").getBytes(StandardCharsets.ISO_8859_1));
        try (AtomicFile out = AtomicFile.create(path)) {
            out.write(head.flip());
            out.write(data.duplicate());
            out.commit();
        }
    }
}
