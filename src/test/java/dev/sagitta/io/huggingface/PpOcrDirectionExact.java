package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.huggingface.ExactImages.Array;
import dev.sagitta.io.huggingface.ExactImages.Near;
import dev.sagitta.io.huggingface.ExactImages.Pieces;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The direction network in float64 with the statistics of its batch: loss, gradient and Hessian product along the pattern, on chosen pieces. */
final class PpOcrDirectionExact {
    private final Map<String, Array> parameters = new LinkedHashMap<>();
    private final ExactImages exact;
    private double loss;

    private PpOcrDirectionExact(ExactImages exact) {
        this.exact = exact;
    }

    double loss() {
        return loss;
    }

    List<Near> near() {
        return exact.near();
    }

    Map<String, double[]> gradient() {
        Map<String, double[]> all = new LinkedHashMap<>();
        parameters.forEach((name, parameter) -> all.put(name, parameter.c()));
        return all;
    }

    Map<String, double[]> product() {
        Map<String, double[]> all = new LinkedHashMap<>();
        parameters.forEach((name, parameter) -> all.put(name, parameter.ct()));
        return all;
    }

    /** @param moved by function and index, the step to another piece than the value's */
    static PpOcrDirectionExact of(
            SafetensorsFile weights,
            JsonNode blocks,
            float[] crops,
            int[] labels,
            Map<String, Map<Integer, Integer>> moved,
            double within) {
        PpOcrDirectionExact network = new PpOcrDirectionExact(new ExactImages(moved, within));
        for (String name : weights.names()) {
            if (!name.contains("running")) {
                network.parameters.put(name, parameter(weights.tensor(name)));
            }
        }
        Array images = Array.of(labels.length, 3, PpOcrDirection.HEIGHT, PpOcrDirection.WIDTH);
        for (int i = 0; i < crops.length; i++) {
            images.v()[i] = crops[i];
        }
        network.loss = network.exact.crossEntropy(network.logits(images, blocks), labels);
        network.exact.goBack();
        return network;
    }

    private static Array parameter(HostTensor tensor) {
        Shape shape = tensor.shape();
        int[] extents = {1, 1, 1, 1};
        for (int i = 0; i < shape.rank(); i++) {
            extents[i] = (int) shape.extent(i);
        }
        Array parameter = Array.of(extents[0], extents[1], extents[2], extents[3]);
        for (int i = 0; i < parameter.v().length; i++) {
            parameter.v()[i] = tensor.floatAt(i);
            parameter.t()[i] = HeldData.pattern(i);
        }
        return parameter;
    }

    private Array logits(Array images, JsonNode blocks) {
        Array x = unit("features.0", images, Pieces.HARDSWISH, 2, 2);
        int number = 1;
        for (JsonNode block : blocks) {
            Array y = block("features." + number++ + ".block.", x, block);
            x = block.get("residual").booleanValue() ? exact.sum(x, y) : y;
        }
        x = unit("features." + number, x, Pieces.HARDSWISH, 1, 1);
        return convolution("classifier", exact.means(x, true), 1, 1);
    }

    private Array block(String name, Array x, JsonNode block) {
        Pieces function = Pieces.valueOf(block.get("activation").textValue().toUpperCase(java.util.Locale.ROOT));
        List<Long> stride = PpOcr.stride(block);
        Array y = unit(name + "0", x, function, 1, 1);
        y = unit(
                name + "1", y, function, stride.get(0).intValue(), stride.get(1).intValue());
        int module = 2;
        if (block.get("squeeze").booleanValue()) {
            String squeeze = name + module++;
            Array few = convolution(squeeze + ".fc1", exact.means(y, false), 1, 1);
            Array gates = convolution(squeeze + ".fc2", exact.pieces(squeeze + ".fc1", Pieces.RELU, few), 1, 1);
            Array sloped = exact.affine(gates, PpOcrDirection.SLOPE, 0.5);
            y = exact.scaled(y, exact.pieces(squeeze + ".fc2", Pieces.CLIPPED, sloped));
        }
        return unit(name + module, y, null, 1, 1);
    }

    private Array convolution(String name, Array x, int strideY, int strideX) {
        return exact.convolution(x, parameters.get(name + ".weight"), parameters.get(name + ".bias"), strideY, strideX);
    }

    private Array unit(String name, Array x, Pieces function, int strideY, int strideX) {
        Array y = exact.batchNorm(
                convolution(name + ".0", x, strideY, strideX),
                parameters.get(name + ".1.weight"),
                parameters.get(name + ".1.bias"));
        return function == null ? y : exact.pieces(name, function, y);
    }
}
