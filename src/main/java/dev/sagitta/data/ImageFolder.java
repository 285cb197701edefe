package dev.sagitta.data;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.image.ImageFile;
import dev.sagitta.io.image.Picture;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Pictures in a folder for each class. Files that are not called as pictures are left out, and so is what begins with a dot.
 *
 * @param folder of the classes
 * @param classes names of their folders, in order
 * @param files of all classes, in the order of classes and names
 * @param labels class of each
 * @param test the part to evaluate on, of the same classes; null where there is none
 */
public record ImageFolder(Path folder, List<String> classes, List<Path> files, int[] labels, ImageFolder test) {
    private static final String TRAIN = "train";
    private static final List<String> TESTS = List.of("test", "val");

    /**
     * What an example is made to be.
     *
     * @param channels 1 or 3
     * @param side of the square; 0 for pictures as they are, which must be of one size
     * @param size that pictures are expected to have; null for that of the first
     */
    public record Form(int channels, int side, ImageFile.Size size) {
        /** As large as an option says. */
        public Form(int channels, int side) {
            this(channels, side, null);
        }

        /** The same, of the size that another part has. */
        Form of(DataSet other) {
            Shape shape = other.inputShape();
            return new Form(channels, side, new ImageFile.Size((int) shape.extent(1), (int) shape.extent(2)));
        }
    }

    /** @throws DataException naming a folder that is not there, has no classes, or a class without pictures */
    public static ImageFolder of(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(folder + ": not a folder; expected one with a folder of images for each class");
        }
        Path train = folder.resolve(TRAIN);
        // a class may be called so: its folder holds pictures
        if (!hasClasses(train)) {
            return read(folder, null);
        }
        Path test = testPart(folder);
        ImageFolder images = read(train, null);
        return test == null
                ? images
                : new ImageFolder(train, images.classes, images.files, images.labels, read(test, images.classes));
    }

    /** The folder of the test part that a folder brings; null where it has none. */
    static Path testPart(Path folder) {
        return hasClasses(folder.resolve(TRAIN))
                ? TESTS.stream()
                        .map(folder::resolve)
                        .filter(ImageFolder::hasClasses)
                        .findFirst()
                        .orElse(null)
                : null;
    }

    private static boolean hasClasses(Path folder) {
        return Files.isDirectory(folder) && !folders(folder).isEmpty();
    }

    /** @param known classes, or null for those that are there */
    private static ImageFolder read(Path folder, List<String> known) {
        List<Path> folders = folders(folder);
        if (folders.isEmpty()) {
            throw new DataException(folder + ": no folders in it; expected one of images for each class");
        }
        List<String> classes =
                folders.stream().map(path -> path.getFileName().toString()).toList();
        List<Path> files = new ArrayList<>();
        IntStream.Builder labels = IntStream.builder();
        for (int i = 0; i < folders.size(); i++) {
            int label = known == null ? i : known.indexOf(classes.get(i));
            if (label < 0) {
                throw new DataException(
                        folders.get(i) + ": a class that the training part does not have; it has " + known);
            }
            List<Path> pictures = pictures(folders.get(i));
            if (pictures.isEmpty()) {
                throw new DataException(folders.get(i) + ": a class without images; put some in or remove the folder");
            }
            files.addAll(pictures);
            pictures.forEach(picture -> labels.add(label));
        }
        return new ImageFolder(
                folder, known == null ? classes : known, files, labels.build().toArray(), null);
    }

    private static List<Path> folders(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(path -> !isHidden(path) && Files.isDirectory(path))
                    .sorted(Comparator.comparing(path -> path.getFileName().toString()))
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            throw new DataException("cannot read the folder " + folder + ": " + e.getMessage(), e);
        }
    }

    private static List<Path> pictures(Path folder) {
        try (Stream<Path> entries = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            return entries.filter(path -> !isHidden(path) && Files.isRegularFile(path) && ImageFile.isPicture(path))
                    .sorted(Comparator.comparing(Path::toString))
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            throw new DataException("cannot read the folder " + folder + ": " + e.getMessage(), e);
        }
    }

    private static boolean isHidden(Path path) {
        return path.getFileName().toString().startsWith(".");
    }

    /** The first picture's size by its header. */
    public ImageFile.Size firstSize() {
        return ImageFile.size(files.get(0));
    }

    /** The examples, test part left aside; pictures are decoded side by side. */
    DataSet rows(Form form) {
        ImageFile.Size size =
                form.side > 0 ? new ImageFile.Size(form.side, form.side) : form.size != null ? form.size : firstSize();
        Shape image = Shape.of(form.channels, size.height(), size.width());
        String name = folder.toString();
        if (image.elements() * files.size() > Integer.MAX_VALUE) {
            throw new DataException(name + ": " + files.size() + " images of shape " + image + " are more than "
                    + Integer.MAX_VALUE + " bytes; give a smaller --image-size or a part of them");
        }
        HostTensor pixels = HostTensor.allocate(name, DType.U8, image.prepend(files.size()));
        ByteBuffer bytes = pixels.bytes();
        // the error of the first file, whichever was found first
        IntStream.range(0, files.size())
                .parallel()
                .mapToObj(i -> decode(i, form, size, bytes))
                .filter(Objects::nonNull)
                .findFirst()
                .ifPresent(error -> {
                    throw error;
                });
        HostTensor classOf = HostTensor.of(name, Shape.of(labels.length), labels);
        return new LabelledRows(name, pixels, name, classOf, classes.size(), null);
    }

    /** Null, or what is wrong with the file. */
    private DataException decode(int index, Form form, ImageFile.Size size, ByteBuffer out) {
        Path file = files.get(index);
        try {
            Picture picture = ImageFile.read(file);
            picture = form.side > 0 ? picture.square(form.side) : picture;
            ImageFile.Size here = new ImageFile.Size(picture.height(), picture.width());
            if (!here.equals(size)) {
                return new DataException(file + ": " + here + " pixels, those before it have " + size
                        + "; give --image-size N to make all N x N");
            }
            byte[] pixels = picture.inChannels(form.channels).pixels();
            out.put(index * pixels.length, pixels);
            return null;
        } catch (DataException e) {
            return e;
        }
    }
}
