package dev.sagitta.io.huggingface;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.Shape;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Networks that nobody here made, and what they must give: in the folders of {@code -Dsagitta.test.data} or {@code SAGITTA_TEST_DATA}, a path's worth, or
 * beside this project. A test without its data is skipped.
 */
final class HeldData {
    private static final List<Path> FOLDERS = folders();

    private HeldData() {}

    private static List<Path> folders() {
        String given = System.getProperty("sagitta.test.data", System.getenv("SAGITTA_TEST_DATA"));
        return given == null
                ? List.of(Path.of("../shared/data"))
                : Stream.of(given.split(File.pathSeparator)).map(Path::of).toList();
    }

    /** Skips the test that calls it, where there is no such file. */
    static Path file(String name) {
        Optional<Path> file = FOLDERS.stream()
                .map(folder -> folder.resolve(name))
                .filter(Files::exists)
                .findFirst();
        assumeTrue(file.isPresent(), name + " is in none of " + FOLDERS + "; -Dsagitta.test.data says where it is");
        return file.orElseThrow();
    }

    /** Of {@code tools/expected}. */
    static JsonNode expected(String name) {
        try {
            return new ObjectMapper().readTree(file("tools/expected/" + name).toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static int[] integers(JsonNode list) {
        int[] values = new int[list.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = list.get(i).intValue();
        }
        return values;
    }

    /** The vector that Hessians are multiplied by: v[i] = (i * 2654435761 mod 2^32) / 2^31 - 1, i the flat index in each tensor. */
    static double pattern(int i) {
        return (i * 2654435761L & 0xffffffffL) / 0x1p31 - 1;
    }

    static HostTensor pattern(String name, Shape shape) {
        float[] values = new float[(int) shape.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) pattern(i);
        }
        return HostTensor.of(name, shape, values);
    }

    static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    static double norm(float[] a) {
        return Math.sqrt(dot(a, a));
    }
}
