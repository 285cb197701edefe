package dev.sagitta.io.image;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.SourceFile;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * A picture in a file of a format that the JDK's image readers know, PNG and JPEG among them, or a reader on the class path. Samples are taken as they are stored: 16 bits become
 * 8, palettes their colours, opacity and colour profiles are left out, as a network is fed elsewhere too.
 */
public final class ImageFile {
    /** What a decoded picture may have: 8192 x 8192. The size is read and compared before anything is decoded. */
    static final long MOST_PIXELS = 1L << 26;

    private static final long MOST_BYTES = 1L << 28;
    private static final int BYTE = 255;

    /** Names of pictures that need a reader on the class path: a file of that name is an error and not left out. */
    private static final List<String> OTHERS =
            List.of("webp", "avif", "heic", "heif", "jxl", "jp2", "tif", "tiff", "ppm", "pgm", "tga");

    private final Path path;

    private ImageFile(Path path) {
        this.path = path;
    }

    /**
     * The picture, of one channel if the file is grey and of three otherwise.
     *
     * @throws DataException naming the file: it is no picture or a broken one, too large, or of a format that no reader knows
     */
    public static Picture read(Path path) {
        return new ImageFile(path).open((reader, file) -> file.decode(reader));
    }

    /** Pixels of a picture's axes. */
    public record Size(int height, int width) {
        @Override
        public String toString() {
            return width + " x " + height;
        }
    }

    /** What the file's header says; nothing is decoded. */
    public static Size size(Path path) {
        return new ImageFile(path).open((reader, file) -> file.size(reader));
    }

    /** Whether a file is called as pictures are, of known formats or others. */
    public static boolean isPicture(Path path) {
        String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
        int dot = name.lastIndexOf('.');
        return dot > 0
                && (OTHERS.contains(name.substring(dot + 1)) || suffixes().contains(name.substring(dot + 1)));
    }

    private static Set<String> suffixes() {
        requireReaders();
        return Suffixes.KNOWN;
    }

    /** Read once, when it is first asked for. */
    private static final class Suffixes {
        static final Set<String> KNOWN = new TreeSet<>();

        static {
            for (String suffix : ImageIO.getReaderFileSuffixes()) {
                KNOWN.add(suffix.toLowerCase(Locale.ROOT));
            }
        }
    }

    private interface Use<T> {
        T of(ImageReader reader, ImageFile file) throws IOException;
    }

    /** @throws DataException where the run-time image has no image readers, as that of a bundle */
    private static void requireReaders() {
        if (ModuleLayer.boot().findModule("java.desktop").isEmpty()) {
            throw new DataException(
                    "this Java has no image readers (module java.desktop): run Sagitta with a whole JDK, or"
                            + " give the pixels as --inputs X.npy or --cifar");
        }
    }

    private <T> T open(Use<T> use) {
        requireReaders();
        byte[] bytes;
        try (SourceFile source = SourceFile.open(path)) {
            if (source.size() > MOST_BYTES) {
                throw new DataException(
                        path + ": " + source.size() + " bytes, an image may have " + MOST_BYTES + " at most");
            }
            bytes = new byte[(int) source.size()];
            source.bytes(0, bytes.length).get(bytes);
        }
        try (ImageInputStream stream = new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(stream);
            if (!readers.hasNext()) {
                throw new DataException(
                        path + ": " + bytes.length + " bytes of " + format(bytes)
                                + ", which no reader here knows: convert it to PNG or JPEG, or put an ImageIO reader for it on the class path");
            }
            ImageReader reader = readers.next();
            try {
                // the first picture alone, and none of the texts beside it
                reader.setInput(stream, true, true);
                return use.of(reader, this);
            } finally {
                reader.dispose();
            }
        } catch (DataException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // readers throw whatever comes of bytes that are not what they should be
            throw new DataException(
                    path + ": a broken image, or one of a kind that its reader does not know ("
                            + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage())
                            + "); convert it to PNG or JPEG of RGB or grey, or remove it",
                    e);
        }
    }

    private static String format(byte[] bytes) {
        String start = new String(bytes, 0, Math.min(bytes.length, 16), java.nio.charset.StandardCharsets.ISO_8859_1);
        if (start.startsWith("RIFF") && start.startsWith("WEBP", 8)) {
            return "WebP";
        }
        if (start.startsWith("ftyp", 4)) {
            return "AVIF or HEIF";
        }
        return "a format";
    }

    private Size size(ImageReader reader) throws IOException {
        Size size = new Size(reader.getHeight(0), reader.getWidth(0));
        if (size.height < 1 || size.width < 1 || (long) size.height * size.width > MOST_PIXELS) {
            throw new DataException(
                    path + ": " + size + " pixels by its header, an image may have 1 to " + MOST_PIXELS + " in all");
        }
        return size;
    }

    private Picture decode(ImageReader reader) throws IOException {
        Size size = size(reader);
        List<String> warnings = new ArrayList<>();
        reader.addIIOReadWarningListener((from, warning) -> warnings.add(warning));
        BufferedImage image = reader.read(0);
        for (String warning : warnings) {
            // the reader of JPEG fills what is missing with grey, and only warns
            String words = warning.toLowerCase(Locale.ROOT);
            if (words.contains("premature end") || words.contains("corrupt")) {
                throw new IOException(warning);
            }
        }
        Size decoded = new Size(image.getHeight(), image.getWidth());
        if (!decoded.equals(size)) {
            throw new IOException("its header says " + size + " pixels, it has " + decoded);
        }
        return picture(image);
    }

    private static Picture picture(BufferedImage image) throws IOException {
        ColorModel model = image.getColorModel();
        int space = model.getColorSpace().getType();
        if (space != ColorSpace.TYPE_RGB && space != ColorSpace.TYPE_GRAY) {
            throw new IOException("its colours are neither RGB nor grey");
        }
        int channels = model instanceof IndexColorModel || space == ColorSpace.TYPE_RGB ? 3 : 1;
        int height = image.getHeight();
        int width = image.getWidth();
        int plane = height * width;
        byte[] pixels = new byte[channels * plane];
        Raster raster = image.getRaster();
        int bands = raster.getNumBands();
        int[] row = new int[width * bands];
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                int at = y * width + x;
                if (model instanceof IndexColorModel palette) {
                    int rgb = palette.getRGB(row[x]);
                    pixels[at] = (byte) (rgb >> 16);
                    pixels[plane + at] = (byte) (rgb >> 8);
                    pixels[2 * plane + at] = (byte) rgb;
                } else {
                    for (int channel = 0; channel < channels; channel++) {
                        int most = (1 << model.getComponentSize(channel)) - 1;
                        pixels[channel * plane + at] = (byte) ((row[x * bands + channel] * BYTE + most / 2) / most);
                    }
                }
            }
        }
        return new Picture(channels, height, width, pixels);
    }
}
