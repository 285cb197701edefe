package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * The network of {@code ppocr-recogniser.safetensors}: convolutions over a line's image, attention over its columns, logits of 6,625 characters for each of them.
 * What the file has as one scale and one bias for all channels is here a batch norm that has seen a mean of 0 and a variance of 1.
 */
record PpOcrRecogniser(SafetensorsFile weights) {
    static final String WEIGHTS = "ppocr-recogniser.safetensors";
    static final int CLASSES = 6625;

    private static final int HEIGHT = 48;
    private static final int HEADS = 8;
    private static final List<Long> ONE = List.of(1L, 1L);
    /** Of the gates: a float in the file that the network comes from. */
    private static final double SLOPE = 0.16666670143604279;

    Graph graph(JsonNode blocks, long width) {
        PpOcr layers = new PpOcr();
        convolution(layers, "backbone.conv1.conv", List.of(2L, 2L));
        layers.add("batch_norm", "backbone.conv1.bn", "");
        int number = 0;
        for (JsonNode block : blocks) {
            String name = "backbone.blocks." + number++ + ".";
            layer(layers, name + "dw_conv", PpOcr.stride(block));
            if (block.get("squeeze").booleanValue()) {
                long reduced = weights.shape(name + "se.conv1.weight").extent(0);
                layers.squeezed(name + "se", reduced, SLOPE);
            }
            layer(layers, name + "pw_conv", ONE);
        }
        layers.add("avg_pool2d", "pooled", "\"kernel\": [3, 2]");
        unit(layers, "neck.conv1");
        unit(layers, "neck.conv2");
        layers.add("tokens", "neck.columns", "");
        mix(layers, "neck.blocks.0.");
        mix(layers, "neck.blocks.1.");
        layers.add("layer_norm", "neck.norm", "\"epsilon\": 1e-6")
                .add("transpose", "neck.channels", "\"axes\": [1, 0]");
        layers.add("reshape", "neck.image", "\"shape\": [%d, 1, -1]".formatted(normed()));
        unit(layers, "neck.conv3");
        layers.add("concat", "neck.both", "\"axis\": 0", "pooled", layers.last());
        unit(layers, "neck.conv4");
        unit(layers, "neck.conv1x1");
        layers.add("tokens", "head.columns", "").add("linear", "head.fc", "\"out\": " + CLASSES);
        return ModelSpec.parse(layers.json(new long[] {3, HEIGHT, width}), "ppocr-recogniser")
                .toGraph();
    }

    private long normed() {
        return weights.shape("neck.norm.weight").extent(0);
    }

    private void convolution(PpOcr layers, String name, List<Long> stride) {
        Shape weight = weights.shape(name + ".weight");
        long groups = weight.extent(1) == 1 ? weight.extent(0) : 1;
        List<Long> kernel = List.of(weight.extent(2), weight.extent(3));
        layers.convolution(name, weight.extent(0), kernel, stride, groups, weights.has(name + ".bias"));
    }

    /** Convolution, scalar affine, hard swish, scalar affine. */
    private void layer(PpOcr layers, String name, List<Long> stride) {
        convolution(layers, name + ".conv", stride);
        layers.add("batch_norm", name + ".lab", "\"epsilon\": 0").add("hardswish", name + ".act", "");
        layers.add("batch_norm", name + ".act.lab", "\"epsilon\": 0");
    }

    private void unit(PpOcr layers, String name) {
        convolution(layers, name + ".conv", ONE);
        layers.add("batch_norm", name + ".bn", "").add("silu", name + ".act", "");
    }

    /** Attention and a perceptron, each behind a norm and beside its input. */
    private void mix(PpOcr layers, String name) {
        String before = layers.last();
        layers.add("layer_norm", name + "norm1", "");
        linear(layers, name + "attn.qkv");
        layers.add("attention", name + "attn", "\"heads\": " + HEADS);
        linear(layers, name + "attn.proj");
        layers.add("add", name + "mixed", "", before, layers.last()).add("layer_norm", name + "norm2", "");
        linear(layers, name + "mlp.fc1");
        layers.add("silu", name + "mlp.act", "");
        linear(layers, name + "mlp.fc2");
        layers.add("add", name + "out", "", name + "mixed", layers.last());
    }

    private void linear(PpOcr layers, String name) {
        layers.add("linear", name, "\"out\": " + weights.shape(name + ".weight").extent(0));
    }

    ByteBuffer parameter(Parameter parameter) {
        String name = parameter.name().replace(".se.fc", ".se.conv");
        if (!name.contains(".lab.")) {
            return weights.tensor(name).bytes();
        }
        String part = name.substring(name.lastIndexOf('.') + 1);
        float[] all = new float[(int) parameter.elements()];
        String scalar = name.replace(".lab.weight", ".lab.scale");
        Arrays.fill(
                all,
                part.equals("running_mean")
                        ? 0
                        : part.equals("running_var")
                                ? 1
                                : weights.tensor(scalar).floatAt(0));
        return HostTensor.of(name, parameter.shape(), all).bytes();
    }
}
