package dev.sagitta.graph.op.conv;

import dev.sagitta.device.Device;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.op.BilinearOp;
import dev.sagitta.graph.op.WindowFields;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Window;
import dev.sagitta.kernel.conv.Conv.Problem;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/**
 * Cross-correlation of an image [channels, height, width] or of a signal [channels, length] with a window per output channel, as PyTorch's {@code Conv2d} and
 * {@code Conv1d}; the weight is [out, channels / groups, kernel...], the bias [out] or absent. Modes as {@link BilinearOp} has them.
 *
 * @param window of height 1 for signals
 */
public record Conv(Parameter weight, Parameter bias, int groups, Window window) implements BilinearOp {
    private static final Field<Long> OUT = Field.extent("out", "output channels");
    private static final Field<Long> GROUPS = Field.integer(
            "groups", 1L, 1, 1 << 24, "groups of channels that do not see each other; the channels: depthwise");
    private static final String KAIMING = "kaiming";
    private static final Field<String> INIT = Field.choice(
            "init",
            "default",
            "how the weight begins: PyTorch's default, or kaiming, by the outputs, as networks with batch norms have it",
            "default",
            KAIMING);
    private static final Field<Boolean> BIAS = Field.flag("bias", true, "whether b is there");

    public static final OpType TYPE = type(2, "convolution of [channels, height, width] with windows of zero padding");
    public static final OpType TYPE_1D = type(1, "convolution of [channels, length] with windows of zero padding");

    private static OpType type(int axes, String says) {
        return OpType.of(
                        "conv" + axes + "d",
                        1,
                        says,
                        m -> make(m, axes),
                        OUT,
                        WindowFields.KERNEL,
                        WindowFields.STRIDE,
                        WindowFields.PADDING,
                        WindowFields.DILATION,
                        GROUPS,
                        BIAS,
                        INIT)
                .check(Conv::problem);
    }

    private static String problem(Map<String, Object> given) {
        return !given.containsKey("out")
                ? "field 'out' is missing"
                : given.containsKey("kernel") ? null : "field 'kernel' is missing";
    }

    private static Op make(OpType.Making m, int axes) {
        Shape shown = m.input(0).shown();
        requireImage("conv" + axes + "d", axes, shown);
        long channels = shown.extent(0);
        int groups = Math.toIntExact(m.get(GROUPS));
        long out = m.get(OUT);
        if (channels % groups != 0 || out % groups != 0) {
            throw new IllegalArgumentException("groups is " + groups + ", which does not divide " + channels
                    + " input and " + out + " output channels; expected a divisor of both");
        }
        Window window = WindowFields.window(
                axes,
                m.get(WindowFields.KERNEL),
                m.get(WindowFields.STRIDE),
                m.get(WindowFields.PADDING),
                m.get(WindowFields.DILATION));
        long in = channels / groups;
        Shape shape =
                axes == 1 ? Shape.of(out, in, window.width()) : Shape.of(out, in, window.height(), window.width());
        // PyTorch's: uniform within 1 / sqrt of the terms of a sum
        Init init = Init.uniform(1 / Math.sqrt(Math.max(1, shape.elements() / out)));
        // He's: normal with the variance 2 / terms of a sum on the way back, here uniform with the same
        Init kaiming = Init.uniform(Math.sqrt(6.0 / Math.max(1, shape.elements() / shape.extent(1))));
        Parameter weight = m.weight("weight", shape, m.get(INIT).equals(KAIMING) ? kaiming : init);
        return new Conv(weight, m.get(BIAS) ? m.vector("bias", Shape.of(out), init) : null, groups, window);
    }

    private static void requireImage(String who, int axes, Shape shown) {
        if (shown.rank() != axes + 1) {
            throw new IllegalArgumentException(who + ": the input has shape " + shown + ", expected "
                    + (axes == 1 ? "[channels, length]" : "[channels, height, width]"));
        }
    }

    @Override
    public String type() {
        return "conv" + axes() + "d";
    }

    private int axes() {
        return weight.shape().rank() - 2;
    }

    private long out() {
        return weight.shape().extent(0);
    }

    private long channels() {
        return weight.shape().extent(1) * groups;
    }

    @Override
    public Images images() {
        return Images.CHANNELS_LAST;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape shown = inputs.get(0).shown();
        requireImage(type() + " '" + weight.name() + "'", axes(), shown);
        if (shown.extent(0) != channels()) {
            throw new IllegalArgumentException(type() + " '" + weight.name() + "': the input " + shown + " has "
                    + shown.extent(0) + " channels, the weight expects " + channels());
        }
        long height = axes() == 1 ? 1 : window.outputHeight(shown.extent(1));
        long width = window.outputWidth(shown.extent(-1));
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(type() + " '" + weight.name() + "': a window of "
                    + (axes() == 1 ? "" : window.height() + " x ") + window.width() + " with dilation "
                    + (axes() == 1 ? "" : window.dilationHeight() + " x ") + window.dilationWidth()
                    + " does not fit into " + shown + " with padding "
                    + (axes() == 1 ? "" : window.paddingHeight() + " x ") + window.paddingWidth()
                    + "; pad more, or use a smaller kernel");
        }
        return List.of(axes() == 1 ? ArrayType.image(width, out()) : ArrayType.image(height, width, out()));
    }

    /** [copies, batch, height, width, channels] of images or signals with or without copies in front. */
    private Shape images(Shape shape) {
        int rank = shape.rank();
        boolean copied = rank > axes() + 2;
        long copies = copied ? shape.extent(0) : 1;
        long height = axes() == 1 ? 1 : shape.extent(-3);
        return Shape.of(copies, shape.extent(rank - 2 - axes()), height, shape.extent(-2), shape.extent(-1));
    }

    private Tensor images(Tensor t) {
        return t.reshape(images(t.shape()));
    }

    /** [copies, out, in, height, width]. */
    private Tensor weights(Tensor w) {
        boolean copied = w.shape().rank() > weight.shape().rank();
        return w.reshape(Shape.of(
                copied ? w.shape().extent(0) : 1, out(), weight.shape().extent(1), window.height(), window.width()));
    }

    @Override
    public long scratch(Device device, Product product, Shape factor, Shape other, Shape result) {
        boolean isWeight = product == Product.TOWARDS_WEIGHT;
        Shape x = images(product == Product.FORWARD ? factor : isWeight ? other : result);
        Shape y = images(product == Product.FORWARD ? result : factor);
        int copiedRank = weight.shape().rank() + 1;
        long copies = isWeight
                ? result.rank() == copiedRank ? result.extent(0) : 1
                : (product == Product.FORWARD ? y : x).extent(0);
        Problem problem = new Problem(
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
        long weights = other.rank() == copiedRank ? other.extent(0) : 1;
        return isWeight
                ? dev.sagitta.kernel.conv.Conv.weightScratchBytes(device, problem)
                : dev.sagitta.kernel.conv.Conv.scratchBytes(device, problem, weights, product == Product.TOWARDS_INPUT);
    }

    @Override
    public Preparable product(Tensor x, Tensor w, Tensor b, Tensor y, double scale, boolean add, Tensor scratch) {
        Tensor bias = b == null ? null : b.reshape(Shape.of(b.elements() / out(), out()));
        return new dev.sagitta.kernel.conv.Conv.Forward(
                images(x), weights(w), bias, images(y), groups, window, (float) scale, add, scratch);
    }

    @Override
    public Preparable towardsInput(Tensor dy, Tensor w, Tensor dx, boolean add, Tensor scratch) {
        return new dev.sagitta.kernel.conv.Conv.Input(images(dy), weights(w), images(dx), groups, window, add, scratch);
    }

    @Override
    public Preparable towardsWeight(Tensor dy, Tensor x, Tensor dw, boolean add, Tensor scratch) {
        return new dev.sagitta.kernel.conv.Conv.Weight(
                images(dy), images(x), weights(dw), groups, window, add, scratch);
    }
}
