package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.io.file.HostTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What the two networks of PP-OCR have in common: layers as JSON, one reading the one before, and grey images as they want them. */
final class PpOcr {
    static final String IMAGES = "tools/expected/ppocr.safetensors";

    private final List<String> layers = new ArrayList<>();
    private String last = "input";

    /** The layer that the next one reads where it says nothing else. */
    String last() {
        return last;
    }

    /** @param fields of JSON, behind type, name and what it reads */
    PpOcr add(String type, String name, String fields, String... from) {
        List<String> reads = from.length == 0 ? List.of(last) : Arrays.asList(from);
        layers.add("{\"type\": \"%s\", \"name\": \"%s\", \"from\": [\"%s\"]%s}"
                .formatted(type, name, String.join("\", \"", reads), fields.isEmpty() ? "" : ", " + fields));
        last = name;
        return this;
    }

    /** A convolution whose padding keeps odd windows centred. */
    PpOcr convolution(String name, long out, List<Long> kernel, List<Long> stride, long groups, boolean bias) {
        List<Long> padding = kernel.stream().map(extent -> extent / 2).toList();
        return add(
                "conv2d",
                name,
                "\"out\": %d, \"kernel\": %s, \"stride\": %s, \"padding\": %s, \"groups\": %d, \"bias\": %b"
                        .formatted(out, kernel, stride, padding, groups, bias));
    }

    /** Gates that are min(max(slope s + 1/2, 0), 1). */
    PpOcr squeezed(String name, long reduced, double slope) {
        return add(
                "squeeze_excitation",
                name,
                "\"reduced\": %d, \"gate\": \"hardsigmoid\", \"slope\": %s".formatted(reduced, slope));
    }

    String json(long[] image) {
        return "{\"input\": {\"shape\": %s}, \"loss\": \"cross_entropy\", \"layers\": [\n%s]}"
                .formatted(Arrays.toString(image), String.join(",\n", layers));
    }

    static List<Long> stride(JsonNode block) {
        JsonNode stride = block.get("stride");
        return List.of(stride.get(0).longValue(), stride.get(1).longValue());
    }

    /** (v / 255 - 0.5) / 0.5 in three equal channels, [3, height, width]; upside down is read from its end. */
    static float[] input(HostTensor grey, boolean upsideDown) {
        int pixels = (int) grey.elements();
        float[] values = new float[3 * pixels];
        for (int i = 0; i < pixels; i++) {
            int grade = grey.bytes().get(upsideDown ? pixels - 1 - i : i) & 0xff;
            float value = (grade / 255f - 0.5f) / 0.5f;
            values[i] = value;
            values[pixels + i] = value;
            values[2 * pixels + i] = value;
        }
        return values;
    }
}
