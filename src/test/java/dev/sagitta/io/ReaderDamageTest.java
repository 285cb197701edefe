package dev.sagitta.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;

import dev.sagitta.data.TextData;
import dev.sagitta.io.array.NpyFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Small files of every kind that tells of itself in its first bytes: each byte replaced by what means something there, each end cut off. */
final class ReaderDamageTest {
    private static final byte[] MEANINGFUL = {
        0,
        (byte) 0xff,
        (byte) 0xfe,
        (byte) 0xef,
        (byte) 0xbb,
        (byte) 0xbf,
        '<',
        '>',
        '|',
        '=',
        'b',
        'u',
        'f',
        '0',
        '8',
        '\'',
        '{'
    };

    @TempDir
    static Path folder;

    static Stream<Arguments> readers() {
        Consumer<Path> numbers = file -> {
            NpyFile read = NpyFile.read(file);
            if (read.element().isFloat()) {
                read.toF32("x");
            } else {
                read.toI32("x");
            }
        };
        Consumer<Path> text = file -> TextData.read(List.of(file));
        return Stream.of(
                Arguments.of("npy >i2", npy(">i2", 8), numbers),
                Arguments.of("npy <u8", npy("<u8", 32), numbers),
                Arguments.of("npy |b1", npy("|b1", 4), numbers),
                Arguments.of("npy >f8", npy(">f8", 32), numbers),
                Arguments.of("marked text", "\ufeffab\u00e9\ud83d\ude00".getBytes(StandardCharsets.UTF_8), text),
                Arguments.of("UTF-16", "\ufeffab".getBytes(StandardCharsets.UTF_16LE), text),
                Arguments.of("UTF-32", new byte[] {0, 0, (byte) 0xfe, (byte) 0xff, 0, 0, 0, 'a'}, text),
                Arguments.of("marked JSON", "\ufeff{\"a\": 1}".getBytes(StandardCharsets.UTF_8), (Consumer<Path>)
                        JsonInput::file));
    }

    /** Four elements, all bytes 1. */
    private static byte[] npy(String descr, int bytes) {
        byte[] header = ("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (4,), }\n")
                .getBytes(StandardCharsets.US_ASCII);
        ByteBuffer out = ByteBuffer.allocate(10 + header.length + bytes).order(ByteOrder.LITTLE_ENDIAN);
        out.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}).putShort((short) header.length);
        out.put(header);
        Arrays.fill(out.array(), out.position(), out.capacity(), (byte) (bytes == 32 && descr.contains("u8") ? 0 : 1));
        return out.array();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("readers")
    void damageIsReadOrRefused(String name, byte[] good, Consumer<Path> read) throws IOException {
        int refused = 0;
        for (int at = 0; at < good.length; at++) {
            refused += read(Arrays.copyOf(good, at), read);
            for (byte value : MEANINGFUL) {
                byte[] bytes = good.clone();
                bytes[at] = value;
                refused += read(bytes, read);
            }
        }
        assertThat(refused).as(name).isGreaterThan(good.length / 2);
    }

    private static int read(byte[] bytes, Consumer<Path> read) throws IOException {
        Path file = Files.write(folder.resolve("damaged"), bytes);
        try {
            read.accept(file);
            return 0;
        } catch (DataException e) {
            assertThat(e.getMessage()).contains(file.toString()).doesNotContainPattern("\\p{Cntrl}");
            return 1;
        } catch (RuntimeException e) {
            return fail(HexFormat.of().formatHex(bytes), e);
        }
    }
}
