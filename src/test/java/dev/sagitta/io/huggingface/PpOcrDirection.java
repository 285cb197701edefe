package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.data.DataSet;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** The network of {@code ppocr-direction.safetensors}, MobileNetV3-small of width 0.35, and its 24 crops. */
final class PpOcrDirection {
    static final String WEIGHTS = "ppocr-direction.safetensors";

    static final int HEIGHT = 48;
    static final int WIDTH = 192;
    private static final List<Long> ONE = List.of(1L, 1L);
    /** Of the gates: a float in the file that the network comes from. */
    static final double SLOPE = 0.2f;

    private PpOcrDirection() {}

    static Graph graph(SafetensorsFile weights, JsonNode blocks) {
        PpOcr layers = new PpOcr();
        unit(layers, weights, "features.0", "hardswish", List.of(2L, 2L));
        int number = 1;
        for (JsonNode block : blocks) {
            block(layers, weights, "features." + number++, block);
        }
        unit(layers, weights, "features." + number, "hardswish", ONE);
        layers.add("max_pool2d", "maxima", "\"kernel\": 2").add("global_avg_pool", "means", "");
        layers.add("linear", "classifier", "\"out\": 2");
        return ModelSpec.parse(layers.json(new long[] {3, HEIGHT, WIDTH}), "ppocr-direction")
                .toGraph();
    }

    private static void unit(PpOcr layers, SafetensorsFile weights, String name, String activation, List<Long> stride) {
        Shape weight = weights.shape(name + ".0.weight");
        long groups = weight.extent(1) == 1 ? weight.extent(0) : 1;
        List<Long> kernel = List.of(weight.extent(2), weight.extent(3));
        layers.convolution(name + ".0", weight.extent(0), kernel, stride, groups, false);
        layers.add("batch_norm", name + ".1", "");
        if (!activation.isEmpty()) {
            layers.add(activation, name + ".2", "");
        }
    }

    private static void block(PpOcr layers, SafetensorsFile weights, String feature, JsonNode block) {
        String before = layers.last();
        String name = feature + ".block.";
        String activation = block.get("activation").textValue();
        unit(layers, weights, name + "0", activation, ONE);
        unit(layers, weights, name + "1", activation, PpOcr.stride(block));
        int module = 2;
        if (block.get("squeeze").booleanValue()) {
            String squeeze = name + module++;
            layers.squeezed(squeeze, weights.shape(squeeze + ".fc1.weight").extent(0), SLOPE);
        }
        unit(layers, weights, name + module, "", ONE);
        if (block.get("residual").booleanValue()) {
            layers.add("add", feature + ".sum", "", before, layers.last());
        }
    }

    /** Crops and whether each stands on its head. */
    static DataSet crops(JsonNode cases) {
        int[] labels = labels(cases);
        return DataSet.of(
                HostTensor.of("crops", Shape.of(labels.length, 3, HEIGHT, WIDTH), pixels(cases)),
                HostTensor.of("upside_down", Shape.of(labels.length), labels));
    }

    static int[] labels(JsonNode cases) {
        int[] labels = new int[cases.size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = cases.get(i).get("upside_down").booleanValue() ? 1 : 0;
        }
        return labels;
    }

    /** [crops, 3, height, width]. */
    static float[] pixels(JsonNode cases) {
        List<float[]> images = new ArrayList<>();
        try (SafetensorsFile file = SafetensorsFile.open(HeldData.file(PpOcr.IMAGES))) {
            for (JsonNode one : cases) {
                boolean upsideDown = one.get("upside_down").booleanValue();
                images.add(PpOcr.input(file.tensor(one.get("image").textValue()), upsideDown));
            }
        }
        int each = 3 * HEIGHT * WIDTH;
        float[] all = new float[images.size() * each];
        for (int i = 0; i < images.size(); i++) {
            System.arraycopy(images.get(i), 0, all, i * each, each);
        }
        return all;
    }
}
