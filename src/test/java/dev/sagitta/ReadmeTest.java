package dev.sagitta;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The README's example is code that compiles and runs. */
@Tag("tree")
class ReadmeTest {
    @Test
    void showsTheExampleThatTheBuildCompiles() throws IOException {
        String source = Files.readString(Path.of("src/test/java/dev/sagitta/ReadmeExample.java"));
        String body = source.split("        // README\n")[1].stripTrailing().stripIndent();
        assertThat(Files.readString(Path.of("README.md"))).contains(body.strip());
    }

    @Test
    void runs() {
        Random random = new Random(1);
        float[] weights = normal(random, 128 * 784, 0.05f);
        float[] product = ReadmeExample.run(
                weights,
                normal(random, 64 * 784, 1),
                random.ints(64, 0, 10).toArray(),
                normal(random, 2 * 128 * 784, 1));
        assertThat(product).hasSize(2 * 10 * 128);
        for (float value : product) {
            assertThat(value).isFinite();
        }
    }

    private static float[] normal(Random random, int count, float deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() * deviation;
        }
        return values;
    }
}
