package dev.sagitta.io.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.ImageFiles;
import dev.sagitta.io.file.DataException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CifarFileTest {
    @TempDir
    Path folder;

    private Path ten(int... labels) throws IOException {
        return ImageFiles.cifar(
                folder.resolve("ten.bin"),
                Arrays.stream(labels).mapToObj(label -> new int[] {label}).toArray(int[][]::new));
    }

    @Test
    void theSizeSaysWhichOfTheTwoItIs() throws IOException {
        CifarFile ten = CifarFile.read(ten(3, 9, 0));
        assertThat(ten.kind()).isEqualTo(CifarFile.Kind.CIFAR_10);
        assertThat(ten.count()).isEqualTo(3);
        assertThat(ten.label(1)).isEqualTo(9);

        CifarFile hundred =
                CifarFile.read(ImageFiles.cifar(folder.resolve("h.bin"), new int[] {19, 99}, new int[] {0, 12}));
        assertThat(hundred.kind()).isEqualTo(CifarFile.Kind.CIFAR_100);
        assertThat(hundred.kind().classes()).isEqualTo(100);
        assertThat(hundred.label(0)).isEqualTo(99);
        assertThat(hundred.label(1)).isEqualTo(12);
    }

    @Test
    void pixelsFollowTheLabels() throws IOException {
        Path file = ImageFiles.cifar(folder.resolve("h.bin"), new int[] {19, 99}, new int[] {7, 12});
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer out = ByteBuffer.allocate(3074);
        CifarFile.read(file).copyPixels(1, out, 2);
        assertThat(Arrays.copyOfRange(out.array(), 2, 3074)).isEqualTo(Arrays.copyOfRange(bytes, 3074 + 2, 2 * 3074));
    }

    /** 3074 records of CIFAR-10 are as long as 3073 of CIFAR-100. */
    @Test
    void labelsDecideWhereTheSizeDoesNot() throws IOException {
        int[][] ten = new int[3074][];
        int[][] hundred = new int[3073][];
        Arrays.setAll(ten, i -> new int[] {i % 10});
        Arrays.setAll(hundred, i -> new int[] {i % 20, i % 100});
        assertThat(CifarFile.read(ImageFiles.cifar(folder.resolve("a"), ten)).kind())
                .isEqualTo(CifarFile.Kind.CIFAR_10);
        assertThat(CifarFile.read(ImageFiles.cifar(folder.resolve("b"), hundred))
                        .kind())
                .isEqualTo(CifarFile.Kind.CIFAR_100);
    }

    @Test
    void whatIsWrongIsSaidInOneLine() throws IOException {
        Path cut = Files.write(folder.resolve("cut.bin"), Arrays.copyOf(Files.readAllBytes(ten(1, 2)), 3073 + 700));
        refused(cut, cut + ": 3773 bytes, expected a multiple of 3073 (CIFAR-10) or 3074 (CIFAR-100)");
        refused(Files.createFile(folder.resolve("empty.bin")), "0 bytes, expected a multiple of 3073");
        refused(ten(1, 10), "ten.bin: label 10 of image 1, CIFAR-10 has 0 to 9");
        refused(
                ImageFiles.cifar(folder.resolve("f.bin"), new int[] {3, 100}),
                "f.bin: label 100 of image 0, CIFAR-100 has 0 to 99");
        refused(
                ImageFiles.cifar(folder.resolve("c.bin"), new int[] {20, 10}),
                "c.bin: coarse label 20 of image 0, CIFAR-100 has 0 to 19");
        refused(Files.write(folder.resolve("x.tar.gz"), new byte[] {0x1f, (byte) 0x8b, 8, 0}), "unpack it first");
        assertThatThrownBy(() -> CifarFile.read(ten(1, 2), CifarFile.Kind.CIFAR_100))
                .hasMessageContaining("6146 bytes, expected a multiple of 3074 (CIFAR-100); it is cut short");
    }

    private static void refused(Path file, String message) {
        assertThatThrownBy(() -> CifarFile.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(message);
    }
}
