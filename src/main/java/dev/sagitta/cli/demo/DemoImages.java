package dev.sagitta.cli.demo;

import dev.sagitta.data.Data;
import dev.sagitta.data.ImageFolder;
import java.nio.file.Path;

/**
 * Images that a demo learns.
 *
 * @param side of the squares that pictures of a folder are made; 0 for pictures as they are
 */
public record DemoImages(Kind kind, Path path, int side) {
    private static final int CHANNELS = 3;

    /** How they are stored. */
    public enum Kind {
        /** MNIST's files. */
        IDX,
        CIFAR,
        /** Pictures in a folder for each class. */
        FOLDER
    }

    Data read(long seed) {
        return switch (kind) {
            case IDX -> Data.idx(path);
            case CIFAR -> Data.cifar(path, seed);
            case FOLDER -> Data.images(path, new ImageFolder.Form(CHANNELS, side), seed);
        };
    }
}
