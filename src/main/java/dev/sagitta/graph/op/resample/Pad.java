package dev.sagitta.graph.op.resample;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.kernel.resample.AxisTaps;
import java.util.List;
import java.util.Locale;

/**
 * Positions beyond the ends of an image's axes, as PyTorch's {@code pad}: a number, the image mirrored at its ends, its ends repeated, or the image again.
 *
 * @param padding as PyTorch orders it: left, right, and of images top, bottom; or one number for all
 */
public record Pad(int axes, List<Long> padding, AxisTaps.Beyond beyond, float value) implements ResampleOp {
    private static final double MOST = 1e9;
    private static final Field<List<Long>> PADDING = Field.perAxis(
            "padding", null, 0, 1 << 16, "positions on the left, on the right, above, below; one number for all");
    private static final Field<String> MODE = Field.choice(
            "mode",
            "constant",
            "what stands there: a number, the image mirrored, its end repeated, the image again",
            "constant",
            "reflect",
            "replicate",
            "circular");
    private static final Field<Double> VALUE = Field.number("value", 0.0, -MOST, MOST, "the number of mode constant");

    public static final OpType TYPE = type(2);
    public static final OpType TYPE_1D = type(1);

    private static OpType type(int axes) {
        String layout = axes == 1 ? "[channels, length]" : "[channels, height, width]";
        return OpType.of(
                        "pad" + (axes == 1 ? "1d" : ""),
                        1,
                        layout + " with positions around it",
                        m -> new Pad(
                                axes,
                                m.get(PADDING),
                                AxisTaps.Beyond.valueOf(m.get(MODE).toUpperCase(Locale.ROOT)),
                                m.get(VALUE).floatValue()),
                        PADDING,
                        MODE,
                        VALUE)
                .check(given -> !given.containsKey("padding")
                        ? "field 'padding' is missing"
                        : given.containsKey("value")
                                        && !given.getOrDefault("mode", "constant")
                                                .equals("constant")
                                ? "field 'value' is for mode constant; leave it out"
                                : null);
    }

    public Pad {
        padding = List.copyOf(padding);
        if (padding.size() != 1 && padding.size() != 2 * axes) {
            throw new IllegalArgumentException("padding is " + padding + ", expected one number or " + 2 * axes
                    + (axes == 1 ? ": left, right" : ": left, right, top, bottom"));
        }
    }

    @Override
    public String type() {
        return "pad" + (axes == 1 ? "1d" : "");
    }

    @Override
    public float fill() {
        return value;
    }

    private int of(int axis, int end) {
        return Math.toIntExact(padding.get(padding.size() == 1 ? 0 : 2 * (1 - axis) + end));
    }

    @Override
    public AxisTaps taps(int axis, int extent) {
        int before = of(axis, 0);
        int after = of(axis, 1);
        int most =
                switch (beyond) {
                    case REFLECT -> extent - 1;
                    case CIRCULAR -> extent;
                    default -> Integer.MAX_VALUE;
                };
        if (Math.max(before, after) > most) {
            throw new IllegalArgumentException(type() + ": padding is " + padding + ", mode "
                    + beyond.name().toLowerCase(Locale.ROOT) + " of an axis of " + extent + " gives at most " + most);
        }
        return AxisTaps.padded(extent, before, after, beyond);
    }
}
