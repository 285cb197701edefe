package dev.sagitta.graph.op.resample;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.WindowFields;
import dev.sagitta.kernel.resample.AxisTaps;
import java.util.List;
import java.util.Map;

/**
 * An image of another size, as PyTorch's {@code Upsample}: each position from the nearest one of the input, or from straight lines between its neighbours
 * along both axes.
 *
 * @param scale whole multiples of the input's extents; null where the size is given
 * @param size of the output; null where the scale is given
 * @param alignCorners of bilinear: whether the centres of the corners, not their borders, stay where they are
 */
public record Upsample(int axes, List<Long> scale, List<Long> size, boolean linear, boolean alignCorners)
        implements ResampleOp {
    private static final String NEAREST = "nearest";
    private static final Field<List<Long>> SCALE =
            Field.perAxis("scale", null, 1, 1 << 12, "how many times the input's extents; or give size");
    private static final Field<List<Long>> SIZE =
            Field.perAxis("size", null, 1, 1 << 16, "positions of the output's axes; or give scale");
    private static final Field<Boolean> ALIGN = Field.flag(
            "align_corners", false, "of straight lines: whether the corners' centres, not their borders, stay");

    public static final OpType TYPE = type(2, mode("bilinear"));
    public static final OpType TYPE_1D = type(1, mode("linear"));

    private static Field<String> mode(String linear) {
        return Field.choice(
                "mode", NEAREST, "the nearest position, or straight lines between neighbours", NEAREST, linear);
    }

    private static OpType type(int axes, Field<String> mode) {
        String layout = axes == 1 ? "[channels, length]" : "[channels, height, width]";
        return OpType.of(
                        "upsample" + (axes == 1 ? "1d" : ""),
                        1,
                        layout + " of another size",
                        m -> new Upsample(
                                axes, m.get(SCALE), m.get(SIZE), !m.get(mode).equals(NEAREST), m.get(ALIGN)),
                        SCALE,
                        SIZE,
                        mode,
                        ALIGN)
                .check(Upsample::problem);
    }

    private static String problem(Map<String, Object> given) {
        boolean hasScale = given.containsKey("scale");
        if (hasScale == given.containsKey("size")) {
            return hasScale ? "fields 'scale' and 'size' are both given; leave one out" : "give 'scale' or 'size'";
        }
        boolean aligns = Boolean.TRUE.equals(given.get("align_corners"));
        return aligns && given.getOrDefault("mode", NEAREST).equals(NEAREST)
                ? "align_corners is for straight lines; leave it out, or give the mode"
                : null;
    }

    @Override
    public String type() {
        return "upsample" + (axes == 1 ? "1d" : "");
    }

    @Override
    public AxisTaps taps(int axis, int extent) {
        int at = axes == 1 ? 0 : axis;
        int outputs = scale == null
                ? WindowFields.of(SIZE, size, axes, at)
                : Math.multiplyExact(extent, WindowFields.of(SCALE, scale, axes, at));
        return linear ? AxisTaps.linear(extent, outputs, alignCorners) : AxisTaps.nearest(extent, outputs);
    }
}
