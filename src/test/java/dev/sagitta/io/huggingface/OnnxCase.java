package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One of ONNX's conformance cases: an operator, its attributes, what goes in and what must come out. */
record OnnxCase(JsonNode node, OnnxTensors tensors) {
    /** Nothing here computes this; the message says why. */
    static final class Unsupported extends RuntimeException {
        Unsupported(String reason) {
            super(reason);
        }
    }

    String name() {
        return node.get("case").textValue();
    }

    String operator() {
        return node.get("operator").textValue();
    }

    boolean hasInput(int index) {
        return tensors.has(name() + "/input." + index);
    }

    HostTensor input(int index) {
        return tensors.tensor(name() + "/input." + index);
    }

    /** The first: what others there are, statistics and positions, no op of ours gives out. */
    float[] output() {
        return tensors.tensor(name() + "/output.0").toFloats();
    }

    private JsonNode attribute(String key) {
        return node.get("attributes").get(key);
    }

    double number(String key, double absent) {
        return attribute(key) == null ? absent : attribute(key).doubleValue();
    }

    boolean flag(String key) {
        return number(key, 0) != 0;
    }

    String text(String key, String absent) {
        return attribute(key) == null ? absent : attribute(key).textValue();
    }

    int[] list(String key, int... absent) {
        return attribute(key) == null ? absent : HeldData.integers(attribute(key));
    }

    boolean has(String key) {
        return attribute(key) != null;
    }

    /**
     * What an operator over windows says of them, everything worked out: an entry per axis of an image.
     *
     * @param before positions of padding in front of each axis
     * @param after behind it
     */
    record Windows(int[] kernel, int[] stride, int[] dilation, int[] before, int[] after) {
        boolean isSymmetric() {
            return Arrays.equals(before, after);
        }

        /** The names of ops end in it. */
        String dimensions() {
            return kernel.length + "d";
        }

        /** For a {@code pad} layer: left, right, above, below. */
        List<Integer> sides() {
            List<Integer> sides = new ArrayList<>();
            for (int axis = kernel.length - 1; axis >= 0; axis--) {
                sides.add(before[axis]);
                sides.add(after[axis]);
            }
            return sides;
        }

        static String json(int[] axes) {
            return Arrays.toString(axes);
        }
    }

    private static int[] ones(int count) {
        int[] ones = new int[count];
        Arrays.fill(ones, 1);
        return ones;
    }

    /** @param weight of a convolution, which says the window where no attribute does; null for pools */
    Windows windows(Shape image, Shape weight, boolean transposed) {
        int axes = image.rank() - 2;
        if (axes > 2) {
            throw new Unsupported("of " + axes + " dimensions; images have 2, signals 1");
        }
        int[] kernel = new int[axes];
        for (int i = 0; i < axes; i++) {
            kernel[i] = has("kernel_shape") ? list("kernel_shape")[i] : (int) weight.extent(2 + i);
        }
        int[] stride = list("strides", ones(axes));
        int[] dilation = list("dilations", ones(axes));
        int[] pads = list("pads", new int[2 * axes]);
        int[] before = Arrays.copyOfRange(pads, 0, axes);
        int[] after = Arrays.copyOfRange(pads, axes, 2 * axes);
        String auto = text("auto_pad", "NOTSET");
        if (auto.startsWith("SAME") || has("output_shape")) {
            for (int i = 0; i < axes; i++) {
                int in = (int) image.extent(2 + i);
                int window = (kernel[i] - 1) * dilation[i] + 1;
                int total;
                if (transposed) {
                    int out = has("output_shape") ? list("output_shape")[i] : in * stride[i];
                    total = stride[i] * (in - 1) + list("output_padding", new int[axes])[i] + window - out;
                } else {
                    int out = (in + stride[i] - 1) / stride[i];
                    total = Math.max(0, (out - 1) * stride[i] + window - in);
                }
                boolean upper = auto.equals("SAME_UPPER");
                before[i] = upper ? total >> 1 : total - (total >> 1);
                after[i] = total - before[i];
            }
        }
        return new Windows(kernel, stride, dilation, before, after);
    }
}
