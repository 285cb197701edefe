package dev.sagitta.graph.op.conv;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.OpType.Making;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.op.elementwise.Activation;
import dev.sagitta.graph.op.elementwise.Relu;
import dev.sagitta.graph.op.elementwise.Scale;
import dev.sagitta.graph.op.elementwise.ScaleChannels;
import dev.sagitta.graph.op.resample.AdaptiveAvgPool;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Squeeze-and-excitation (Hu et al., 2018), of ops that exist: means of channels, a pixel's convolution to fewer of them, a function, a convolution back, a gate
 * between 0 and 1, by which the channels are multiplied. Parameters as torchvision names them: {@code fc1.weight} [reduced, channels, 1, 1], {@code fc1.bias},
 * {@code fc2.weight} [channels, reduced, 1, 1], {@code fc2.bias}.
 */
public final class SqueezeExcitation {
    /** What hardsigmoid's argument is divided by: its slope where none is given is 1 / 6. */
    private static final double HARD = 6;

    private static final Field<Long> REDUCED = Field.extent("reduced", "channels between the two convolutions");
    private static final Field<String> ACTIVATION = Field.choice(
            "activation",
            Function.RELU.symbol(),
            "between the two convolutions",
            Arrays.stream(Function.values()).map(Function::symbol).toArray(String[]::new));
    private static final Field<String> GATE = Field.choice(
            "gate",
            Function.SIGMOID.symbol(),
            "what the channels are multiplied by",
            Function.SIGMOID.symbol(),
            Function.HARDSIGMOID.symbol());
    private static final Field<Double> SLOPE =
            Field.number("slope", null, 1e-3, 1e3, "of hardsigmoid about 0, 1/6 where absent");

    public static final OpType TYPE = OpType.composite(
                    "squeeze_excitation",
                    1,
                    "an image's channels times gates that follow from their means",
                    SqueezeExcitation::make,
                    REDUCED,
                    ACTIVATION,
                    GATE,
                    SLOPE)
            .check(given -> !given.containsKey("reduced")
                    ? "field 'reduced' is missing"
                    : given.containsKey("slope") && !"hardsigmoid".equals(given.get("gate"))
                            ? "field 'slope' is hardsigmoid's; leave it out, or make that the gate"
                            : null);

    private SqueezeExcitation() {}

    private static Node make(Making m) {
        Shape x = ConvLayout.requireImage("squeeze_excitation", 2, m.input(0));
        long channels = x.extent(0);
        long reduced = m.get(REDUCED);
        Wire image = m.wire(0);
        Wire means =
                m.add("avgpool", new AdaptiveAvgPool(2, List.of(1L)), image).out();
        Wire few = m.add("fc1", pixel(m, "fc1", reduced, channels), means).out();
        Function function = Function.valueOf(m.get(ACTIVATION).toUpperCase(Locale.ROOT));
        Wire active = m.add("activation", function == Function.RELU ? new Relu() : new Activation(function), few)
                .out();
        Wire gates = m.add("fc2", pixel(m, "fc2", channels, reduced), active).out();
        if (m.has(SLOPE)) {
            gates = m.add("slope", new Scale(HARD * m.get(SLOPE)), gates).out();
        }
        Function gate = Function.valueOf(m.get(GATE).toUpperCase(Locale.ROOT));
        Wire open = m.add("gate", new Activation(gate), gates).out();
        return m.add("scale", new ScaleChannels(), image, open);
    }

    /** A convolution of each pixel, begun as PyTorch's. */
    private static Conv pixel(Making m, String part, long out, long channels) {
        Init init = Init.uniform(1 / Math.sqrt(channels));
        Parameter weight = m.weight(part + ".weight", Shape.of(out, channels, 1, 1), init);
        return new Conv(weight, m.vector(part + ".bias", Shape.of(out), init), 1, new Window(1, 1, 1, 1, 0, 0, 1, 1));
    }
}
