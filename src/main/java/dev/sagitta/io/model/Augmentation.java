package dev.sagitta.io.model;

import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.kernel.random.Augment;

/**
 * What training does to images at random.
 *
 * @param flip whether half of them are turned left to right
 * @param crop pixels of zeros around an image, of which a part of its size is taken
 */
public record Augmentation(boolean flip, int crop) {
    private static final String TYPE = "augment";
    private static final String FLIP = "flip";
    private static final String CROP = "crop:";

    /**
     * As options have it: {@code flip}, {@code crop:N} or both between a comma.
     *
     * @throws DataException showing the text
     */
    public static Augmentation parse(String text) {
        boolean flip = false;
        int crop = 0;
        for (String part : text.split(",", -1)) {
            if (part.equals(FLIP) && !flip) {
                flip = true;
            } else if (part.matches(CROP + "[1-9][0-9]{0,3}") && crop == 0 && pixels(part) <= Augment.MOST_PADDING) {
                crop = pixels(part);
            } else {
                throw new DataException("'" + text + "', expected flip, crop:N with 1 to " + Augment.MOST_PADDING
                        + " pixels, or flip,crop:N");
            }
        }
        return new Augmentation(flip, crop);
    }

    private static int pixels(String crop) {
        return Integer.parseInt(crop.substring(CROP.length()));
    }

    /** Whether a layer does such a thing. */
    static boolean isOf(LayerSpec layer) {
        return layer.type().name().equals(TYPE);
    }

    /** As the layers of a model have it. */
    LayerSpec layer() {
        String json = "{\"type\": \"" + TYPE + "\", \"name\": \"" + TYPE + "\", \"from\": \"" + ModelJson.INPUT
                + "\", \"flip\": " + flip + ", \"crop\": " + crop + "}";
        return new LayerCodec(OpTypes.standard()).read(JsonInput.parse(json, TYPE), 0);
    }
}
