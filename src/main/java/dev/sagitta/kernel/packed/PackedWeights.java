package dev.sagitta.kernel.packed;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.kernel.Signature;
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

    long[] wordsExtents() {
        return wordsShape(format, layout, n, k).toArray();
    }

    Signature require(Signature s, Layout expected) {
        return s.require(
                layout == expected,
                "weights are in " + layout + ", expected " + expected + "; Quantize.repack converts");
    }

    /** Declares steps and centres, in the order of every kernel. */
    Signature groups(Signature s, Signature.Role role) {
        long[] extents = groupsShape(format, layout, n, k).toArray();
        return s.tensor("scales", scales, role, DType.F32, false)
                .exactly(extents)
                .tensor("offsets", offsets, role, DType.F32, format.symmetric())
                .exactly(extents);
    }

    /** Declares codes, steps and centres, which a kernel reads. */
    Signature all(Signature s) {
        return groups(s.in("words", words, DType.U32, wordsExtents()), Signature.Role.IN);
    }

    /** Whether the three tensors are as the format says. */
    void check(String user) {
        all(Signature.of(user));
    }
}
