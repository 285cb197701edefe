package dev.sagitta.graph.op.pool;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.WindowFields;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Window;
import java.util.List;

/**
 * The mean of each window, as PyTorch's {@code AvgPool2d} and {@code 1d}.
 *
 * @param axes 1 of signals, 2 of images
 */
public record AvgPool(int axes, Window window, boolean ceil, boolean includePadding) implements PoolOp {
    private static final Field<Boolean> INCLUDE =
            Field.flag("count_include_pad", true, "whether the zeros of the padding count");

    public static final OpType TYPE = type(2);
    public static final OpType TYPE_1D = type(1);

    private static OpType type(int axes) {
        return OpType.of(
                        "avg_pool" + axes + "d",
                        1,
                        "the mean of each window of "
                                + (axes == 1 ? "[channels, length]" : "[channels, height, width]"),
                        m -> new AvgPool(axes, PoolOp.window(m, axes, List.of(1L)), m.get(CEIL), m.get(INCLUDE)),
                        WindowFields.KERNEL,
                        STRIDE,
                        WindowFields.PADDING,
                        CEIL,
                        INCLUDE)
                .check(given -> given.containsKey("kernel") ? null : "field 'kernel' is missing");
    }

    @Override
    public String type() {
        return "avg_pool" + axes + "d";
    }

    @Override
    public void apply(Apply a) {
        Value x = PoolOp.images(a.in(0), a, a.pass().input(0));
        Value y = PoolOp.images(a.out(0), a, a.pass().output(0));
        a.pass()
                .emit(
                        a.suffix().isEmpty() ? "forward" : "tangent",
                        values(x),
                        values(y),
                        t -> new dev.sagitta.kernel.pool.AvgPool.Forward(
                                t.tensor(x), t.tensor(y), window, includePadding));
    }

    @Override
    public void transpose(Transpose a) {
        if (!a.wants(0)) {
            return;
        }
        Value dy = PoolOp.images(a.cotangent(0), a, a.pass().output(0));
        Value dx = PoolOp.images(a.cotangentOf(0), a, a.pass().input(0));
        a.pass()
                .emit(
                        "input.cotangent" + a.suffix(),
                        values(dy),
                        values(dx),
                        t -> new dev.sagitta.kernel.pool.AvgPool.Backward(
                                t.tensor(dy), t.tensor(dx), window, includePadding));
    }
}
