package dev.sagitta.kernel.packed;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Signature.Role;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Locale;

/**
 * Weights [N, K] fp32 to codes and back. {@link #fit} finds steps and centres by the least squared error over 25 clips of each group,
 * {@link #pack} rounds to nearest; both write {@link PackedWeights.Layout#ROWS}. {@link #pack} alone takes steps and centres that came
 * from elsewhere.
 */
public final class Quantize {
    private Quantize() {}

    /** Both stages. */
    public static Preparable of(Tensor weights, PackedWeights packed, Tensor errors) {
        return Preparable.sequence(fit(weights, packed), pack(weights, packed, errors));
    }

    public static Fit fit(Tensor weights, PackedWeights packed) {
        return new Fit(weights, packed);
    }

    public static Pack pack(Tensor weights, PackedWeights packed, Tensor errors) {
        return new Pack(weights, packed, errors);
    }

    public static Dequantize dequantize(PackedWeights packed, Tensor weights) {
        return new Dequantize(packed, weights);
    }

    /** All tensors of {@code from} into those of {@code to}: the same weights, the other layout. */
    public static Preparable repack(PackedWeights from, PackedWeights to) {
        Checks checks = new Checks("repack");
        checks.require(from.layout() != to.layout(), "both sides are in " + from.layout() + "; there is nothing to do");
        checks.require(
                from.format().equals(to.format()) && from.n() == to.n() && from.k() == to.k(),
                from.format() + " [" + from.n() + ", " + from.k() + "] cannot become " + to.format() + " [" + to.n()
                        + ", " + to.k() + "]");
        from.check("repack");
        to.check("repack");
        Preparable groups = repack(from, from.scales(), to.scales());
        return Preparable.sequence(
                repack(from, from.words(), to.words()),
                from.offsets() == null
                        ? groups
                        : Preparable.sequence(groups, repack(from, from.offsets(), to.offsets())));
    }

    private static Repack repack(PackedWeights from, Tensor source, Tensor target) {
        boolean toPanels = from.layout() == PackedWeights.Layout.ROWS;
        return new Repack(toPanels, toPanels ? source : target, toPanels ? target : source);
    }

    /** Steps and centres of each group. */
    public record Fit(Tensor weights, PackedWeights packed) implements Descriptor {
        /** FIT_THREADS and FIT_LANES of the kernel files. */
        private static final int BLOCK = 256;

        private static final int LANES = 8;
        private static final int FLOPS_PER_CLIP = 8;
        private static final int CLIPS = 25;

        @Override
        public Signature signature() {
            Signature s = Signature.of("quantize_fit_w" + packed.format().bits() + "_f32");
            packed.require(s, PackedWeights.Layout.ROWS).in("w", weights, DType.F32, packed.n(), packed.k());
            packed.groups(s, Role.OUT);
            // what Pack is going to write
            return s.workspace("words", packed.words(), DType.U32, packed.wordsExtents())
                    .ofAnotherLaunch()
                    .i64("n", packed.n())
                    .i64("k", packed.k())
                    .i32("group", packed.format().group());
        }

        @Override
        public Geometry geometry(Device device) {
            long groups = packed.scales().elements();
            return Work.onCpu(device)
                    ? Geometry.linear(Math.min(groups, 16L * device.info().computeUnits()), 1)
                    : Geometry.linear((groups * LANES + BLOCK - 1) / BLOCK, BLOCK);
        }

        @Override
        public long flops() {
            int sides = packed.format().symmetric() ? 2 : 1;
            return weights.elements() * sides * CLIPS * FLOPS_PER_CLIP;
        }
    }

    /**
     * Codes of each row.
     *
     * @param errors f32 [N], the squared error of each row. A row that holds a NaN or an infinity has a NaN error: reject it
     */
    public record Pack(Tensor weights, PackedWeights packed, Tensor errors) implements Descriptor {
        /** PACK_THREADS of the kernel files. */
        private static final int BLOCK = 64;

        @Override
        public Signature signature() {
            Signature s = Signature.of("quantize_pack_w" + packed.format().bits() + "_f32");
            packed.require(s, PackedWeights.Layout.ROWS).in("w", weights, DType.F32, packed.n(), packed.k());
            return packed.groups(s, Role.IN)
                    .out("words", packed.words(), DType.U32, packed.wordsExtents())
                    .out("errors", errors, DType.F32, packed.n())
                    .i64("n", packed.n())
                    .i64("k", packed.k())
                    .i32("group", packed.format().group());
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(packed.n(), BLOCK);
        }

        @Override
        public long flops() {
            return 6 * weights.elements();
        }
    }

    /** Packed weights of either layout to fp32 [N, K]: {@code fma(s, code - 2^(bits - 1), c)}, the same bits on every device. */
    public record Dequantize(PackedWeights packed, Tensor weights) implements Descriptor {
        /** DEQUANT_THREADS and DEQUANT_QUADS of the kernel files. */
        private static final int BLOCK = 256;

        private static final int QUADS = 4;

        @Override
        public Signature signature() {
            String layout = packed.layout().name().toLowerCase(Locale.ROOT);
            Signature s =
                    Signature.of("dequantize_" + layout + "_w" + packed.format().bits() + "_f32");
            return packed.all(s)
                    .out("weights", weights, DType.F32, packed.n(), packed.k())
                    .i64("n", packed.n())
                    .i64("k", packed.k())
                    .i32("group", packed.format().group());
        }

        @Override
        public Geometry geometry(Device device) {
            long quads = packed.layout() == PackedWeights.Layout.ROWS
                    ? packed.n() * ((packed.k() + 3) / 4)
                    : packed.words().shape().extent(0) * ((packed.k() + 31) / 32) * (PackedWeights.PANEL * 8);
            long perBlock = (long) BLOCK * QUADS;
            return Geometry.linear((quads + perBlock - 1) / perBlock, BLOCK);
        }

        @Override
        public long flops() {
            return 2 * weights.elements();
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    /**
     * One 32-bit matrix of packed weights (words, steps or centres) from rows to panels of 16 interleaved rows, or back.
     *
     * @param rows [N, row width]
     * @param panels [ceil(N / 16), panel width, 16]; padding becomes zeros
     */
    public record Repack(boolean toPanels, Tensor rows, Tensor panels) implements Descriptor {
        private static final int BLOCK = 256;

        @Override
        public Signature signature() {
            Signature s = Signature.of(toPanels ? "repack_to_panels_u32" : "repack_to_rows_u32")
                    .present("rows", rows)
                    .present("panels", panels)
                    .require(
                            rows.dtype() == DType.U32 || rows.dtype() == DType.F32,
                            rows + " has dtype " + rows.dtype().suffix() + ", expected u32 or f32")
                    .in("from", toPanels ? rows : panels, rows.dtype())
                    .seenAs(DType.U32)
                    .out("to", toPanels ? panels : rows, rows.dtype())
                    .seenAs(DType.U32)
                    .require(rows.shape().rank() == 2, rows + " has shape " + rows.shape() + ", expected [N, width]");
            long n = rows.shape().extent(0);
            long width = rows.shape().extent(1);
            return s.require(
                            panels.shape().rank() == 3
                                    && panels.shape().extent(0) == (n + PackedWeights.PANEL - 1) / PackedWeights.PANEL
                                    && panels.shape().extent(1) >= width
                                    && panels.shape().extent(2) == PackedWeights.PANEL,
                            panels + " has shape " + panels.shape() + ", expected [ceil(" + n + " / 16), at least "
                                    + width + ", 16]")
                    .i64("n", n)
                    .i64("row_width", width)
                    .i64("panel_width", panels.shape().extent(1))
                    // of panels, only what becomes rows has to be read
                    .bytes(rows.bytes() + (toPanels ? panels : rows).bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(((toPanels ? panels : rows).elements() + BLOCK - 1) / BLOCK, BLOCK);
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }
}
