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
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * Cross-correlation of an image [channels, height, width] or of a signal [channels, length] with a window per output channel, as PyTorch's {@code Conv2d} and
 * {@code Conv1d}; the weight is [out, channels / groups, kernel...], the bias [out] or absent. Modes as {@link BilinearOp} has them.
 *
 * @param window of height 1 for signals
 */
public record Conv(Parameter weight, Parameter bias, int groups, Window window) implements BilinearOp {
    private static final String KAIMING = "kaiming";
    private static final Field<String> INIT = Field.choice(
            "init",
            "default",
            "how the weight begins: PyTorch's default, or kaiming, by the outputs, as networks with batch norms have it",
            "default",
            KAIMING);

    public static final OpType TYPE = type(2, "convolution of [channels, height, width] with windows of zero padding");
    public static final OpType TYPE_1D = type(1, "convolution of [channels, length] with windows of zero padding");

    private static OpType type(int axes, String says) {
        return OpType.of(
                        "conv" + axes + "d",
                        1,
                        says,
                        m -> make(m, axes),
                        ConvLayout.OUT,
                        WindowFields.KERNEL,
                        WindowFields.STRIDE,
                        WindowFields.PADDING,
                        WindowFields.DILATION,
                        ConvLayout.GROUPS,
                        ConvLayout.BIAS,
                        INIT)
                .check(ConvLayout::missing);
    }

    private static Op make(OpType.Making m, int axes) {
        long channels =
                ConvLayout.requireImage("conv" + axes + "d", axes, m.input(0)).extent(0);
        int groups = ConvLayout.groups(m, channels);
        long out = m.get(ConvLayout.OUT);
        Window window = ConvLayout.window(m, axes);
        Shape shape = ConvLayout.weight(axes, out, channels / groups, window);
        // PyTorch's: uniform within 1 / sqrt of the terms of a sum
        Init init = Init.uniform(1 / Math.sqrt(Math.max(1, shape.elements() / out)));
        // He's: normal with the variance 2 / terms of a sum on the way back, here uniform with the same
        Init kaiming = Init.uniform(Math.sqrt(6.0 / Math.max(1, shape.elements() / shape.extent(1))));
        Parameter weight = m.weight("weight", shape, m.get(INIT).equals(KAIMING) ? kaiming : init);
        return new Conv(weight, m.get(ConvLayout.BIAS) ? m.vector("bias", Shape.of(out), init) : null, groups, window);
    }

    private ConvLayout layout() {
        return ConvLayout.of(weight.shape(), window);
    }

    @Override
    public String type() {
        return "conv" + layout().axes() + "d";
    }

    private long out() {
        return weight.shape().extent(0);
    }

    @Override
    public Images images() {
        return Images.CHANNELS_LAST;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        String who = type() + " '" + weight.name() + "'";
        ConvLayout layout = layout();
        Shape shown = layout.requireChannels(who, inputs.get(0), weight.shape().extent(1) * groups);
        long height = window.outputHeight(layout.height(shown));
        long width = window.outputWidth(shown.extent(-1));
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(who + ": a window of " + layout.both(window.height(), window.width())
                    + " with dilation " + layout.both(window.dilationHeight(), window.dilationWidth())
                    + " does not fit into " + shown + " with padding "
                    + layout.both(window.paddingHeight(), window.paddingWidth())
                    + "; pad more, or use a smaller kernel");
        }
        return List.of(layout.image(height, width, out()));
    }

    @Override
    public long scratch(Device device, Product product, Shape factor, Shape other, Shape result) {
        return layout().scratch(device, groups, product, factor, other, result);
    }

    @Override
    public Preparable product(Tensor x, Tensor w, Tensor b, Tensor y, double scale, boolean add, Tensor scratch) {
        ConvLayout l = layout();
        Tensor bias = b == null ? null : b.reshape(Shape.of(b.elements() / out(), out()));
        return new dev.sagitta.kernel.conv.Conv.Forward(
                l.images(x), l.weights(w), bias, l.images(y), groups, window, (float) scale, add, scratch);
    }

    @Override
    public Preparable towardsInput(Tensor dy, Tensor w, Tensor dx, boolean add, Tensor scratch) {
        ConvLayout l = layout();
        return new dev.sagitta.kernel.conv.Conv.Input(
                l.images(dy), l.weights(w), l.images(dx), groups, window, 1, add, scratch);
    }

    @Override
    public Preparable towardsWeight(Tensor dy, Tensor x, Tensor dw, boolean add, Tensor scratch) {
        ConvLayout l = layout();
        return new dev.sagitta.kernel.conv.Conv.Weight(
                l.images(dy), l.images(x), l.weights(dw), groups, window, add, scratch);
    }
}
