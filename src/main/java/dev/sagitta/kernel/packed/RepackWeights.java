package dev.sagitta.kernel.packed;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * One 32-bit matrix of packed weights (words, steps or centres) from rows to panels of 16 interleaved rows, or back.
 *
 * @param rows [N, row width]
 * @param panels [ceil(N / 16), panel width, 16]; padding becomes zeros
 */
public record RepackWeights(boolean toPanels, Tensor rows, Tensor panels) implements HandDescriptor {
    private static final int BLOCK = 256;

    /** All tensors of {@code from} into those of {@code to}: the same weights, the other layout. */
    public static Preparable of(PackedWeights from, PackedWeights to) {
        Checks checks = new Checks("repack");
        checks.require(from.layout() != to.layout(), "both sides are in " + from.layout() + "; there is nothing to do");
        checks.require(
                from.format().equals(to.format()) && from.n() == to.n() && from.k() == to.k(),
                from.format() + " [" + from.n() + ", " + from.k() + "] cannot become " + to.format() + " [" + to.n()
                        + ", " + to.k() + "]");
        from.check(checks, from.layout());
        to.check(checks, to.layout());
        Preparable groups = one(from, from.scales(), to.scales());
        return Preparable.sequence(
                one(from, from.words(), to.words()),
                from.offsets() == null ? groups : Preparable.sequence(groups, one(from, from.offsets(), to.offsets())));
    }

    private static RepackWeights one(PackedWeights from, Tensor source, Tensor target) {
        boolean toPanels = from.layout() == PackedWeights.Layout.ROWS;
        return new RepackWeights(toPanels, toPanels ? source : target, toPanels ? target : source);
    }

    @Override
    public String file() {
        return "quantize";
    }

    @Override
    public String entry() {
        return toPanels ? "repack_to_panels_u32" : "repack_to_rows_u32";
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry()).open(rows).open(panels);
        for (Tensor tensor : new Tensor[] {rows, panels}) {
            checks.require(
                    tensor.dtype() == DType.U32 || tensor.dtype() == DType.F32,
                    tensor + " has dtype " + tensor.dtype().suffix() + ", expected u32 or f32");
        }
        checks.dtype(panels, rows.dtype());
        checks.require(rows.shape().rank() == 2, rows + " has shape " + rows.shape() + ", expected [N, width]");
        long n = rows.shape().extent(0);
        checks.require(
                panels.shape().rank() == 3
                        && panels.shape().extent(0) == (n + PackedWeights.PANEL - 1) / PackedWeights.PANEL
                        && panels.shape().extent(1) >= rows.shape().extent(1)
                        && panels.shape().extent(2) == PackedWeights.PANEL,
                panels + " has shape " + panels.shape() + ", expected [ceil(" + n + " / 16), at least "
                        + rows.shape().extent(1) + ", 16]");
    }

    @Override
    public Geometry geometry(Device device) {
        return Geometry.linear(((toPanels ? panels : rows).elements() + BLOCK - 1) / BLOCK, BLOCK);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer((toPanels ? rows : panels).buffer()).buffer((toPanels ? panels : rows).buffer());
        arguments
                .i64(rows.shape().extent(0))
                .i64(rows.shape().extent(1))
                .i64(panels.shape().extent(1));
    }

    @Override
    public long bytes() {
        return rows.bytes() + (toPanels ? panels : rows).bytes();
    }

    @Override
    public long flops() {
        return 0;
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
