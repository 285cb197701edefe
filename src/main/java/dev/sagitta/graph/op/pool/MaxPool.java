package dev.sagitta.graph.op.pool;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.WindowFields;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * The maximum of each window, as PyTorch's {@code MaxPool2d} and {@code 1d}: linear, given where each stands, which is kept in 2 to 8 bits and nothing else. Of equal ones the first
 * counts.
 *
 * @param axes 1 of signals, 2 of images
 */
public record MaxPool(int axes, Window window, boolean ceil) implements PoolOp {
    public static final OpType TYPE = type(2);
    public static final OpType TYPE_1D = type(1);

    private static final Field<List<Long>> SIZE =
            Field.perAxis("size", null, 1, 1 << 16, "positions of the output's axes");

    /** Where the output's extents divide the input's: windows then have one extent. */
    public static final OpType ADAPTIVE_TYPE = OpType.of(
                    "adaptive_max_pool2d",
                    1,
                    "maxima over pieces of [channels, height, width], as many as are asked for; they must divide the extents",
                    MaxPool::adaptive,
                    SIZE)
            .check(given -> given.containsKey("size") ? null : "field 'size' is missing");

    private static final Keep OFFSETS = Keep.own("offsets");

    private static OpType type(int axes) {
        return OpType.of(
                        "max_pool" + axes + "d",
                        1,
                        "the maximum of each window of "
                                + (axes == 1 ? "[channels, length]" : "[channels, height, width]"),
                        m -> new MaxPool(axes, PoolOp.window(m, axes, m.get(WindowFields.DILATION)), m.get(CEIL)),
                        WindowFields.KERNEL,
                        STRIDE,
                        WindowFields.PADDING,
                        WindowFields.DILATION,
                        CEIL)
                .check(given -> given.containsKey("kernel") ? null : "field 'kernel' is missing");
    }

    private static MaxPool adaptive(OpType.Making m) {
        Shape x = m.input(0).shown();
        List<Long> size = m.get(SIZE);
        int height = WindowFields.of(SIZE, size, 2, 0);
        int width = WindowFields.of(SIZE, size, 2, 1);
        if (x.rank() != 3 || x.extent(1) % height != 0 || x.extent(2) % width != 0) {
            throw new IllegalArgumentException("adaptive_max_pool2d: the input has shape " + x
                    + ", expected [channels, height, width], height a multiple of " + height + " and width of "
                    + width + "; use max_pool2d where windows overlap");
        }
        int high = Math.toIntExact(x.extent(1) / height);
        int wide = Math.toIntExact(x.extent(2) / width);
        return new MaxPool(2, new Window(high, wide, high, wide, 0, 0, 1, 1), false);
    }

    public MaxPool {
        // refuses windows of too many positions
        dev.sagitta.kernel.pool.MaxPool.bits(window);
    }

    @Override
    public String type() {
        return "max_pool" + axes + "d";
    }

    @Override
    public List<Keep> keeps() {
        return List.of(OFFSETS);
    }

    @Override
    public void forward(Forward f) {
        Shape y = f.output(0).shape();
        long channels = y.extent(-1);
        Shape words = Shape.of(
                f.batch() * (y.elements() / channels) * dev.sagitta.kernel.pool.MaxPool.words(window, channels));
        Value offsets = f.keep(OFFSETS, DType.U32, words);
        Value from = PoolOp.images(f.in(0), 1, f.batch(), f.input(0));
        Value to = PoolOp.images(f.out(0), 1, f.batch(), f.output(0));
        f.emit(
                "forward",
                values(from),
                values(to, offsets),
                t -> new dev.sagitta.kernel.pool.MaxPool.Forward(
                        t.tensor(from), t.tensor(to), t.tensor(offsets), window));
    }

    @Override
    public void apply(Apply a) {
        Value offsets = a.kept(OFFSETS);
        Value xt = PoolOp.images(a.in(0), a, a.pass().input(0));
        Value yt = PoolOp.images(a.out(0), a, a.pass().output(0));
        a.pass()
                .emit(
                        "tangent",
                        values(xt, offsets),
                        values(yt),
                        t -> new dev.sagitta.kernel.pool.MaxPool.Gather(
                                t.tensor(xt), t.tensor(offsets), t.tensor(yt), window));
    }

    @Override
    public void transpose(Transpose a) {
        if (!a.wants(0)) {
            return;
        }
        Value offsets = a.kept(OFFSETS);
        Value dy = PoolOp.images(a.cotangent(0), a, a.pass().output(0));
        Value dx = PoolOp.images(a.cotangentOf(0), a, a.pass().input(0));
        a.pass()
                .emit(
                        "input.cotangent" + a.suffix(),
                        values(dy, offsets),
                        values(dx),
                        t -> new dev.sagitta.kernel.pool.MaxPool.Scatter(
                                t.tensor(dy), t.tensor(offsets), t.tensor(dx), window));
    }
}
