package dev.sagitta.io.array;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.io.file.DataException;
import dev.sagitta.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

public final class IdxFileTest {
    @TempDir
    Path folder;

    /** The header and the data of an IDX file. */
    public static byte[] idx(int type, int[] extents, int dataBytes) {
        ByteBuffer out = ByteBuffer.allocate(4 + 4 * extents.length + dataBytes);
        out.put((byte) 0).put((byte) 0).put((byte) type).put((byte) extents.length);
        Arrays.stream(extents).forEach(out::putInt);
        for (int i = 0; i < dataBytes; i++) {
            out.put((byte) (i % 251));
        }
        return out.array();
    }

    public static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    private Path write(byte[] bytes, boolean compressed) throws IOException {
        return Files.write(folder.resolve("images"), compressed ? gzip(bytes) : bytes);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void plainAndCompressedAreReadAlike(boolean compressed) throws IOException {
        IdxFile file = IdxFile.read(write(idx(8, new int[] {700, 10, 20}, 140_000), compressed));
        assertThat(file.shape()).isEqualTo(Shape.of(700, 10, 20));
        assertThat(file.data().remaining()).isEqualTo(140_000);
        assertThat(file.data().get(139_999)).isEqualTo((byte) (139_999 % 251));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void malformedFilesAreNamed(boolean compressed) throws IOException {
        expect(
                idx(8, new int[] {3, 4}, 11),
                compressed,
                "shape [3, 4] takes 12 bytes, the file holds 11; it is cut short");
        expect(idx(8, new int[] {3, 4}, 13), compressed, "shape [3, 4] takes 12 bytes, the file");
        expect(idx(8, new int[] {-1, -1, -1}, 13), compressed, "takes more than 2147483647 bytes");
        expect(
                idx(8, new int[] {60_000, 28, 28}, 13),
                compressed,
                "shape [60000, 28, 28] takes 47040000 bytes, the file");
        expect(idx(13, new int[] {3}, 12), compressed, "element type 13");
        expect(idx(8, new int[] {1, 1, 1, 1, 1}, 1), compressed, "IDX rank 5");
        expect(idx(8, new int[] {}, 0), compressed, "IDX rank 0");
        expect(Arrays.copyOf(idx(8, new int[] {3, 4}, 12), 10), compressed, "ends within the IDX header");
        expect(new byte[] {1, 2, 3, 4}, compressed, "not an IDX file");
        expect(new byte[0], compressed, "not an IDX file");
    }

    @Test
    void aDecompressionBombStopsAtThePromise() throws IOException {
        byte[] bomb = new byte[50_000_000];
        System.arraycopy(idx(8, new int[] {10}, 0), 0, bomb, 0, 8);
        expect(bomb, true, "takes 10 bytes, the file goes on after them");
    }

    @Test
    void compressedDataCutShortOrDamagedIsNamed() throws IOException {
        byte[] whole = gzip(idx(8, new int[] {1000}, 1000));
        Path path = folder.resolve("images");
        Files.write(path, Arrays.copyOf(whole, whole.length / 2));
        assertThatThrownBy(() -> IdxFile.read(path))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cut short");
        Files.write(path, Arrays.copyOf(whole, 5));
        assertThatThrownBy(() -> IdxFile.read(path)).isInstanceOf(DataException.class);
        whole[whole.length - 6] ^= 1; // the check sum
        Files.write(path, whole);
        assertThatThrownBy(() -> IdxFile.read(path))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("gzip");
    }

    private void expect(byte[] bytes, boolean compressed, String message) throws IOException {
        Path path = write(bytes, compressed);
        assertThatThrownBy(() -> IdxFile.read(path))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(path.toString())
                .hasMessageContaining(message);
    }
}
