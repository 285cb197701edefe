package dev.sagitta.kernel.packed;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.kernel.Checks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;

/**
 * Weights [N, K] as codes, steps and centres. It owns nothing: whoever allocated the tensors closes their buffers.
 *
 * @param words u32, see {@link Layout}
 * @param scales f32, the step of each group
 * @param offsets f32, the centre of each group; null when the format is symmetric
 */
public record PackedWeights(
        QuantFormat format, Layout layout, long n, long k, Tensor words, Tensor scales, Tensor offsets) {
    /** Rows of a panel. */
    public static final int PANEL = 16;

    /** Where a word is. */
    public enum Layout {
        /** One row after the other, as in files: words [N, ceil(K bits / 32)], scales and offsets [N, groups]. */
        ROWS,
        /** Sixteen rows interleaved, as the products read: words [ceil(N / 16), bits ceil(K / 32), 16], scales and offsets likewise. */
        PANELS
    }

    public PackedWeights {
        if (n < 1 || k < 1 || n > 1 << 30 || k > 1 << 30) {
            throw new IllegalArgumentException("packed weights [" + n + ", " + k + "]: extents must be 1 to 2^30");
        }
        if ((offsets == null) != format.symmetric()) {
            throw new IllegalArgumentException("packed weights: " + format
                    + (format.symmetric()
                            ? " has no centres, but " + offsets + " was given"
                            : " needs a tensor of centres, none was given"));
        }
    }

    public static Shape wordsShape(QuantFormat format, Layout layout, long n, long k) {
        return layout == Layout.ROWS
                ? Shape.of(n, format.rowWords(k))
                : Shape.of(panels(n), format.panelWords(k), PANEL);
    }

    public static Shape groupsShape(QuantFormat format, Layout layout, long n, long k) {
        return layout == Layout.ROWS ? Shape.of(n, format.groups(k)) : Shape.of(panels(n), format.groups(k), PANEL);
    }

    /** Allocates tensors NAME.words, NAME.scales and, unless symmetric, NAME.offsets. */
    public static PackedWeights allocate(
            Device device, MemoryCategory category, String name, QuantFormat format, Layout layout, long n, long k) {
        Shape groups = groupsShape(format, layout, n, k);
        return new PackedWeights(
                format,
                layout,
                n,
                k,
                Tensor.allocate(device, category, name + ".words", DType.U32, wordsShape(format, layout, n, k)),
                Tensor.allocate(device, category, name + ".scales", DType.F32, groups),
                format.symmetric() ? null : Tensor.allocate(device, category, name + ".offsets", DType.F32, groups));
    }

    private static long panels(long n) {
        return (n + PANEL - 1) / PANEL;
    }

    /** Bytes of the three tensors. */
    public long bytes() {
        return words.bytes() + scales.bytes() + (offsets == null ? 0 : offsets.bytes());
    }

    void check(Checks checks, Layout expected) {
        checks.require(
                layout == expected, "weights are in " + layout + ", expected " + expected + "; RepackWeights converts");
        long[] groups = groupsShape(format, layout, n, k).toArray();
        checks.open(words)
                .dtype(words, DType.U32)
                .shape(words, wordsShape(format, layout, n, k).toArray());
        checks.open(scales).dtype(scales, DType.F32).shape(scales, groups);
        if (offsets != null) {
            checks.open(offsets).dtype(offsets, DType.F32).shape(offsets, groups);
        }
    }
}
