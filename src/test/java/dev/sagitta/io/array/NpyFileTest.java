package dev.sagitta.io.array;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class NpyFileTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(NpyFile.Element.class)
    void everyTypeAndRankComesBackAsItWas(NpyFile.Element element) {
        for (long[] extents : new long[][] {{}, {5}, {2, 3}, {2, 1, 4}, {0, 3}}) {
            Path path = folder.resolve("array.npy");
            Shape shape = Shape.of(extents);
            int width = Integer.parseInt(element.descr().substring(2));
            ByteBuffer data = ByteBuffer.allocate((int) shape.elements() * width);
            for (int i = 0; i < data.capacity(); i++) {
                data.put(i, (byte) (i % width == width - 1 ? 0x3f : i));
            }
            NpyFile.write(path, element, shape, data);
            NpyFile read = NpyFile.read(path);
            assertThat(read.element()).isEqualTo(element);
            assertThat(read.shape()).isEqualTo(shape);
            assertThat(read.data()).isEqualTo(data);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void everyVersionIsRead(int version) throws IOException {
        Path path = npy(version, "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", 8);
        assertThat(NpyFile.read(path).toI32("x").shape()).isEqualTo(Shape.of(2));
    }

    @Test
    void conversionsAreExactOrRefused() {
        Path path = folder.resolve("x.npy");
        NpyFile.write(path, HostTensor.of("x", Shape.of(3), 1L, -100L, 1L << 31));
        assertThatThrownBy(() -> NpyFile.read(path).toI32("x"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("2147483648 at [2]");
        assertThatThrownBy(() -> NpyFile.read(path).toF32("x"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("floating point");
        NpyFile.write(path, HostTensor.of("x", Shape.of(2), 1L, -100L));
        assertThat(NpyFile.read(path).toI32("x")).isEqualTo(HostTensor.of("x", Shape.of(2), 1, -100));
        ByteBuffer doubles = ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putDouble(0.1)
                .putDouble(-3);
        NpyFile.write(path, NpyFile.Element.F64, Shape.of(2), doubles.flip());
        assertThat(NpyFile.read(path).toF32("x").toFloats()).containsExactly(0.1f, -3f);
        assertThatThrownBy(() -> NpyFile.read(path).toI32("x")).hasMessageContaining("expected integers");
        HostTensor halves = HostTensor.of("x", Shape.of(3), 1f, 0.5f, -65504f).convert(DType.F16);
        NpyFile.write(path, halves);
        assertThat(NpyFile.read(path).toF32("x").toFloats()).containsExactly(1f, 0.5f, -65504f);
    }

    static Stream<Arguments> integers() {
        return Stream.of(
                Arguments.of("|i1", "80 ff 00 7f", new int[] {-128, -1, 0, 127}),
                Arguments.of("|u1", "00 ff", new int[] {0, 255}),
                Arguments.of(">u1", "00 ff", new int[] {0, 255}),
                Arguments.of("|b1", "00 01 01", new int[] {0, 1, 1}),
                Arguments.of("<i2", "00 80 ff ff 02 01", new int[] {-32768, -1, 258}),
                Arguments.of(">i2", "80 00 ff ff 01 02", new int[] {-32768, -1, 258}),
                Arguments.of("<u2", "ff ff 02 01", new int[] {65535, 258}),
                Arguments.of(">u2", "ff ff 01 02", new int[] {65535, 258}),
                Arguments.of("<u4", "ff ff ff 7f 02 01 00 00", new int[] {Integer.MAX_VALUE, 258}),
                Arguments.of(">i4", "ff ff ff fe 00 00 01 02", new int[] {-2, 258}),
                Arguments.of("<u8", "02 01 00 00 00 00 00 00", new int[] {258}),
                Arguments.of(">i8", "ff ff ff ff ff ff ff 9c", new int[] {-100}));
    }

    /** Bytes as numpy writes them. */
    @ParameterizedTest
    @MethodSource("integers")
    void integersOfEverySizeAndOrderAreRead(String descr, String hex, int[] values) throws IOException {
        HostTensor read = NpyFile.read(npy(descr, values.length, hex)).toI32("x");
        assertThat(read).isEqualTo(HostTensor.of("x", Shape.of(values.length), values));
    }

    @Test
    void integersBeyond31BitsAreNamed() throws IOException {
        Object[][] cases = {
            {"<u4", "00 00 00 80", "2147483648 at [0]"},
            {"<u8", "ff ff ff ff ff ff ff ff", "18446744073709551615 at [0]"},
            {">i8", "80 00 00 00 00 00 00 00", "-9223372036854775808 at [0]"},
        };
        for (Object[] bad : cases) {
            Path path = npy((String) bad[0], 1, (String) bad[1]);
            assertThatThrownBy(() -> NpyFile.read(path).toI32("x"))
                    .isInstanceOf(DataException.class)
                    .hasMessage(path + ": " + bad[2] + " does not fit int32");
        }
    }

    @Test
    void bigEndianFloatsAreTurned() throws IOException {
        assertThat(NpyFile.read(npy(">f4", 2, "3f 80 00 00 c0 20 00 00"))
                        .toF32("x")
                        .toFloats())
                .containsExactly(1f, -2.5f);
        assertThat(NpyFile.read(npy(">f8", 1, "c0 04 00 00 00 00 00 00"))
                        .toF32("x")
                        .toFloats())
                .containsExactly(-2.5f);
        assertThat(NpyFile.read(npy(">f2", 1, "3c 00")).toF32("x").toFloats()).containsExactly(1f);
    }

    private Path npy(String descr, int elements, String hex) throws IOException {
        byte[] data = HexFormat.ofDelimiter(" ").parseHex(hex);
        Path path = npy(
                1, "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + elements + ",), }", data.length);
        byte[] bytes = Files.readAllBytes(path);
        System.arraycopy(data, 0, bytes, bytes.length - data.length, data.length);
        return Files.write(path, bytes);
    }

    static Stream<Arguments> malformed() {
        String good = "'descr': '<f4', 'fortran_order': False, ";
        return Stream.of(
                Arguments.of(
                        "{" + good + "'shape': (3, 2), }",
                        23,
                        "<f4 [3, 2] takes 24 bytes, the file holds 23; it is cut short"),
                Arguments.of("{" + good + "'shape': (3, 2), }", 25, "something follows"),
                Arguments.of(
                        "{" + good + "'shape': (1000000000000, 2), }",
                        8,
                        "takes 8000000000000 bytes, the file holds 8"),
                Arguments.of("{" + good + "'shape': (4611686018427387904, 4), }", 8, "63 bits"),
                Arguments.of("{" + good + "'shape': (4611686018427387904,), }", 8, "63 bits"),
                Arguments.of("{" + good + "'shape': (99999999999999999999,), }", 8, "below 2^63"),
                Arguments.of("{" + good + "'shape': (-1,), }", 8, "expected an extent"),
                Arguments.of("{" + good + "'shape': (1,2), 'shape': (1,), }", 8, "stands twice"),
                Arguments.of("{" + good + "'shape': 3, }", 8, "expected '('"),
                Arguments.of("{" + good + "}", 8, "'shape' is missing"),
                Arguments.of("{" + good + "'shape': (2,)} x", 8, "something follows"),
                Arguments.of("{" + good + "'more': (2,)}", 8, "unknown key 'more'"),
                Arguments.of(
                        "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1, 3), }", 24, "numpy.ascontiguousarray"),
                Arguments.of(
                        "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }",
                        8,
                        "save array.astype('<f4') or, of labels and ids, array.astype('<i4')"),
                Arguments.of("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }", 8, "'<M8[ns]'"),
                Arguments.of("{'descr': '', 'fortran_order': False, 'shape': (1,), }", 8, "dtype ''"),
                Arguments.of("{'descr': '|f4', 'fortran_order': False, 'shape': (2,), }", 8, "dtype '|f4'"),
                Arguments.of(
                        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
                        8,
                        "dtype '|O' is not supported; known"),
                Arguments.of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "named fields"),
                Arguments.of("{'descr': '<f4', 'fortran_order': 1, 'shape': (2,), }", 8, "True or False"),
                Arguments.of("{'descr': '<f4", 8, "quoted string"),
                Arguments.of("", 8, "expected '{'"));
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void aMalformedFileIsNamed(String header, int dataBytes, String message) throws IOException {
        Path path = npy(1, header, dataBytes);
        assertThatThrownBy(() -> NpyFile.read(path))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(path.toString())
                .hasMessageContaining(message)
                .message()
                .matches("\\P{Cntrl}*");
    }

    @Test
    void fortranOrderOfOneAxisIsTheSameArray() throws IOException {
        Path path = npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 1), }", 12);
        assertThat(NpyFile.read(path).shape()).isEqualTo(Shape.of(3, 1));
    }

    @Test
    void whatIsNoNpyFileIsNamed() throws IOException {
        Path path = folder.resolve("x.npy");
        Files.write(path, new byte[9]);
        assertThatThrownBy(() -> NpyFile.read(path)).hasMessageContaining("9 bytes, too short");
        Files.writeString(path, "1,2,3\n4,5,6\n");
        assertThatThrownBy(() -> NpyFile.read(path)).hasMessageContaining("not an npy file");
        Path version9 = npy(9, "{}", 0);
        assertThatThrownBy(() -> NpyFile.read(version9)).hasMessageContaining("version 9.0");
        byte[] bytes = Files.readAllBytes(npy(2, "{}", 0));
        ByteBuffer.wrap(bytes).putInt(8, -1);
        Files.write(path, bytes);
        assertThatThrownBy(() -> NpyFile.read(path)).hasMessageContaining("header length is 4294967295");
    }

    private Path npy(int version, String header, int dataBytes) throws IOException {
        Path path = folder.resolve("in.npy");
        byte[] text = (header + "\n").getBytes(StandardCharsets.ISO_8859_1);
        int width = version == 1 ? 2 : 4;
        ByteBuffer out =
                ByteBuffer.allocate(8 + width + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        out.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        if (version == 1) {
            out.putShort((short) text.length);
        } else {
            out.putInt(text.length);
        }
        out.put(text);
        return Files.write(path, out.array());
    }
}
