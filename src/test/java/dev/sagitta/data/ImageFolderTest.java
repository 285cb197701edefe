package dev.sagitta.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.ImageFiles;
import dev.sagitta.io.file.DataException;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
    private static final ImageFolder.Form AS_THEY_ARE = new ImageFolder.Form(3, 0);

    @TempDir
    Path folder;

    private void image(String name, int width, int height, int rgb) throws IOException {
        ImageFiles.write(folder.resolve(name), width, height, (x, y) -> rgb);
    }

    private static float[] example(DataSet data, int row) {
        ByteBuffer inputs = ByteBuffer.allocate(data.inputBytes(1)).order(ByteOrder.nativeOrder());
        ByteBuffer targets = ByteBuffer.allocate(data.targetBytes(1)).order(ByteOrder.nativeOrder());
        data.batch(row, 1, inputs, targets);
        float[] values = new float[data.inputBytes(1) / Float.BYTES + 1];
        inputs.asFloatBuffer().get(values, 1, values.length - 1);
        values[0] = targets.getInt(0);
        return values;
    }

    @Test
    void classesAndFilesAreInTheOrderOfTheirNames() throws IOException {
        image("dogs/a.png", 1, 1, 0xff0033);
        image("cats/b.png", 1, 1, 0x330000);
        image("cats/a.png", 1, 1, 0x0000cc);
        image("cats/more/c.png", 1, 1, 0x00ff00);
        Files.writeString(folder.resolve("cats/labels.txt"), "no image");
        Files.writeString(folder.resolve("readme"), "no class");
        Files.createDirectory(folder.resolve(".cache"));
        DataSet all = Data.images(folder, AS_THEY_ARE, 0).all();
        assertThat(all.size()).isEqualTo(4);
        assertThat(all.inputType()).isEqualTo(DType.F32);
        assertThat(all.inputShape()).isEqualTo(Shape.of(3, 1, 1));
        assertThat(all.classes()).isEqualTo(2);
        assertThat(example(all, 0)).containsExactly(0, 0, 0, 0.8f);
        assertThat(example(all, 1)).containsExactly(0, 0.2f, 0, 0);
        assertThat(example(all, 2)).containsExactly(0, 0, 1, 0);
        assertThat(example(all, 3)).containsExactly(1, 1, 0, 0.2f);
    }

    @Test
    void aTestPartIsTakenWhereThereIsOne() throws IOException {
        image("train/a/1.png", 2, 3, 0);
        image("train/b/1.png", 2, 3, 0);
        image("val/b/1.png", 2, 3, 0xffffff);
        Data data = Data.images(folder, AS_THEY_ARE, 0);
        assertThat(data.train().size()).isEqualTo(2);
        assertThat(data.test().size()).isEqualTo(1);
        assertThat(data.train().heldOut().isDrawn()).isFalse();
        assertThat(data.all().inputShape()).isEqualTo(Shape.of(3, 3, 2));
        assertThat(example(data.test(), 0)[0]).isEqualTo(1);
        assertThat(Data.imagesBringTest(folder)).isTrue();

        image("test/a/1.png", 2, 3, 0);
        image("test/b/1.png", 2, 3, 0);
        assertThat(Data.images(folder, AS_THEY_ARE, 0).test().size()).isEqualTo(2);
        image("val/c/1.png", 2, 3, 0);
        assertThat(Data.images(folder, AS_THEY_ARE, 0).test().size()).isEqualTo(2);
        image("test/c/1.png", 2, 3, 0);
        refused(folder, "test/c: a class that the training part does not have; it has [a, b]");
    }

    /** Vehicles, say. */
    @Test
    void aClassMayBeCalledTrain() throws IOException {
        image("bus/1.png", 2, 2, 0);
        image("train/1.png", 2, 2, 0);
        assertThat(Data.images(folder, AS_THEY_ARE, 0).all().classes()).isEqualTo(2);
        assertThat(Data.imagesBringTest(folder)).isFalse();
    }

    @Test
    void sizesMustAgreeOrAreMadeTo() throws IOException {
        image("a/1.png", 4, 4, 0xff);
        image("a/2.png", 8, 4, 0xff);
        image("b/1.png", 3, 5, 0xff);
        refused(folder, "a/2.png: 8 x 4 pixels, those before it have 4 x 4; give --image-size N to make all N x N");
        DataSet all = Data.images(folder, new ImageFolder.Form(1, 6), 0).all();
        assertThat(all.inputShape()).isEqualTo(Shape.of(1, 6, 6));
        assertThat(example(all, 1)).contains(29 / 255f, org.assertj.core.data.Index.atIndex(36));
    }

    @Test
    void whatIsWrongIsNamed() throws IOException {
        refused(folder.resolve("absent"), "absent: not a folder");
        refused(folder, "no folders in it; expected one of images for each class");
        image("a/1.png", 4, 4, 0xff);
        Files.createDirectory(folder.resolve("b"));
        refused(folder, "b: a class without images; put some in or remove the folder");
        Files.writeString(folder.resolve("b/2.png"), "this is no image");
        refused(folder, "b/2.png: 16 bytes of a format, which no reader here knows: convert it to PNG or JPEG");
    }

    private static void refused(Path folder, String message) {
        assertThatThrownBy(() -> Data.images(folder, AS_THEY_ARE, 0))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(message);
    }

    @Test
    void cifarFoldersAreOfEitherKind() throws IOException {
        Path ten = folder.resolve("ten");
        ImageFiles.cifar(ten.resolve("data_batch_1.bin"), new int[] {1}, new int[] {4});
        ImageFiles.cifar(ten.resolve("data_batch_2.bin"), new int[] {2});
        Data drawn = Data.cifar(ten, 3);
        assertThat(drawn.all().size()).isEqualTo(3);
        assertThat(drawn.all().classes()).isEqualTo(10);
        assertThat(drawn.train().heldOut().isDrawn()).isTrue();
        assertThat(Data.cifarBringsTest(ten)).isFalse();
        assertThat(example(drawn.all(), 2)[0]).isEqualTo(2);
        ImageFiles.cifar(ten.resolve("test_batch.bin"), new int[] {3});
        Data given = Data.cifar(ten, 3);
        assertThat(given.test().size()).isEqualTo(1);
        assertThat(given.train().size()).isEqualTo(3);
        assertThat(given.all().inputShape()).isEqualTo(Shape.of(3, 32, 32));
        assertThat(Data.cifarFiles(ten)).hasSize(3);

        Path hundred = folder.resolve("hundred");
        Path train = ImageFiles.cifar(hundred.resolve("train.bin"), new int[] {0, 77}, new int[] {4, 5});
        ImageFiles.cifar(hundred.resolve("test.bin"), new int[] {0, 99});
        Data fine = Data.cifar(hundred, 3);
        assertThat(fine.all().classes()).isEqualTo(100);
        assertThat(example(fine.train(), 0)[0]).isEqualTo(77);
        assertThat(Data.cifar(train, 0).all().size()).isEqualTo(2);
        assertThatThrownBy(() -> Data.cifar(folder, 0)).hasMessageContaining("neither data_batch_1.bin");
        Files.write(ten.resolve("data_batch_2.bin"), new byte[3000]);
        assertThatThrownBy(() -> Data.cifar(ten, 0))
                .hasMessageContaining("data_batch_2.bin: 3000 bytes, expected a multiple of 3073 (CIFAR-10)");
    }
}
