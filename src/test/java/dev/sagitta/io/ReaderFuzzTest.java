package dev.sagitta.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.sagitta.data.Data;
import dev.sagitta.data.TextData;
import dev.sagitta.io.array.IdxFile;
import dev.sagitta.io.array.IdxFileTest;
import dev.sagitta.io.array.NpyFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.CheckpointTest;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.model.ModelSpecTest;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Thousands of damaged files per reader: each is read, or refused by a {@link DataException}, in little time and memory. */
final class ReaderFuzzTest {
    private static final int MUTANTS = 3000;
    private static final long LONGEST_NANOS = 5_000_000_000L;
    /** What one small file may make a reader allocate on the heap. */
    private static final long MOST_BYTES = 16 << 20;

    /** Fragments that steer a mutation past the first checks. */
    private static final String[] TOKENS = {
        "0",
        "-1",
        "9223372036854775807",
        "18446744073709551616",
        "4611686018427387904",
        "1e999",
        "null",
        "true",
        "\"\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"F32\"",
        "\"BF16\"",
        "\"I64\"",
        "\"U8\"",
        "shape",
        "data_offsets",
        "__metadata__",
        "(",
        ")",
        "'",
        "False",
        "\"linear\"",
        "\"tied\"",
        "\"embedding\"",
        "\"bias\"",
        "\"add\"",
        "\"flatten\"",
        "\"input\"",
        "\\u0000",
        "\\ud800",
        "\u00e9"
    };

    @TempDir
    static Path folder;

    static Stream<Arguments> readers() throws IOException {
        Path path = folder.resolve("seed");
        Checkpoint.write(
                path,
                CheckpointTest.MODEL,
                CheckpointTest.parameters(),
                Map.of(Checkpoint.TRAINING, "{\"step\": 3, \"lr\": 1e-3}"));
        byte[] checkpoint = Files.readAllBytes(path);
        SafetensorsFile.write(
                path,
                Map.of("k", "v"),
                List.of(
                        HostTensor.of("a", Shape.of(2, 3), new float[6]),
                        HostTensor.allocate("b", DType.U8, Shape.of(5)),
                        HostTensor.of("c", Shape.of(), 1L)));
        byte[] safetensors = Files.readAllBytes(path);
        NpyFile.write(path, HostTensor.of("x", Shape.of(4, 3), new float[12]));
        byte[] npyFloat = Files.readAllBytes(path);
        NpyFile.write(path, HostTensor.of("x", Shape.of(7), new long[7]));
        byte[] npyLong = Files.readAllBytes(path);
        NpyFile.write(path, NpyFile.Element.F64, Shape.of(2, 2), ByteBuffer.allocate(32));
        byte[] npyDouble = Files.readAllBytes(path);
        byte[] idx = IdxFileTest.idx(8, new int[] {5, 3, 3}, 45);
        byte[] model = ModelSpecTest.EVERYTHING.getBytes(StandardCharsets.UTF_8);
        byte[] text = "Some text, \u00e9\u4e16\ud83d\ude00, of a few words.\n"
                .repeat(3)
                .getBytes(StandardCharsets.UTF_8);
        byte[] npyHeader = Arrays.copyOfRange(npyFloat, 10, 128);
        byte[] json = Arrays.copyOfRange(safetensors, 8, safetensors.length - 37);
        byte[] checkpointJson = Arrays.copyOfRange(checkpoint, 8, checkpoint.length - 26 * 4);
        return Stream.of(
                reader("safetensors", safetensors, ReaderFuzzTest::readSafetensors),
                // damaged headers of the right length
                reader("safetensors header", json, bytes -> withHeader(bytes, 8, 37), ReaderFuzzTest::readSafetensors),
                reader(
                        "checkpoint header",
                        checkpointJson,
                        bytes -> withHeader(bytes, 8, 26 * 4),
                        ReaderFuzzTest::readCheckpoint),
                reader(
                        "npy header",
                        npyHeader,
                        bytes -> splice(withHeader(bytes, 2, 48), 0, 0, Arrays.copyOf(npyFloat, 8)),
                        ReaderFuzzTest::readNpy),
                reader("checkpoint", checkpoint, ReaderFuzzTest::readCheckpoint),
                reader("vector", safetensors, file -> Checkpoint.readVector(file, CheckpointTest.MODEL.toGraph())),
                reader("npy <f4", npyFloat, ReaderFuzzTest::readNpy),
                reader("npy <i8", npyLong, ReaderFuzzTest::readNpy),
                reader("npy <f8", npyDouble, ReaderFuzzTest::readNpy),
                reader("rows", npyFloat, file -> Data.npy(file, file, 1)),
                reader("idx", idx, IdxFile::read),
                reader("idx.gz", IdxFileTest.gzip(idx), IdxFile::read),
                reader("model", model, file -> ModelSpec.parse(
                                ModelSpec.read(file).toJson(), "again")
                        .toGraph()),
                reader("text", text, file -> Data.text(List.of(file), 4, 1)),
                reader(
                        "known text",
                        text,
                        file -> TextData.read(List.of(file), Vocabulary.of(" abcdefghijklmnop", "v"))));
    }

    private static void readSafetensors(Path file) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            for (String name : open.names()) {
                open.tensor(name).firstNonFinite();
            }
        }
    }

    private static void readCheckpoint(Path file) {
        try (Checkpoint open = Checkpoint.open(file)) {
            for (var parameter : open.graph().parameters()) {
                if (!open.isPacked(parameter.name())) {
                    open.parameter(parameter.name()).toFloats();
                }
            }
        }
    }

    /** The length in that many bytes, the header, and zeros for data. */
    private static byte[] withHeader(byte[] header, int lengthBytes, int dataBytes) {
        ByteBuffer out =
                ByteBuffer.allocate(lengthBytes + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        out.putShort(0, (short) header.length);
        return out.put(lengthBytes, header).array();
    }

    private static void readNpy(Path file) {
        NpyFile read = NpyFile.read(file);
        if (read.element().isFloat()) {
            read.toF32("x");
        } else {
            read.toI32("x");
        }
    }

    private static Arguments reader(String name, byte[] seed, Consumer<Path> read) {
        return reader(name, seed, UnaryOperator.identity(), read);
    }

    private static Arguments reader(String name, byte[] seed, UnaryOperator<byte[]> wrap, Consumer<Path> read) {
        return Arguments.of(name, seed, wrap, read);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("readers")
    void onlyDataExceptionsEscape(String name, byte[] seed, UnaryOperator<byte[]> wrap, Consumer<Path> read)
            throws IOException {
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        Path path = folder.resolve("mutant");
        Files.write(path, wrap.apply(seed));
        accepts(read, path);
        int refused = 0;
        for (int mutant = 0; mutant < MUTANTS; mutant++) {
            byte[] bytes = wrap.apply(mutate(seed, new SplittableRandom(31L * name.hashCode() + mutant)));
            replace(path, bytes);
            long time = System.nanoTime();
            long allocated = threads.getCurrentThreadAllocatedBytes();
            try {
                read.accept(path);
            } catch (DataException e) {
                refused++;
                assertThat(e.getMessage()).doesNotContainPattern("\\p{Cntrl}").isNotBlank();
            } catch (Throwable e) {
                fail("mutant " + mutant + " of " + name + " (" + HexFormat.of().formatHex(bytes) + ")", e);
            }
            assertThat(System.nanoTime() - time).as("time of mutant %d", mutant).isLessThan(LONGEST_NANOS);
            assertThat(threads.getCurrentThreadAllocatedBytes() - allocated)
                    .as("memory of mutant %d", mutant)
                    .isLessThan(MOST_BYTES);
        }
        // damage that cannot be seen (a changed weight, another letter) is most of the rest
        assertThat(refused).isGreaterThan(MUTANTS / 20);
    }

    /** A new file each time: one that is cut to nothing and written again is forced to disk by file systems such as ext4. */
    private static void replace(Path path, byte[] bytes) throws IOException {
        Files.delete(path);
        Files.write(path, bytes, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    private static void accepts(Consumer<Path> read, Path path) {
        try {
            read.accept(path);
        } catch (DataException e) {
            // the vector's seed and the text beyond its vocabulary are refused as they are
            assertThat(e.getMessage()).containsAnyOf("extra tensor", "is not in the model's vocabulary");
        }
    }

    private static byte[] mutate(byte[] seed, SplittableRandom random) {
        byte[] bytes = seed;
        for (int i = random.nextInt(1, 4); i > 0; i--) {
            int at = random.nextInt(bytes.length + 1);
            int length = Math.min(random.nextInt(1, 9), bytes.length - at);
            bytes = switch (random.nextInt(7)) {
                case 0 -> flip(bytes, random);
                case 1 -> Arrays.copyOf(bytes, at);
                case 2 -> splice(bytes, at, length, new byte[0]);
                case 3 -> splice(bytes, at, 0, Arrays.copyOfRange(bytes, at, at + length));
                case 4 -> splice(bytes, at, random.nextBoolean() ? length : 0, token(random));
                case 5 -> splice(bytes, at, length, randomBytes(length, random));
                default -> replaceNumber(bytes, random);
            };
        }
        return bytes;
    }

    private static byte[] token(SplittableRandom random) {
        return TOKENS[random.nextInt(TOKENS.length)].getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] flip(byte[] bytes, SplittableRandom random) {
        byte[] copy = bytes.clone();
        if (copy.length > 0) {
            copy[random.nextInt(copy.length)] ^= (byte) (1 << random.nextInt(8));
        }
        return copy;
    }

    private static byte[] randomBytes(int length, SplittableRandom random) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = random.nextBoolean() ? (byte) 0xff : (byte) random.nextInt();
        }
        return bytes;
    }

    /** Puts a token in place of a run of digits: keeps the structure and changes the meaning. */
    private static byte[] replaceNumber(byte[] bytes, SplittableRandom random) {
        List<int[]> runs = new ArrayList<>();
        for (int i = 0; i < bytes.length; i++) {
            int start = i;
            while (i < bytes.length && bytes[i] >= '0' && bytes[i] <= '9') {
                i++;
            }
            if (i > start) {
                runs.add(new int[] {start, i - start});
            }
        }
        if (runs.isEmpty()) {
            return bytes;
        }
        int[] run = runs.get(random.nextInt(runs.size()));
        return splice(bytes, run[0], run[1], token(random));
    }

    private static byte[] splice(byte[] bytes, int at, int removed, byte[] inserted) {
        ByteBuffer out = ByteBuffer.allocate(bytes.length - removed + inserted.length);
        out.put(bytes, 0, at).put(inserted).put(bytes, at + removed, bytes.length - at - removed);
        return out.array();
    }
}
