package dev.sagitta.graph.op.pool;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.op.WindowFields;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** What pools over windows share: shapes by PyTorch's rules, images as [copies, batch, height, width, channels]. */
interface PoolOp extends LinearOp {
    Field<List<Long>> STRIDE =
            Field.perAxis("stride", null, 1, 1 << 16, "steps of the window; its own extent where absent");
    Field<Boolean> CEIL = Field.flag(
            "ceil_mode", false, "whether a last window that reaches beyond the padding counts, if it begins before");

    Window window();

    boolean ceil();

    /** 1 of signals, 2 of images. */
    int axes();

    @Override
    default Images images() {
        return Images.CHANNELS_LAST;
    }

    /** The window that the fields say. */
    static Window window(OpType.Making m, int axes, List<Long> dilation) {
        List<Long> kernel = m.get(WindowFields.KERNEL);
        List<Long> stride = m.get(STRIDE) == null ? kernel : m.get(STRIDE);
        Window window = WindowFields.window(axes, kernel, stride, m.get(WindowFields.PADDING), dilation);
        if (2 * window.paddingHeight() > window.height() || 2 * window.paddingWidth() > window.width()) {
            throw new IllegalArgumentException(
                    "padding is " + m.get(WindowFields.PADDING) + ", more than half of the kernel " + kernel
                            + "; expected at most half, or a window would see padding alone");
        }
        return window;
    }

    @Override
    default List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape shown = inputs.get(0).shown();
        if (shown.rank() != axes() + 1) {
            throw new IllegalArgumentException(type() + ": the input has shape " + shown + ", expected "
                    + (axes() == 1 ? "[channels, length]" : "[channels, height, width]"));
        }
        Window w = window();
        long width = outputs(shown.extent(-1), w.width(), w.strideWidth(), w.paddingWidth(), w.dilationWidth());
        long height = axes() == 1
                ? 1
                : outputs(shown.extent(1), w.height(), w.strideHeight(), w.paddingHeight(), w.dilationHeight());
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(type() + ": a window of " + (axes() == 1 ? "" : w.height() + " x ")
                    + w.width() + " does not fit into " + shown + "; pad more, or use a smaller kernel");
        }
        boolean full = reads(shown.extent(-1), width, w.width(), w.strideWidth(), w.paddingWidth(), w.dilationWidth())
                && (axes() == 1
                        || reads(
                                shown.extent(1),
                                height,
                                w.height(),
                                w.strideHeight(),
                                w.paddingHeight(),
                                w.dilationHeight()));
        if (!full) {
            throw new IllegalArgumentException(type() + ": some windows over " + shown
                    + " see padding alone; pad less, or use a smaller dilation");
        }
        long channels = shown.extent(0);
        return List.of(axes() == 1 ? ArrayType.image(width, channels) : ArrayType.image(height, width, channels));
    }

    private long outputs(long extent, long kernel, long stride, long padding, long dilation) {
        long room = extent + 2 * padding - dilation * (kernel - 1) - 1;
        if (room < 0) {
            return 0;
        }
        long count = (ceil() ? room + stride - 1 : room) / stride + 1;
        // a window must begin within the image or the padding in front of it
        return ceil() && (count - 1) * stride >= extent + padding ? count - 1 : count;
    }

    /** Whether every window has a position within the image. */
    private static boolean reads(long extent, long outputs, long kernel, long stride, long padding, long dilation) {
        for (long o = 0; o < outputs; o++) {
            long first = o * stride - padding;
            long skipped = first >= 0 ? 0 : (-first + dilation - 1) / dilation;
            if (skipped >= kernel || first + skipped * dilation >= extent) {
                return false;
            }
        }
        return true;
    }

    /** [copies, batch, height, width, channels] of values of a view. */
    static Value images(Value v, View view, ArrayType type) {
        return images(v, view.copies(), view.pass().batch(), type);
    }

    static Value images(Value v, long copies, long batch, ArrayType type) {
        Shape one = type.shape();
        long height = one.rank() == 2 ? 1 : one.extent(0);
        return v.view(copies, batch, height, one.extent(-2), one.extent(-1));
    }
}
