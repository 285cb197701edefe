package dev.sagitta.io.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.ImageFiles;
import dev.sagitta.io.file.DataException;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFileTest {
    @TempDir
    Path folder;

    private Picture written(BufferedImage image) throws IOException {
        return ImageFile.read(ImageFiles.write(folder.resolve("x.png"), image));
    }

    @Test
    void coloursComeChannelByChannel() throws IOException {
        Path file = ImageFiles.write(folder.resolve("a.png"), 3, 2, (x, y) -> x * 0x500000 + y * 0x800 + 7);
        Picture picture = ImageFile.read(file);
        assertThat(picture.channels()).isEqualTo(3);
        assertThat(picture.pixels()).containsExactly(0, 0x50, 0xa0, 0, 0x50, 0xa0, 0, 0, 0, 8, 8, 8, 7, 7, 7, 7, 7, 7);
        assertThat(ImageFile.size(file)).isEqualTo(new ImageFile.Size(2, 3));
    }

    @Test
    void jpegIsNearWhatWasWritten() throws IOException {
        Picture picture = ImageFile.read(ImageFiles.write(folder.resolve("a.jpg"), 16, 16, (x, y) -> 0x20c060));
        for (int i = 0; i < 256; i++) {
            assertThat(Byte.toUnsignedInt(picture.pixels()[i])).isBetween(0x1c, 0x24);
            assertThat(Byte.toUnsignedInt(picture.pixels()[256 + i])).isBetween(0xbc, 0xc4);
            assertThat(Byte.toUnsignedInt(picture.pixels()[512 + i])).isBetween(0x5c, 0x64);
        }
    }

    /** The JDK's own conversion of grey to RGB takes grey for linear light: 100 would come out as 168. */
    @Test
    void greyIsAsItIsStored() throws IOException {
        for (int type : new int[] {BufferedImage.TYPE_BYTE_GRAY, BufferedImage.TYPE_USHORT_GRAY}) {
            BufferedImage grey = new BufferedImage(2, 1, type);
            boolean wide = type == BufferedImage.TYPE_USHORT_GRAY;
            grey.getRaster().setSample(0, 0, 0, wide ? 100 * 257 : 100);
            grey.getRaster().setSample(1, 0, 0, wide ? 65535 : 255);
            Picture picture = written(grey);
            assertThat(picture.channels()).isEqualTo(1);
            assertThat(picture.pixels()).containsExactly(100, 255);
        }
    }

    @Test
    void opacityIsLeftOutAndPalettesAreColours() throws IOException {
        BufferedImage clear = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
        clear.setRGB(0, 0, 0x00102030);
        clear.setRGB(1, 0, 0x80ff0001);
        assertThat(written(clear).pixels()).containsExactly(0x10, 0xff, 0x20, 0, 0x30, 1);

        byte[] ramp = {0, 64, (byte) 200, (byte) 255};
        IndexColorModel palette = new IndexColorModel(2, 4, ramp, new byte[] {9, 9, 9, 9}, ramp);
        BufferedImage indexed = new BufferedImage(3, 1, BufferedImage.TYPE_BYTE_INDEXED, palette);
        for (int x = 0; x < 3; x++) {
            indexed.getRaster().setSample(x, 0, 0, 3 - x);
        }
        assertThat(written(indexed).pixels()).containsExactly(255, 200, 64, 9, 9, 9, 255, 200, 64);
    }

    @Test
    void filesThatEndEarlyAreBroken() throws IOException {
        for (String name : new String[] {"a.png", "a.jpg"}) {
            Path file = ImageFiles.write(folder.resolve(name), 64, 64, (x, y) -> x * y * 77777);
            byte[] bytes = Files.readAllBytes(file);
            Path cut = Files.write(folder.resolve("cut-" + name), Arrays.copyOf(bytes, bytes.length * 2 / 3));
            refused(cut, cut + ": a broken image");
        }
        refused(Files.createFile(folder.resolve("empty.png")), "empty.png: 0 bytes");
        refused(folder.resolve("absent.png"), "no such file");
    }

    @Test
    void anotherFormatIsSaidToBeOne() throws IOException {
        byte[] webp = "RIFF1234WEBPVP8 ".getBytes(StandardCharsets.ISO_8859_1);
        refused(
                Files.write(folder.resolve("a.webp"), webp),
                "a.webp: 16 bytes of WebP, which no reader here knows: convert it to PNG or JPEG, or put an ImageIO reader");
    }

    /** Nothing of such a size is allocated: the header is read first. */
    @Test
    void aHeaderThatPromisesTooMuchIsRefused() throws IOException {
        Path small = ImageFiles.write(folder.resolve("small.png"), 4, 4, (x, y) -> 0);
        byte[] bytes = Files.readAllBytes(small);
        ByteBuffer png = ByteBuffer.wrap(bytes);
        png.putInt(16, 60_000).putInt(20, 60_000);
        CRC32 crc = new CRC32();
        crc.update(bytes, 12, 17);
        png.putInt(29, (int) crc.getValue());
        Path hostile = Files.write(folder.resolve("hostile.png"), bytes);
        refused(hostile, "hostile.png: 60000 x 60000 pixels by its header");
    }

    @Test
    void damageAnywhereIsAnErrorThatNamesTheFile() throws IOException {
        for (String name : new String[] {"d.png", "d.jpg", "d.gif", "d.bmp"}) {
            byte[] whole = Files.readAllBytes(ImageFiles.write(folder.resolve(name), 9, 7, (x, y) -> x * y * 99999));
            for (int at = 0; at < whole.length; at += Math.max(1, whole.length / 97)) {
                byte[] bytes = whole.clone();
                bytes[at] ^= (byte) 0xff;
                Path file = Files.write(folder.resolve("damaged-" + name), bytes);
                try {
                    ImageFile.read(file);
                } catch (DataException e) {
                    assertThat(e).hasMessageContaining(file.toString());
                }
            }
        }
    }

    private static void refused(Path file, String message) {
        assertThatThrownBy(() -> ImageFile.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(message);
    }

    @Test
    void picturesAreKnownByTheirNames() {
        assertThat(ImageFile.isPicture(Path.of("a/B.JPG"))).isTrue();
        assertThat(ImageFile.isPicture(Path.of("a.webp"))).isTrue();
        assertThat(ImageFile.isPicture(Path.of("labels.txt"))).isFalse();
        assertThat(ImageFile.isPicture(Path.of(".png"))).isFalse();
    }
}
