package dev.sagitta.cli;

import dev.sagitta.data.Data;
import dev.sagitta.data.ImageFolder;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.image.ImageFile;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** What is made of images as they are read. */
final class ImageOptions {
    private static final int CHANNELS = 3;
    static final int LARGEST = 2048;
    private static final String NONE = "none";
    private static final String AUTO = "auto";

    @Option(
            names = "--image-size",
            paramLabel = "N",
            description =
                    "Scale each of --images so that its shorter side has N pixels, and take the N x N in the middle (default: as the"
                            + " model's file or checkpoint says, or as they are, which must be of one size).")
    private Integer size;

    @Option(
            names = "--normalise",
            paramLabel = "MEAN/STD",
            description =
                    "Make each input (x - MEAN) / STD, pixels being in [0, 1]: numbers of each channel between commas"
                            + " (0.5,0.5,0.5/0.2,0.2,0.2) or one for all; imagenet; auto, what the training examples have; or none"
                            + " (default: what the checkpoint says, which training writes there).")
    private String normalise;

    /**
     * The data as the option or a checkpoint says.
     *
     * @param known what a checkpoint says; null if nothing
     * @param where the checkpoint is
     */
    Data normalised(Data data, Normalisation known, String where, Consumer<String> note) {
        if (normalise == null) {
            return known == null ? data : data.normalised(known);
        }
        Data result = normalise.equals(NONE) ? data : data.normalised(normalise.equals(AUTO) ? null : given());
        Normalisation here = result.train().normalisation();
        if (where != null && !Objects.equals(known, here)) {
            note.accept(where + " was trained on inputs " + (known == null ? "as they are" : "normalised by " + known)
                    + ", these are " + (here == null ? "as they are" : "normalised by " + here));
        }
        return result;
    }

    private Normalisation given() {
        try {
            return Normalisation.parse(normalise);
        } catch (DataException e) {
            throw new DataException("--normalise: " + e.getMessage() + ", auto or none", e);
        }
    }

    boolean isSized() {
        return size != null;
    }

    /**
     * How the pictures of a folder become examples: grey for a network that reads one channel, otherwise of three.
     *
     * @param input of the network; null where it takes the size of the examples
     */
    ImageFolder.Form form(Shape input) {
        boolean isImage = input != null && input.rank() == 3;
        boolean isSquare = isImage && input.extent(1) == input.extent(2);
        return new ImageFolder.Form(
                isImage && input.extent(0) == 1 ? 1 : CHANNELS,
                size != null ? side() : isSquare ? Math.toIntExact(input.extent(1)) : 0);
    }

    /** Shape of a picture of a folder. */
    Shape image(Path folder) {
        if (size != null) {
            return Shape.of(CHANNELS, side(), side());
        }
        ImageFile.Size first = ImageFolder.of(folder).firstSize();
        return Shape.of(CHANNELS, first.height(), first.width());
    }

    private int side() {
        if (size < 1 || size > LARGEST) {
            throw new DataException("--image-size is " + size + ", expected 1 to " + LARGEST);
        }
        return size;
    }
}
