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
import dev.sagitta.kernel.conv.Conv.Forward;
import dev.sagitta.kernel.conv.Conv.Input;
import dev.sagitta.kernel.conv.Conv.Weight;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * The adjoint of a convolution in its input, as PyTorch's {@code ConvTranspose2d} and {@code ConvTranspose1d}: each pixel of the input adds a window to the
 * output. The weight is [channels, out / groups, kernel...], the bias [out] or absent; an axis of the output has
 * (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1 positions. Modes as {@link BilinearOp} has them; their products are those of the
 * convolution that leads from the output to the input, with its roles exchanged.
 *
 * @param window of that convolution, of height 1 for signals
 * @param extraHeight positions that output_padding adds along the first axis
 * @param extraWidth positions that it adds along the second
 */
public record ConvTranspose(
        Parameter weight, Parameter bias, int groups, Window window, int extraHeight, int extraWidth)
        implements BilinearOp {
    private static final Field<List<Long>> OUTPUT_PADDING =
            Field.perAxis("output_padding", 0L, 0, 1 << 16, "further positions at the end of an axis");

    public static final OpType TYPE = type(2, "adjoint of a convolution, from [channels, height, width]");
    public static final OpType TYPE_1D = type(1, "adjoint of a convolution, from [channels, length]");

    private static OpType type(int axes, String says) {
        return OpType.of(
                        name(axes),
                        1,
                        says,
                        m -> make(m, axes),
                        ConvLayout.OUT,
                        WindowFields.KERNEL,
                        WindowFields.STRIDE,
                        WindowFields.PADDING,
                        OUTPUT_PADDING,
                        WindowFields.DILATION,
                        ConvLayout.GROUPS,
                        ConvLayout.BIAS)
                .check(ConvLayout::missing);
    }

    private static String name(int axes) {
        return "conv_transpose" + axes + "d";
    }

    private static Op make(OpType.Making m, int axes) {
        long channels = ConvLayout.requireImage(name(axes), axes, m.input(0)).extent(0);
        int groups = ConvLayout.groups(m, channels);
        long out = m.get(ConvLayout.OUT);
        Window window = ConvLayout.window(m, axes);
        List<Long> extra = m.get(OUTPUT_PADDING);
        int extraWidth = WindowFields.of(OUTPUT_PADDING, extra, axes, axes - 1);
        int extraHeight = axes == 1 ? 0 : WindowFields.of(OUTPUT_PADDING, extra, axes, 0);
        requireExtra(extraWidth, window.strideWidth(), window.dilationWidth());
        requireExtra(extraHeight, window.strideHeight(), window.dilationHeight());
        Shape shape = ConvLayout.weight(axes, channels, out / groups, window);
        // PyTorch's: uniform within 1 / sqrt of what a pixel adds to of a group
        Init init = Init.uniform(1 / Math.sqrt(Math.max(1, shape.elements() / channels)));
        Parameter weight = m.weight("weight", shape, init);
        Parameter bias = m.get(ConvLayout.BIAS) ? m.vector("bias", Shape.of(out), init) : null;
        return new ConvTranspose(weight, bias, groups, window, extraHeight, extraWidth);
    }

    private static void requireExtra(int extra, int stride, int dilation) {
        if (extra >= Math.max(stride, dilation)) {
            throw new IllegalArgumentException("output_padding is " + extra + ", with stride " + stride
                    + " and dilation " + dilation + "; expected less than the larger of the two");
        }
    }

    private ConvLayout layout() {
        return ConvLayout.of(weight.shape(), window);
    }

    @Override
    public String type() {
        return name(layout().axes());
    }

    private long out() {
        return weight.shape().extent(1) * groups;
    }

    @Override
    public Images images() {
        return Images.CHANNELS_LAST;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        String who = type() + " '" + weight.name() + "'";
        ConvLayout layout = layout();
        Shape shown = layout.requireChannels(who, inputs.get(0), weight.shape().extent(0));
        long height = extent(
                layout.height(shown),
                window.height(),
                window.strideHeight(),
                window.paddingHeight(),
                window.dilationHeight(),
                extraHeight);
        long width = extent(
                shown.extent(-1),
                window.width(),
                window.strideWidth(),
                window.paddingWidth(),
                window.dilationWidth(),
                extraWidth);
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(who + ": the output of " + shown + " would be "
                    + layout.both(height, width) + " with padding "
                    + layout.both(window.paddingHeight(), window.paddingWidth())
                    + ", expected at least one position; pad less, or use a larger kernel");
        }
        return List.of(layout.image(height, width, out()));
    }

    private static long extent(long input, long kernel, long stride, long padding, long dilation, long extra) {
        return (input - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
    }

    @Override
    public long scratch(Device device, Product product, Shape factor, Shape other, Shape result) {
        return layout().transposedScratch(device, groups, product, factor, other, result);
    }

    @Override
    public Preparable product(Tensor x, Tensor w, Tensor b, Tensor y, double scale, boolean add, Tensor scratch) {
        ConvLayout l = layout();
        Input product = new Input(l.images(x), l.weights(w), l.images(y), groups, window, (float) scale, add, scratch);
        return b == null ? product : Preparable.sequence(product, Bias.add(y, b));
    }

    @Override
    public Preparable towardsInput(Tensor dy, Tensor w, Tensor dx, boolean add, Tensor scratch) {
        ConvLayout l = layout();
        return new Forward(l.images(dy), l.weights(w), null, l.images(dx), groups, window, 1, add, scratch);
    }

    @Override
    public Preparable towardsWeight(Tensor dy, Tensor x, Tensor dw, boolean add, Tensor scratch) {
        ConvLayout l = layout();
        return new Weight(l.images(x), l.images(dy), l.weights(dw), groups, window, add, scratch);
    }
}
