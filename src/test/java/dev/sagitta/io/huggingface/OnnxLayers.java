package dev.sagitta.io.huggingface;

import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A network of our layers that computes what an operator of ONNX computes: its JSON, what its inputs and its parameters are. */
final class OnnxLayers {
    private final OnnxCase onnx;
    private final List<String> layers = new ArrayList<>();
    private final Map<String, HostTensor> inputs = new LinkedHashMap<>();
    private final Map<String, HostTensor> parameters = new LinkedHashMap<>();
    private boolean batchStatistics;

    private OnnxLayers(OnnxCase onnx) {
        this.onnx = onnx;
    }

    /** By name; each with the batch as its first axis. */
    Map<String, HostTensor> inputs() {
        return inputs;
    }

    HostTensor parameter(String name) {
        return parameters.get(name);
    }

    boolean batchStatistics() {
        return batchStatistics;
    }

    String json() {
        String further = inputs.entrySet().stream()
                .skip(1)
                .map(input -> "\"%s\": {\"shape\": %s}".formatted(input.getKey(), example(input.getValue())))
                .collect(Collectors.joining(", "));
        return "{\"input\": {\"shape\": %s}, \"inputs\": {%s}, \"loss\": \"mse\", \"layers\": [%s]}"
                .formatted(example(inputs.get("input")), further, String.join(", ", layers));
    }

    private static String example(HostTensor input) {
        long[] extents = input.shape().toArray();
        return Arrays.toString(Arrays.copyOfRange(extents, 1, extents.length));
    }

    static OnnxLayers of(OnnxCase onnx) {
        OnnxLayers layers = new OnnxLayers(onnx);
        switch (onnx.operator()) {
            case "Conv" -> layers.convolution();
            case "ConvTranspose" -> layers.transposed();
            case "MaxPool", "AveragePool" -> layers.pool();
            case "GlobalAveragePool" -> layers.images().add("global_avg_pool", "y", "");
            case "BatchNormalization" -> layers.batchNorm();
            case "InstanceNormalization" ->
                layers.images()
                        .vectors("weight", "bias")
                        .add("instance_norm", "y", "\"affine\": true, \"epsilon\": " + onnx.number("epsilon", 1e-5));
            case "LayerNormalization" -> layers.layerNorm();
            case "Softmax" -> layers.alongAxis("softmax");
            case "LogSoftmax" -> layers.alongAxis("log_softmax");
            case "MatMul" ->
                layers.whole("input", onnx.input(0)).whole("b", onnx.input(1)).add("matmul", "y", "", "input", "b");
            case "Gemm" -> layers.gemm();
            default -> layers.function();
        }
        return layers;
    }

    private OnnxLayers add(String type, String name, String fields, String... from) {
        String reads = from.length == 0 ? "" : ", \"from\": [\"" + String.join("\", \"", from) + "\"]";
        layers.add("{\"type\": \"%s\", \"name\": \"%s\"%s%s}"
                .formatted(type, name, reads, fields.isEmpty() ? "" : ", " + fields));
        return this;
    }

    private OnnxLayers images() {
        inputs.put("input", onnx.input(0));
        return this;
    }

    /** The batch as an axis like any other, behind a batch of one. */
    private OnnxLayers whole(String name, HostTensor tensor) {
        inputs.put(name, reshaped(tensor, tensor.shape().prepend(1)));
        return this;
    }

    private static HostTensor reshaped(HostTensor tensor, Shape shape) {
        return HostTensor.of(tensor.name(), shape, tensor.toFloats());
    }

    /** Inputs 1, 2, ... as these parameters of {@code y}. */
    private OnnxLayers vectors(String... parts) {
        for (int i = 0; i < parts.length && onnx.hasInput(1 + i); i++) {
            parameters.put("y." + parts[i], onnx.input(1 + i));
        }
        return this;
    }

    private static String window(OnnxCase.Windows windows, int[] padding) {
        return "\"kernel\": %s, \"stride\": %s, \"padding\": %s"
                .formatted(
                        OnnxCase.Windows.json(windows.kernel()),
                        OnnxCase.Windows.json(windows.stride()),
                        OnnxCase.Windows.json(padding));
    }

    /** Padding that differs from side to side is a layer of its own; returns what is left for the operator. */
    private int[] padded(OnnxCase.Windows windows, String value) {
        if (windows.isSymmetric()) {
            return windows.before();
        }
        add("pad" + (windows.kernel().length == 1 ? "1d" : ""), "pad", "\"padding\": " + windows.sides() + value);
        return new int[windows.kernel().length];
    }

    private void convolution() {
        images().vectors("weight", "bias");
        Shape weight = onnx.input(1).shape();
        OnnxCase.Windows windows = onnx.windows(onnx.input(0).shape(), weight, false);
        String fields = window(windows, padded(windows, "")) + convolved(windows, weight.extent(0));
        add("conv" + windows.dimensions(), "y", fields);
    }

    private String convolved(OnnxCase.Windows windows, long out) {
        return ", \"dilation\": %s, \"groups\": %d, \"out\": %d, \"bias\": %b"
                .formatted(
                        OnnxCase.Windows.json(windows.dilation()),
                        (long) onnx.number("group", 1),
                        out,
                        onnx.hasInput(2));
    }

    /** An output that is cut off at one end more than at the other is cut by layers of its own; one that is longer than all windows has output padding. */
    private void transposed() {
        images().vectors("weight", "bias");
        HostTensor x = onnx.input(0);
        Shape weight = onnx.input(1).shape();
        OnnxCase.Windows windows = onnx.windows(x.shape(), weight, true);
        int axes = windows.kernel().length;
        int[] more = onnx.list("output_padding", new int[axes]).clone();
        int[] padding = new int[axes];
        String cuts = "";
        for (int i = 0; i < axes; i++) {
            int total = windows.before()[i] + windows.after()[i];
            if (total < 0) {
                more[i] -= total;
            } else if (windows.before()[i] == windows.after()[i]) {
                padding[i] = windows.before()[i];
            } else {
                cuts += i;
            }
        }
        String fields = window(windows, padding) + ", \"output_padding\": " + OnnxCase.Windows.json(more)
                + convolved(windows, weight.extent(1) * (long) onnx.number("group", 1));
        add("conv_transpose" + windows.dimensions(), "y", fields);
        for (char cut : cuts.toCharArray()) {
            int i = cut - '0';
            long whole = (x.shape().extent(2 + i) - 1) * windows.stride()[i]
                    + (windows.kernel()[i] - 1L) * windows.dilation()[i]
                    + 1
                    + more[i];
            add(
                    "slice",
                    "cut" + i,
                    "\"axis\": %d, \"begin\": %d, \"end\": %d"
                            .formatted(1 + i, windows.before()[i], whole - windows.after()[i]));
        }
    }

    private void pool() {
        images();
        boolean max = onnx.operator().equals("MaxPool");
        OnnxCase.Windows windows = onnx.windows(onnx.input(0).shape(), null, false);
        if (!max && !windows.isSymmetric() && !onnx.flag("count_include_pad")) {
            throw new OnnxCase.Unsupported("a mean that leaves out a padding which differs from side to side");
        }
        String value = max ? ", \"value\": -1e9" : "";
        String fields = window(windows, padded(windows, value)) + ", \"ceil_mode\": " + onnx.flag("ceil_mode")
                + (max
                        ? ", \"dilation\": " + OnnxCase.Windows.json(windows.dilation())
                        : ", \"count_include_pad\": " + onnx.flag("count_include_pad"));
        add((max ? "max_pool" : "avg_pool") + windows.dimensions(), "y", fields);
    }

    private void batchNorm() {
        images().vectors("weight", "bias", "running_mean", "running_var");
        batchStatistics = onnx.flag("training_mode");
        add("batch_norm", "y", "\"epsilon\": " + onnx.number("epsilon", 1e-5));
    }

    /** All axes from one on are one row. */
    private void layerNorm() {
        HostTensor x = onnx.input(0);
        int axis = axis(-1);
        long rows = 1;
        for (int i = 0; i < axis; i++) {
            rows *= x.shape().extent(i);
        }
        long width = x.elements() / rows;
        inputs.put("input", reshaped(x, Shape.of(rows, width)));
        parameters.put("y.weight", reshaped(onnx.input(1), Shape.of(width)));
        parameters.put("y.bias", reshaped(onnx.input(2), Shape.of(width)));
        add("layer_norm", "y", "\"epsilon\": " + onnx.number("epsilon", 1e-5));
    }

    private int axis(int absent) {
        int rank = onnx.input(0).shape().rank();
        return Math.floorMod((int) onnx.number("axis", absent), rank);
    }

    /** Our ops read the last axis. */
    private void alongAxis(String type) {
        whole("input", onnx.input(0));
        int last = onnx.input(0).shape().rank() - 1;
        int axis = axis(-1);
        List<Integer> axes = IntStream.rangeClosed(0, last)
                .mapToObj(i -> i == axis ? last : i == last ? axis : i)
                .toList();
        if (axis == last) {
            add(type, "y", "");
        } else {
            add("transpose", "there", "\"axes\": " + axes)
                    .add(type, "y", "")
                    .add("transpose", "back", "\"axes\": " + axes);
        }
    }

    /** alpha a b + beta c; c is spread over the rows that it stands for here, as an input has a shape of its own. */
    private void gemm() {
        HostTensor a = onnx.input(0);
        HostTensor b = onnx.input(1);
        whole("input", a).whole("b", b);
        String left = "input";
        if (onnx.flag("transA")) {
            add("transpose", "at", "\"axes\": [1, 0]", "input");
            left = "at";
        }
        boolean transB = onnx.flag("transB");
        add("matmul", "ab", "\"transpose_b\": " + transB, left, "b");
        add("scale", "y", "\"by\": " + onnx.number("alpha", 1));
        if (onnx.hasInput(2)) {
            int m = (int) a.shape().extent(onnx.flag("transA") ? 1 : 0);
            int n = (int) b.shape().extent(transB ? 0 : 1);
            HostTensor c = onnx.input(2);
            int rank = c.shape().rank();
            int columns = rank == 0 ? 1 : (int) c.shape().extent(-1);
            int rows = rank < 2 ? 1 : (int) c.shape().extent(0);
            float[] all = new float[m * n];
            for (int i = 0; i < all.length; i++) {
                all[i] = c.floatAt(i / n % rows * columns + i % n % columns);
            }
            inputs.put("c", HostTensor.of("c", Shape.of(1, m, n), all));
            add("scale", "bc", "\"by\": " + onnx.number("beta", 1), "c").add("add", "sum", "", "y", "bc");
        }
    }

    private void function() {
        HostTensor x = onnx.input(0);
        inputs.put("input", reshaped(x, Shape.of(1, x.elements())));
        switch (onnx.operator()) {
            case "Elu" -> fixed("elu", 1);
            case "LeakyRelu" -> fixed("leaky_relu", 0.01);
            case "HardSigmoid" -> {
                if (onnx.number("beta", 0.5) != 0.5) {
                    throw new OnnxCase.Unsupported("beta is %s, ours 0.5".formatted(onnx.number("beta", 0.5)));
                }
                add("scale", "slope", "\"by\": " + 6 * onnx.number("alpha", 0.2f))
                        .add("hardsigmoid", "y", "");
            }
            default -> add(onnx.operator().toLowerCase(java.util.Locale.ROOT), "y", "");
        }
    }

    private void fixed(String type, double alpha) {
        if (Math.abs(onnx.number("alpha", alpha) - alpha) > 1e-6) {
            throw new OnnxCase.Unsupported("alpha is %.3g, ours %s".formatted(onnx.number("alpha", alpha), alpha));
        }
        add(type, "y", "");
    }
}
