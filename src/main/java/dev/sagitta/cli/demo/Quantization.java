package dev.sagitta.cli.demo;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.op.Linear;
import dev.sagitta.kernel.PackedWeights;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.QuantFormat;
import dev.sagitta.kernel.QuantizeWeights;
import dev.sagitta.kernel.RepackWeights;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.quant.BitAllocation;
import dev.sagitta.quant.BitTable;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A network's weight matrices in every width on offer, and the networks that run on a choice of them. */
final class Quantization implements AutoCloseable {
    private static final int[] WIDTHS = {2, 3, 4, 8};
    private static final int GROUP = 64;

    private final Device device;
    private final Graph graph;
    private final NetworkMemory network;
    private final Map<String, Linear> layers = new LinkedHashMap<>();
    private final Map<String, Map<Integer, Packed>> packed = new HashMap<>();
    private final BitTable table;

    private record Packed(PackedWeights weights, double error) {}

    /** @param averageTrace of the Hessian's block of a weight, by name */
    Quantization(Graph graph, Device device, NetworkMemory network, Map<String, Double> averageTrace) {
        this.device = device;
        this.graph = graph;
        this.network = network;
        for (Node node : graph.nodes()) {
            if (node.op() instanceof Linear linear) {
                layers.putIfAbsent(linear.weight().name(), linear);
            }
        }
        List<BitTable.Layer> rows = new ArrayList<>();
        for (String name : layers.keySet()) {
            List<BitTable.Option> options = new ArrayList<>();
            for (int bits : WIDTHS) {
                Packed choice = pack(name, bits);
                packed.computeIfAbsent(name, key -> new HashMap<>()).put(bits, choice);
                options.add(new BitTable.Option(
                        bits, averageTrace.get(name) * choice.error(), bytes(choice.weights()), 0));
            }
            rows.add(new BitTable.Layer(name, options));
        }
        this.table = new BitTable(rows, List.of());
    }

    /** As stored in a file: panels pad the rows. */
    private static long bytes(PackedWeights weights) {
        return weights.format().bytes(weights.n(), weights.k());
    }

    private Packed pack(String name, int bits) {
        Tensor weight = network.parameter(name);
        long n = weight.shape().extent(0);
        long k = weight.shape().extent(1);
        QuantFormat format = new QuantFormat(bits, GROUP, false);
        PackedWeights rows = PackedWeights.allocate(
                device, MemoryCategory.WORKSPACE, name, format, PackedWeights.Layout.ROWS, n, k);
        PackedWeights panels = PackedWeights.allocate(
                device, MemoryCategory.WEIGHTS, name, format, PackedWeights.Layout.PANELS, n, k);
        Tensor errors = Tensor.allocate(device, MemoryCategory.WORKSPACE, name + ".errors", DType.F32, Shape.of(n));
        try (Step step = Preparable.sequence(QuantizeWeights.of(weight, rows, errors), RepackWeights.of(rows, panels))
                .prepare(device)) {
            step.enqueue(device.stream());
            double error = 0;
            for (float row : errors.downloadFloats(device.stream())) {
                error += row;
            }
            return new Packed(panels, error);
        } finally {
            close(rows);
            errors.buffer().close();
        }
    }

    private static void close(PackedWeights weights) {
        weights.words().buffer().close();
        weights.scales().buffer().close();
        weights.offsets().buffer().close();
    }

    /** All layers at the same width. */
    DemoResult.Quantized uniform(int bits, Examples heldOut) {
        Map<String, BitTable.Option> choice = new LinkedHashMap<>();
        for (BitTable.Layer layer : table.layers()) {
            layer.options().stream()
                    .filter(option -> option.bits() == bits)
                    .forEach(option -> choice.put(layer.name(), option));
        }
        return evaluate("uniform", choice, heldOut);
    }

    /** The widths that cost least loss, as the curvature predicts it, in at most so many bytes. */
    DemoResult.Quantized byCurvature(long bytes, Examples heldOut) {
        return evaluate(
                "curvature",
                BitAllocation.minimise(table, BitAllocation.Limit.BYTES, bytes).choice(),
                heldOut);
    }

    private DemoResult.Quantized evaluate(String plan, Map<String, BitTable.Option> choice, Examples heldOut) {
        List<DemoResult.LayerBits> bits = new ArrayList<>();
        double codeBits = 0;
        double weights = 0;
        double omega = 0;
        long bytes = 0;
        for (Map.Entry<String, BitTable.Option> entry : choice.entrySet()) {
            BitTable.Option option = entry.getValue();
            double elements = layers.get(entry.getKey()).weight().elements();
            codeBits += elements * option.bits();
            weights += elements;
            omega += option.omega();
            bytes += option.bytes();
            double error = packed.get(entry.getKey()).get(option.bits()).error();
            bits.add(new DemoResult.LayerBits(entry.getKey(), option.bits(), option.bytes(), error, option.omega()));
        }
        try (Evaluation.Evaluator evaluator =
                new Evaluation.Evaluator(packedGraph(choice), device, heldOut, options -> bind(options, choice))) {
            return new DemoResult.Quantized(plan, codeBits / weights, bytes, omega, bits, evaluator.evaluate());
        }
    }

    private Graph packedGraph(Map<String, BitTable.Option> choice) {
        Map<Node, Node> replaced = new IdentityHashMap<>();
        List<Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            List<Node> inputs = node.inputs().stream().map(replaced::get).toList();
            Node next = new Node(node.index(), node.name(), node.op(), inputs, node.shape());
            if (node.op() instanceof Linear linear) {
                Shape shape = linear.weight().shape();
                QuantFormat format =
                        new QuantFormat(choice.get(linear.weight().name()).bits(), GROUP, false);
                PackedLinear op = new PackedLinear(
                        linear.weight().name(), format, shape.extent(0), shape.extent(1), linear.bias());
                next = new Node(node.index(), node.name(), op, inputs, node.shape());
            }
            replaced.put(node, next);
            nodes.add(next);
        }
        return new Graph(nodes, graph.inputType(), replaced.get(graph.output()), graph.loss());
    }

    private ProgramOptions bind(ProgramOptions options, Map<String, BitTable.Option> choice) {
        ProgramOptions bound = network.bindUnpacked(options, choice.keySet());
        for (Map.Entry<String, BitTable.Option> entry : choice.entrySet()) {
            PackedWeights weights =
                    packed.get(entry.getKey()).get(entry.getValue().bits()).weights();
            bound = bound.bind(entry.getKey() + ".words", weights.words())
                    .bind(entry.getKey() + ".scales", weights.scales())
                    .bind(entry.getKey() + ".offsets", weights.offsets());
        }
        return bound;
    }

    @Override
    public void close() {
        packed.values().forEach(widths -> widths.values().forEach(choice -> close(choice.weights())));
    }
}
