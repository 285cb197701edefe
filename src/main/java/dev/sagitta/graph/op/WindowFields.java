package dev.sagitta.graph.op;

import dev.sagitta.graph.Field;
import dev.sagitta.kernel.Window;
import java.util.List;

/** Fields of layers that move a window over an image: PyTorch's names, a number for all axes or one for each. */
public final class WindowFields {
    private static final long MOST = 1 << 16;

    public static final Field<List<Long>> KERNEL = Field.perAxis("kernel", null, 1, MOST, "positions of the window");
    public static final Field<List<Long>> STRIDE = Field.perAxis("stride", 1L, 1, MOST, "steps of the window");
    public static final Field<List<Long>> PADDING =
            Field.perAxis("padding", 0L, 0, MOST, "positions of zero at both ends of an axis");
    public static final Field<List<Long>> DILATION =
            Field.perAxis("dilation", 1L, 1, MOST, "distance between the window's positions");

    private WindowFields() {}

    /**
     * The window of a layer over images of so many axes, 1 or 2.
     *
     * @throws IllegalArgumentException naming the field that has another number of entries
     */
    public static Window window(
            int axes, List<Long> kernel, List<Long> stride, List<Long> padding, List<Long> dilation) {
        return new Window(
                axes == 1 ? 1 : of(KERNEL, kernel, 2, 0),
                of(KERNEL, kernel, axes, axes - 1),
                axes == 1 ? 1 : of(STRIDE, stride, 2, 0),
                of(STRIDE, stride, axes, axes - 1),
                axes == 1 ? 0 : of(PADDING, padding, 2, 0),
                of(PADDING, padding, axes, axes - 1),
                axes == 1 ? 1 : of(DILATION, dilation, 2, 0),
                of(DILATION, dilation, axes, axes - 1));
    }

    /** What a field gives for an axis of images with so many. */
    public static int of(Field<List<Long>> field, List<Long> values, int axes, int axis) {
        if (values.size() != 1 && values.size() != axes) {
            throw new IllegalArgumentException(field.name() + " is " + values + ", expected one number or " + axes
                    + (axes == 1 ? "" : ", for height and width"));
        }
        return Math.toIntExact(values.get(values.size() == 1 ? 0 : axis));
    }
}
