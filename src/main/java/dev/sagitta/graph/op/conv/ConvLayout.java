package dev.sagitta.graph.op.conv;

import dev.sagitta.device.Device;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType.Making;
import dev.sagitta.graph.op.BilinearOp;
import dev.sagitta.graph.op.BilinearOp.Product;
import dev.sagitta.graph.op.WindowFields;
import dev.sagitta.kernel.Window;
import dev.sagitta.kernel.conv.Conv;
import dev.sagitta.kernel.conv.Conv.Problem;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * What convolutions and transposed convolutions have in common: their fields, and how their tensors lie before the kernels, which know images with copies
 * in front only.
 *
 * @param axes 1 of signals, 2 of images
 * @param weight shape of the weight, [outputs, channels / groups, kernel...] of the convolution
 * @param window of height 1 for signals
 */
record ConvLayout(int axes, Shape weight, Window window) {
    static final Field<Long> OUT = Field.extent("out", "output channels");
    static final Field<Long> GROUPS = Field.integer(
            "groups", 1L, 1, 1 << 24, "groups of channels that do not see each other; the channels: depthwise");
    static final Field<Boolean> BIAS = Field.flag("bias", true, "whether b is there");

    /** Of an op with this weight. */
    static ConvLayout of(Shape weight, Window window) {
        return new ConvLayout(weight.rank() - 2, weight, window);
    }

    /** What is missing of a layer's fields, or null. */
    static String missing(Map<String, Object> given) {
        return !given.containsKey("out")
                ? "field 'out' is missing"
                : given.containsKey("kernel") ? null : "field 'kernel' is missing";
    }

    static Window window(Making m, int axes) {
        return WindowFields.window(
                axes,
                m.get(WindowFields.KERNEL),
                m.get(WindowFields.STRIDE),
                m.get(WindowFields.PADDING),
                m.get(WindowFields.DILATION));
    }

    static int groups(Making m, long channels) {
        int groups = Math.toIntExact(m.get(GROUPS));
        long out = m.get(OUT);
        if (channels % groups != 0 || out % groups != 0) {
            throw new IllegalArgumentException("groups is " + groups + ", which does not divide " + channels
                    + " input and " + out + " output channels; expected a divisor of both");
        }
        return groups;
    }

    /** Shape of a weight. */
    static Shape weight(int axes, long outputs, long channels, Window window) {
        return axes == 1
                ? Shape.of(outputs, channels, window.width())
                : Shape.of(outputs, channels, window.height(), window.width());
    }

    static Shape requireImage(String who, int axes, ArrayType input) {
        Shape shown = input.shown();
        if (shown.rank() != axes + 1) {
            throw new IllegalArgumentException(who + ": the input has shape " + shown + ", expected "
                    + (axes == 1 ? "[channels, length]" : "[channels, height, width]"));
        }
        return shown;
    }

    /** An input's shape, [channels, ...], with as many channels as the weight is for. */
    Shape requireChannels(String who, ArrayType input, long channels) {
        Shape shown = requireImage(who, axes, input);
        if (shown.extent(0) != channels) {
            throw new IllegalArgumentException(who + ": the input " + shown + " has " + shown.extent(0)
                    + " channels, the weight expects " + channels);
        }
        return shown;
    }

    /** Height of an image, 1 of a signal. */
    long height(Shape shown) {
        return axes == 1 ? 1 : shown.extent(1);
    }

    ArrayType image(long height, long width, long channels) {
        return axes == 1 ? ArrayType.image(width, channels) : ArrayType.image(height, width, channels);
    }

    /** A pair of numbers of the two axes, as a sentence has it. */
    String both(long height, long width) {
        return axes == 1 ? Long.toString(width) : height + " x " + width;
    }

    /** [copies, batch, height, width, channels] of images or signals with or without copies in front. */
    Tensor images(Tensor t) {
        return t.reshape(images(t.shape()));
    }

    private Shape images(Shape shape) {
        int rank = shape.rank();
        return Shape.of(
                rank > axes + 2 ? shape.extent(0) : 1,
                shape.extent(rank - 2 - axes),
                axes == 1 ? 1 : shape.extent(-3),
                shape.extent(-2),
                shape.extent(-1));
    }

    private long copies(Shape w) {
        return w.rank() > weight.rank() ? w.extent(0) : 1;
    }

    /** Scratch memory of a convolution's products: see {@link BilinearOp#scratch}. */
    long scratch(Device device, int groups, Product product, Shape factor, Shape other, Shape result) {
        return switch (product) {
            case FORWARD -> scratch(device, groups, images(factor), images(result), copies(other), false);
            case TOWARDS_INPUT -> scratch(device, groups, images(result), images(factor), copies(other), true);
            case TOWARDS_WEIGHT ->
                Conv.weightScratchBytes(device, problem(copies(result), images(other), images(factor), groups));
        };
    }

    /** The same of a transposed one, whose roles are exchanged. */
    long transposedScratch(Device device, int groups, Product product, Shape factor, Shape other, Shape result) {
        return switch (product) {
            case FORWARD -> scratch(device, groups, images(result), images(factor), copies(other), true);
            case TOWARDS_INPUT -> scratch(device, groups, images(factor), images(result), copies(other), false);
            case TOWARDS_WEIGHT ->
                Conv.weightScratchBytes(device, problem(copies(result), images(factor), images(other), groups));
        };
    }

    private long scratch(Device device, int groups, Shape x, Shape y, long weights, boolean towardsInput) {
        Problem problem = problem((towardsInput ? x : y).extent(0), x, y, groups);
        return Conv.scratchBytes(device, problem, weights, towardsInput);
    }

    /** @param x the convolution's input, y its output */
    private Problem problem(long copies, Shape x, Shape y, int groups) {
        return new Problem(
                copies,
                y.extent(1),
                x.extent(2),
                x.extent(3),
                x.extent(4),
                y.extent(2),
                y.extent(3),
                y.extent(4),
                groups,
                window);
    }

    /** [copies, outputs, channels / groups, height, width]. */
    Tensor weights(Tensor w) {
        return w.reshape(
                Shape.of(copies(w.shape()), weight.extent(0), weight.extent(1), window.height(), window.width()));
    }
}
