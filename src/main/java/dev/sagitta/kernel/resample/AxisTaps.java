package dev.sagitta.kernel.resample;

import java.util.Arrays;

/**
 * How the positions of an axis follow from another's: each is a weighted sum of some of them. What upsampling, adaptive means and padding are along one axis.
 *
 * @param inputs positions of the axis that is read
 * @param starts of each position of the result, the first of its taps; one more than there are positions
 * @param positions of each tap, ascending for one result
 * @param weights of each tap
 */
public record AxisTaps(int inputs, int[] starts, int[] positions, float[] weights) {

    /** What lies beyond the ends of an axis. */
    public enum Beyond {
        /** Nothing: the result has no taps there. */
        CONSTANT,
        /** The axis mirrored at its end positions, which are not repeated. */
        REFLECT,
        /** The end position, repeated. */
        REPLICATE,
        /** The axis again, from its other end. */
        CIRCULAR
    }

    /** Taps of one position of the result, before they are put together. */
    private interface Each {
        void add(int output, Builder into);
    }

    private static final class Builder {
        private final int[] starts;
        private int[] positions = new int[16];
        private float[] weights = new float[16];
        private int count;

        Builder(int outputs) {
            starts = new int[outputs + 1];
        }

        void tap(int position, double weight) {
            if (count == positions.length) {
                positions = Arrays.copyOf(positions, 2 * count);
                weights = Arrays.copyOf(weights, 2 * count);
            }
            positions[count] = position;
            weights[count++] = (float) weight;
        }
    }

    private static AxisTaps of(int inputs, int outputs, Each each) {
        Builder b = new Builder(outputs);
        for (int o = 0; o < outputs; o++) {
            each.add(o, b);
            b.starts[o + 1] = b.count;
        }
        return new AxisTaps(inputs, b.starts, Arrays.copyOf(b.positions, b.count), Arrays.copyOf(b.weights, b.count));
    }

    /** Position by position. */
    public static AxisTaps identity(int extent) {
        return of(extent, extent, (o, b) -> b.tap(o, 1));
    }

    /** Means over pieces that cover the axis and may overlap: from floor(o inputs / outputs) to ceil((o + 1) inputs / outputs), as PyTorch's adaptive pools. */
    public static AxisTaps adaptive(int inputs, int outputs) {
        return of(inputs, outputs, (o, b) -> {
            int first = (int) ((long) o * inputs / outputs);
            int end = (int) (((o + 1L) * inputs + outputs - 1) / outputs);
            for (int i = first; i < end; i++) {
                b.tap(i, 1.0 / (end - first));
            }
        });
    }

    /** The position below o inputs / outputs. */
    public static AxisTaps nearest(int inputs, int outputs) {
        return of(inputs, outputs, (o, b) -> b.tap((int) ((long) o * inputs / outputs), 1));
    }

    /**
     * Straight lines between positions, constant beyond the first and the last.
     *
     * @param alignCorners whether the ends of both axes are the centres of their end positions; their borders otherwise
     */
    public static AxisTaps linear(int inputs, int outputs, boolean alignCorners) {
        return of(inputs, outputs, (o, b) -> {
            double at = alignCorners
                    ? outputs == 1 ? 0 : o * (inputs - 1.0) / (outputs - 1)
                    : Math.max(0, (o + 0.5) * inputs / outputs - 0.5);
            int low = Math.min((int) at, inputs - 1);
            double share = at - low;
            if (low == inputs - 1 || share == 0) {
                b.tap(low, 1);
            } else {
                b.tap(low, 1 - share);
                b.tap(low + 1, share);
            }
        });
    }

    /** The axis with positions before and after it. */
    public static AxisTaps padded(int inputs, int before, int after, Beyond beyond) {
        return of(inputs, before + inputs + after, (o, b) -> {
            int i = o - before;
            if (i >= 0 && i < inputs) {
                b.tap(i, 1);
                return;
            }
            switch (beyond) {
                case REFLECT -> b.tap(i < 0 ? -i : 2 * (inputs - 1) - i, 1);
                case REPLICATE -> b.tap(i < 0 ? 0 : inputs - 1, 1);
                case CIRCULAR -> b.tap(Math.floorMod(i, inputs), 1);
                default -> {}
            }
        });
    }

    public int outputs() {
        return starts.length - 1;
    }

    /** The transpose: position i of its result sums what this map made of i. */
    public AxisTaps transposed() {
        int[] from = new int[inputs + 1];
        for (int position : positions) {
            from[position + 1]++;
        }
        for (int i = 0; i < inputs; i++) {
            from[i + 1] += from[i];
        }
        int[] next = Arrays.copyOf(from, inputs);
        int[] outputOf = new int[positions.length];
        float[] weightOf = new float[positions.length];
        for (int o = 0; o < outputs(); o++) {
            for (int t = starts[o]; t < starts[o + 1]; t++) {
                int place = next[positions[t]]++;
                outputOf[place] = o;
                weightOf[place] = weights[t];
            }
        }
        return new AxisTaps(outputs(), from, outputOf, weightOf);
    }

    /** What {@code resample_f32} reads as {@code map}. */
    public static long[] map(AxisTaps rows, AxisTaps columns) {
        int h = rows.starts.length;
        int w = columns.starts.length;
        int taps = rows.positions.length;
        long[] map = new long[h + w + taps + columns.positions.length];
        Arrays.setAll(
                map,
                i -> i < h
                        ? rows.starts[i]
                        : i < h + w
                                ? taps + columns.starts[i - h]
                                : i < h + w + taps ? rows.positions[i - h - w] : columns.positions[i - h - w - taps]);
        return map;
    }

    /** What {@code resample_f32} reads as {@code weights}. */
    public static float[] weights(AxisTaps rows, AxisTaps columns) {
        float[] all = Arrays.copyOf(rows.weights, rows.weights.length + columns.weights.length);
        System.arraycopy(columns.weights, 0, all, rows.weights.length, columns.weights.length);
        return all;
    }
}
