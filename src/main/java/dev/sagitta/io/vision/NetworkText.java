package dev.sagitta.io.vision;

import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/** The JSON of a network over images, layer by layer. Each method adds a layer that reads another by name, and returns its own name. */
final class NetworkText {
    private static final String INPUT = "input";

    private final Shape image;
    private final StringJoiner layers = new StringJoiner(",\n  ");

    NetworkText(Shape image) {
        this.image = image;
    }

    String input() {
        return INPUT;
    }

    /** @param fields names and numbers in turn */
    String add(String type, String name, String from, Object... fields) {
        return layer(type, name, quoted(from), fields);
    }

    /** A layer of several inputs. */
    String join(String type, String name, String[] from, Object... fields) {
        String all = Arrays.stream(from).map(NetworkText::quoted).collect(Collectors.joining(", ", "[", "]"));
        return layer(type, name, all, fields);
    }

    private String layer(String type, String name, String from, Object... fields) {
        StringBuilder layer = new StringBuilder("{\"type\": ").append(quoted(type));
        layer.append(", \"name\": ").append(quoted(name)).append(", \"from\": ").append(from);
        for (int i = 0; i < fields.length; i += 2) {
            Object value = fields[i + 1];
            layer.append(", ").append(quoted((String) fields[i])).append(": ");
            layer.append(value instanceof String text ? quoted(text) : value);
        }
        layers.add(layer.append("}"));
        return name;
    }

    private static String quoted(String text) {
        return "\"" + text + "\"";
    }

    /** A convolution without a bias, for a batch norm behind it, that keeps height and width at stride 1; its weight begins as residual networks have it. */
    String convolution(String name, String from, int out, int kernel, int stride, int groups) {
        return add(
                "conv2d",
                name,
                from,
                "out",
                out,
                "kernel",
                kernel,
                "stride",
                stride,
                "padding",
                kernel / 2,
                "groups",
                groups,
                "bias",
                false,
                "init",
                "kaiming");
    }

    /** The same with the batch norm. */
    String normed(String convolution, String norm, String from, int out, int kernel, int stride, int groups) {
        return add("batch_norm", norm, convolution(convolution, from, out, kernel, stride, groups));
    }

    @Override
    public String toString() {
        return "{\"input\": {\"shape\": " + Arrays.toString(image.toArray())
                + "}, \"loss\": \"cross_entropy\", \"layers\": [\n  " + layers + "]}";
    }
}
