package dev.sagitta.graph.op.resample;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.WindowFields;
import dev.sagitta.kernel.resample.AxisTaps;
import java.util.List;

/**
 * Means over as many pieces of each axis as are asked for, as PyTorch's {@code AdaptiveAvgPool2d} and {@code 1d}: piece o goes from floor(o extent / size) to
 * ceil((o + 1) extent / size).
 */
public record AdaptiveAvgPool(int axes, List<Long> size) implements ResampleOp {
    private static final Field<List<Long>> SIZE =
            Field.perAxis("size", null, 1, 1 << 16, "positions of the output's axes");

    public static final OpType TYPE = type(2);
    public static final OpType TYPE_1D = type(1);

    private static OpType type(int axes) {
        String layout = axes == 1 ? "[channels, length]" : "[channels, height, width]";
        return OpType.of(
                        "adaptive_avg_pool" + axes + "d",
                        1,
                        "means over pieces of " + layout + ", as many as are asked for",
                        m -> new AdaptiveAvgPool(axes, m.get(SIZE)),
                        SIZE)
                .check(given -> given.containsKey("size") ? null : "field 'size' is missing");
    }

    @Override
    public String type() {
        return "adaptive_avg_pool" + axes + "d";
    }

    @Override
    public AxisTaps taps(int axis, int extent) {
        return AxisTaps.adaptive(extent, WindowFields.of(SIZE, size, axes, axes == 1 ? 0 : axis));
    }
}
