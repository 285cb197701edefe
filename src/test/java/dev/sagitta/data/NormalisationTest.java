package dev.sagitta.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sagitta.fixture.ImageFiles;
import dev.sagitta.io.array.NpyFile;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NormalisationTest {
    @TempDir
    Path folder;

    private static float[] inputs(DataSet data) {
        ByteBuffer inputs = ByteBuffer.allocate(data.inputBytes(data.size())).order(ByteOrder.nativeOrder());
        data.batch(
                0,
                data.size(),
                inputs,
                ByteBuffer.allocate(data.targetBytes(data.size())).order(ByteOrder.nativeOrder()));
        float[] values = new float[data.inputBytes(data.size()) / Float.BYTES];
        inputs.asFloatBuffer().get(values);
        return values;
    }

    /** Against the bytes of the file, by the formula. */
    @Test
    void eachChannelOfAnImageHasItsOwn() throws IOException {
        Path file = ImageFiles.cifar(folder.resolve("c.bin"), new int[] {1}, new int[] {0}, new int[] {2});
        byte[] bytes = Files.readAllBytes(file);
        Data data = Data.cifar(file, 1).normalised(Normalisation.parse("0.5,0.25,0/0.5,2,0.1"));
        float[] values = inputs(data.all());
        double[] mean = {0.5, 0.25, 0};
        double[] std = {0.5, 2, 0.1};
        for (int i = 0; i < values.length; i++) {
            double pixel = Byte.toUnsignedInt(bytes[i / 3072 * 3073 + 1 + i % 3072]) / 255.0;
            assertThat(values[i]).isEqualTo((float) ((pixel - mean[i % 3072 / 1024]) / std[i % 3072 / 1024]));
        }
        assertThat(data.train().normalisation()).isEqualTo(data.all().normalisation());
        assertThat(data.train().heldOut()).isNotNull();
    }

    @Test
    void autoIsMeanAndDeviationOfTheTrainingPart() throws IOException {
        Path cifar = folder.resolve("cifar");
        ImageFiles.cifar(cifar.resolve("train.bin"), new int[] {0, 1}, new int[] {0, 2}, new int[] {0, 0});
        ImageFiles.cifar(cifar.resolve("test.bin"), new int[] {0, 1});
        DataSet train = Data.cifar(cifar, 1).normalised(null).train();
        assertMoments(inputs(train), 3, 1024);

        SplittableRandom random = new SplittableRandom(4);
        float[] far = new float[4 * 2 * 3 * 5];
        for (int i = 0; i < far.length; i++) {
            far[i] = 10_000 + (float) random.nextDouble();
        }
        Path x = folder.resolve("x.npy");
        Path y = folder.resolve("y.npy");
        NpyFile.write(x, HostTensor.of("x", Shape.of(4, 2, 3, 5), far));
        NpyFile.write(y, HostTensor.of("y", Shape.of(4), 0, 1, 0, 1));
        Data arrays = Data.npy(x, y, 3).normalised(null);
        assertMoments(inputs(arrays.train()), 2, 15);
        assertThat(arrays.train().normalisation().mean().get(1)).isBetween(10_000.2, 10_000.8);
    }

    private static void assertMoments(float[] values, int channels, int plane) {
        for (int channel = 0; channel < channels; channel++) {
            double sum = 0;
            double squares = 0;
            int count = 0;
            for (int i = 0; i < values.length; i++) {
                if (i / plane % channels == channel) {
                    sum += values[i];
                    squares += values[i] * values[i];
                    count++;
                }
            }
            assertThat(sum / count).isCloseTo(0, within(1e-5));
            assertThat(squares / count).isCloseTo(1, within(1e-4));
        }
    }

    @Test
    void aConstantChannelHasNoDeviation() throws IOException {
        for (int i = 0; i < 3; i++) {
            ImageFiles.write(folder.resolve("a/" + i + ".png"), 2, 2, (x, y) -> 0x1000 * x);
        }
        Data data = Data.images(folder, new ImageFolder.Form(3, 0), 1);
        assertThatThrownBy(() -> data.normalised(null)).hasMessageContaining("channel 0 is the same everywhere");
    }

    @Test
    void theNotationsOfOneNormalisation() {
        assertThat(Normalisation.parse("imagenet")).isEqualTo(Normalisation.IMAGENET);
        Normalisation one = Normalisation.parse("0.5/0.25");
        assertThat(one.over(3, "x").std()).isEqualTo(List.of(0.25, 0.25, 0.25));
        assertThat(Normalisation.parse(JsonInput.parse(one.toJson(), "x"))).isEqualTo(one);
        for (String wrong : List.of("", "1", "1/", "a/b", "1,2/3", "1/1/1", "1/-1", "NaN/1", "1/Infinity")) {
            assertThatThrownBy(() -> Normalisation.parse(wrong)).as(wrong).hasMessageNotContaining("Exception");
        }
        assertThatThrownBy(() -> Normalisation.parse(JsonInput.parse("{\"mean\": [\"a\"], \"std\": [1]}", "C: x")))
                .hasMessageContaining("C: x")
                .hasMessageContaining("mean[0]");
    }
}
