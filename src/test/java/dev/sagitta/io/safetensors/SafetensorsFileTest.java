package dev.sagitta.io.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

final class SafetensorsFileTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(DType.class)
    void everyTypeComesBackAsItWas(DType dtype) {
        Path path = folder.resolve("all.safetensors");
        HostTensor tensor = HostTensor.allocate("odd name \"\u00e9\"", dtype, Shape.of(3, 1, 5));
        ByteBuffer bytes = tensor.bytes();
        while (bytes.hasRemaining()) {
            bytes.put((byte) (7 * bytes.position() + 1));
        }
        HostTensor scalar = HostTensor.of("scalar", Shape.of(), 2.5f);
        HostTensor empty = HostTensor.allocate("empty", dtype, Shape.of(0, 4));
        SafetensorsFile.write(path, Map.of("key", "line\nend"), List.of(scalar, tensor, empty));

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.metadata()).containsExactly(Map.entry("key", "line\nend"));
            assertThat(file.names()).containsExactlyInAnyOrder(tensor.name(), "scalar", "empty");
            assertThat(file.tensor(tensor.name())).isEqualTo(tensor);
            assertThat(file.tensor("scalar").floatAt(0)).isEqualTo(2.5f);
            assertThat(file.tensor("empty").shape()).isEqualTo(Shape.of(0, 4));
        }
    }

    @Test
    void largeTensorsAreMappedAndOutliveTheFile() {
        Path path = folder.resolve("large.safetensors");
        float[] values = new float[600_000];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        SafetensorsFile.write(path, Map.of(), List.of(HostTensor.of("w", Shape.of(values.length), values)));
        HostTensor read;
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            read = file.tensor("w");
        }
        assertThat(read.bytes().isDirect()).isTrue();
        assertThat(read.toFloats()).isEqualTo(values);
    }

    @Test
    void tensorsAreAlignedToTheirType() throws IOException {
        Path path = folder.resolve("aligned.safetensors");
        SafetensorsFile.write(
                path,
                Map.of(),
                List.of(HostTensor.of("bytes", Shape.of(3), new byte[3]), HostTensor.of("longs", Shape.of(2), 1L, 2L)));
        byte[] all = Files.readAllBytes(path);
        long header = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).getLong();
        assertThat(header % 8).isZero();
        assertThat(ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).getLong((int) header + 16))
                .isEqualTo(2);
    }

    static Stream<Arguments> malformed() {
        String f32 = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]";
        return Stream.of(
                Arguments.of("{\"a\":{" + f32 + "},\"a\":{" + f32 + "}}", 8, "Duplicate field 'a'"),
                Arguments.of("{\"a\":{" + f32 + "}}", 7, "truncated"),
                Arguments.of("{\"a\":{" + f32 + "}}", 9, "holds 9 bytes of data, its tensors take 8"),
                Arguments.of(
                        "{\"a\":{" + f32 + "},\"b\":{" + f32 + "}}",
                        8,
                        "tensor 'b' begins at byte 0 of the data, overlapping"),
                Arguments.of(
                        "{\"a\":{" + f32 + "},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9,10]}}",
                        10,
                        "leaving a hole"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "expected [begin, end]"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, "expected [begin, end]"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8, "more than 2 numbers"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "-2 is out of range"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,8]}}", 8, "found a fraction"),
                Arguments.of("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "takes 12 bytes"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"Q7\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                        8,
                        "dtype 'Q7' is not supported; known"),
                Arguments.of("{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "expected a string"),
                Arguments.of("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "field 'dtype' is missing"),
                Arguments.of("{\"a\":{" + f32 + ",\"x\":1}}", 8, "unknown field 'x'"),
                Arguments.of("{\"a\":{" + f32 + ",\"dtype\":\"F32\"}}", 8, "Duplicate field 'dtype'"),
                Arguments.of("{\"a\":[]}", 0, "expected an object"),
                Arguments.of("{\"__metadata__\":{\"k\":1}}", 0, "expected a string"),
                Arguments.of("{} {}", 0, "something follows"),
                Arguments.of("{\"a\":{", 0, "malformed JSON"),
                Arguments.of("[]", 0, "does not begin with '{'"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}",
                        8,
                        "63 bits"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,8]}}",
                        8,
                        "63 bits"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}",
                        8,
                        "out of range"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0,9223372036854775807,2],\"data_offsets\":[0,0]}}",
                        0,
                        "63 bits"),
                Arguments.of("{\"a\":" + "[".repeat(100_000), 0, "expected an object"),
                Arguments.of("{\"" + "a".repeat(100_000) + "\":1}", 0, "Name length"),
                Arguments.of("{\"a\u001b[31m\":1}", 0, "malformed JSON"));
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void aMalformedHeaderIsNamed(String json, int dataBytes, String message) throws IOException {
        byte[] text = json.getBytes(StandardCharsets.UTF_8);
        Path path = write(text.length, text, dataBytes);
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(message)
                .hasMessageStartingWith(path.toString())
                .message()
                .matches("\\P{Cntrl}*");
    }

    @Test
    void aFalseHeaderLengthIsRejectedBeforeAllocation() throws IOException {
        byte[] json = "{}".getBytes(StandardCharsets.UTF_8);
        for (long length : new long[] {3, 100_000, Integer.MAX_VALUE, Long.MAX_VALUE, Long.MIN_VALUE, -1, 0, 1}) {
            Path path = write(length, json, 0);
            assertThatThrownBy(() -> SafetensorsFile.open(path))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("header length is " + Long.toUnsignedString(length));
        }
    }

    @Test
    void shortFilesFoldersAndAbsentFilesAreNamed() throws IOException {
        Path path = folder.resolve("short");
        Files.write(path, new byte[9]);
        assertThatThrownBy(() -> SafetensorsFile.open(path)).hasMessageContaining("9 bytes, too short");
        Files.write(path, new byte[0]);
        assertThatThrownBy(() -> SafetensorsFile.open(path)).hasMessageContaining("0 bytes, too short");
        assertThatThrownBy(() -> SafetensorsFile.open(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("is a folder");
        assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("absent")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no such file");
    }

    @Test
    void twoTensorsOfOneNameAreNotWritten() {
        Path path = folder.resolve("twice");
        HostTensor tensor = HostTensor.of("a", Shape.of(1), 1f);
        assertThatThrownBy(() -> SafetensorsFile.write(path, Map.of(), List.of(tensor, tensor)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'a'");
        assertThat(folder).isEmptyDirectory();
    }

    private Path write(long headerLength, byte[] json, int dataBytes) throws IOException {
        Path path = folder.resolve("malformed.safetensors");
        try (OutputStream out = Files.newOutputStream(path)) {
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(headerLength)
                    .array());
            out.write(json);
            out.write(new byte[dataBytes]);
        }
        return path;
    }
}
