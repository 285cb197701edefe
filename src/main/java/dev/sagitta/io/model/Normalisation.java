package dev.sagitta.io.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * What the inputs of a network had done to them: x becomes (x - mean) / std, by channels. Pixels are in [0, 1] before it. A checkpoint and every file that is derived from it carry
 * it as JSON under {@link Checkpoint#NORMALISATION}, so that later commands do the same.
 *
 * @param mean of each channel
 * @param std of each channel, above 0
 */
public record Normalisation(List<Double> mean, List<Double> std) {
    private static final int MOST_CHANNELS = 1 << 12;

    /** Of the photographs that most networks with given weights were trained on. */
    public static final Normalisation IMAGENET =
            new Normalisation(List.of(0.485, 0.456, 0.406), List.of(0.229, 0.224, 0.225));

    public Normalisation {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        if (mean.isEmpty() || mean.size() != std.size()) {
            throw new DataException("a normalisation by " + mean.size() + " means and " + std.size()
                    + " deviations, expected one of each per channel");
        }
        for (int i = 0; i < mean.size(); i++) {
            if (!Double.isFinite(mean.get(i)) || !Double.isFinite(std.get(i)) || !(std.get(i) > 0)) {
                throw new DataException("a normalisation by mean " + mean.get(i) + " and deviation " + std.get(i)
                        + " of channel " + i + ", expected finite numbers, the deviation above 0");
            }
        }
    }

    /**
     * As options have it: {@code imagenet}, or {@code MEAN/STD}, each a number or one per channel, between commas.
     *
     * @throws DataException showing the text
     */
    public static Normalisation parse(String text) {
        if (text.equals("imagenet")) {
            return IMAGENET;
        }
        String[] parts = text.split("/", -1);
        try {
            if (parts.length == 2) {
                return new Normalisation(numbers(parts[0]), numbers(parts[1]));
            }
        } catch (NumberFormatException e) {
            // reported below
        }
        throw new DataException(
                "'" + text
                        + "', expected MEAN/STD, numbers of each channel between commas (0.5,0.5,0.5/0.2,0.2,0.2), or imagenet");
    }

    private static List<Double> numbers(String text) {
        return Arrays.stream(text.split(",", -1)).map(Double::valueOf).toList();
    }

    /**
     * The same for so many channels: one number serves all.
     *
     * @throws DataException if it is for another number of them
     */
    public Normalisation over(int channels, String source) {
        if (mean.size() == channels) {
            return this;
        }
        if (mean.size() == 1) {
            return new Normalisation(
                    Collections.nCopies(channels, mean.get(0)), Collections.nCopies(channels, std.get(0)));
        }
        throw new DataException(source + ": an example has " + channels + " channel" + (channels == 1 ? "" : "s")
                + ", the normalisation is for " + mean.size());
    }

    /** What becomes of a number in a channel. */
    public float of(double x, int channel) {
        return (float) ((x - mean.get(channel)) / std.get(channel));
    }

    public String toJson() {
        ObjectNode json = new ObjectMapper().createObjectNode();
        ArrayNode means = json.putArray("mean");
        mean.forEach(means::add);
        ArrayNode deviations = json.putArray("std");
        std.forEach(deviations::add);
        return json.toString();
    }

    /** @throws DataException naming the field that is missing or wrong */
    public static Normalisation parse(JsonInput json) {
        return new Normalisation(list(json, "mean"), list(json, "std"));
    }

    private static List<Double> list(JsonInput json, String field) {
        return Arrays.stream(json.numbers(field, MOST_CHANNELS, -Double.MAX_VALUE, Double.MAX_VALUE))
                .boxed()
                .toList();
    }

    /** As in "mean [0.5] and std [0.25]". */
    @Override
    public String toString() {
        return "mean " + mean + " and std " + std;
    }
}
