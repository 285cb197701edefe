package dev.sagitta.io.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.data.TextData;
import dev.sagitta.io.array.IdxFile;
import dev.sagitta.io.array.IdxFileTest;
import dev.sagitta.io.array.NpyFile;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
final class SourceFileTest {
    @TempDir
    Path folder;

    private Path pipe() throws Exception {
        Path pipe = folder.resolve("pipe");
        try {
            Assumptions.assumeTrue(
                    new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0, "mkfifo");
        } catch (IOException e) {
            Assumptions.abort("no mkfifo");
        }
        return pipe;
    }

    /** Reads a pipe while another thread writes to it. */
    private static <T> T piped(Path pipe, byte[] bytes, Callable<T> read) throws Exception {
        CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
            try {
                Files.write(pipe, bytes, StandardOpenOption.WRITE);
            } catch (IOException readerLeft) {
                // the test of the limit
            }
        });
        T result = read.call();
        writer.get(30, TimeUnit.SECONDS);
        return result;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 100_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000})
    void aPipeIsReadToItsEnd(int length) throws Exception {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        byte[] read = piped(pipe(), bytes, () -> {
            try (SourceFile file = SourceFile.open(folder.resolve("pipe"))) {
                byte[] all = new byte[(int) file.size()];
                file.bytes(0, all.length).get(all);
                if (length > 10) {
                    byte[] some = new byte[7];
                    file.bytes(length - 9, 7).get(some);
                    assertThat(some).isEqualTo(java.util.Arrays.copyOfRange(bytes, length - 9, length - 2));
                }
                return all;
            }
        });
        assertThat(read).isEqualTo(bytes);
    }

    @Test
    void aPipeWithoutEndIsCutOff() throws Exception {
        Path pipe = pipe();
        piped(pipe, new byte[3_000_000], () -> {
            assertThatThrownBy(() -> SourceFile.open(pipe, 2_000_000))
                    .isInstanceOf(DataException.class)
                    .hasMessage("cannot read " + pipe
                            + ": more than 2000000 bytes from a pipe; write its contents to a file first");
            return null;
        });
    }

    /** The bytes of a file of each format, and its reader. */
    @Test
    void everyReaderTakesAPipe() throws Exception {
        Path pipe = pipe();
        Path file = folder.resolve("file");
        NpyFile.write(file, HostTensor.of("x", Shape.of(3), 1f, 2f, 3f));
        assertThat(piped(pipe, Files.readAllBytes(file), () -> NpyFile.read(pipe)
                        .toF32("x")
                        .toFloats()))
                .containsExactly(1, 2, 3);
        SafetensorsFile.write(file, java.util.Map.of(), List.of(HostTensor.of("x", Shape.of(2), 4f, 5f)));
        float[] tensor = piped(pipe, Files.readAllBytes(file), () -> {
            try (SafetensorsFile open = SafetensorsFile.open(pipe)) {
                return open.tensor("x").toFloats();
            }
        });
        assertThat(tensor).containsExactly(4, 5);
        byte[] idx = IdxFileTest.idx(8, new int[] {3}, 3);
        assertThat(piped(pipe, idx, () -> IdxFile.read(pipe).shape())).isEqualTo(Shape.of(3));
        assertThat(piped(pipe, IdxFileTest.gzip(idx), () -> IdxFile.read(pipe).shape()))
                .isEqualTo(Shape.of(3));
        assertThat(piped(pipe, "abcab".getBytes(), () -> TextData.read(List.of(pipe))
                        .length()))
                .isEqualTo(5);
        assertThat(piped(pipe, "{\"a\": 1}".getBytes(), () -> JsonInput.file(pipe)
                        .integer("a", 0, 9)))
                .isEqualTo(1);
    }

    private static final List<Consumer<Path>> READERS = List.of(
            NpyFile::read,
            path -> SafetensorsFile.open(path).close(),
            IdxFile::read,
            path -> TextData.read(List.of(path)),
            JsonInput::file);

    @Test
    void whatIsNoFileIsNamedByEveryReader() throws Exception {
        Path circle = Files.createSymbolicLink(folder.resolve("circle"), Path.of("circle"));
        Path inFile = Files.writeString(folder.resolve("f"), "x").resolve("g");
        Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), Path.of("nowhere"));
        for (Consumer<Path> reader : READERS) {
            assertNamed(reader, folder, "it is a folder, expected a file");
            assertNamed(reader, folder.resolve("absent"), "no such file");
            assertNamed(reader, dangling, "no such file");
            assertNamed(reader, circle, "");
            assertNamed(reader, inFile, "");
            assertNamed(reader, Path.of("/dev/null"), "it is a device");
            Path secret = Files.writeString(folder.resolve("secret"), "x");
            if (secret.toFile().setReadable(false) && !Files.isReadable(secret)) {
                assertNamed(reader, secret, "permission denied");
            }
        }
    }

    private static void assertNamed(Consumer<Path> reader, Path path, String message) {
        assertThatThrownBy(() -> reader.accept(path))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith("cannot read " + path + ": " + message);
    }

    /** Sparse files: their sizes are more than one buffer takes. */
    @Test
    void moreThanTwoGibibytesAreRefusedByEveryReader() throws Exception {
        Path large = folder.resolve("large");
        byte[] npy = npyHeader(3L << 30);
        byte[][] starts = {npy, {0, 0, 0, 0, 0, 0, 0, 1, '{'}, {0, 0, 8, 1, (byte) 0xc0, 0, 0, 0}, {}, {'{', '}'}};
        for (int i = 0; i < starts.length; i++) {
            try (RandomAccessFile file = new RandomAccessFile(large.toFile(), "rw")) {
                file.setLength(0);
                file.write(starts[i]);
                file.setLength((3L << 30) + (i == 0 ? npy.length : i == 2 ? 8 : 0));
            }
            Consumer<Path> reader = READERS.get(i);
            assertThatThrownBy(() -> reader.accept(large))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(large.toString())
                    .message()
                    .matches("\\P{Cntrl}*");
        }
    }

    private static byte[] npyHeader(long bytes) {
        String header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + bytes + ",), }\n";
        ByteBuffer out = ByteBuffer.allocate(10 + header.length()).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        out.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}).putShort((short) header.length());
        return out.put(header.getBytes()).array();
    }
}
