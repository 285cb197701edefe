package dev.sagitta.graph.op.resample;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.resample.AxisTaps;
import dev.sagitta.kernel.resample.Resample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * A linear map of an image that is one along its rows and one along its columns, of each channel alike: an op says the two, all modes follow. Signals
 * [channels, length] are images of one row.
 */
interface ResampleOp extends LinearOp {
    /** 1 of signals, 2 of images. */
    int axes();

    /**
     * The map of an axis of so many positions.
     *
     * @param axis 0 of height, 1 of width
     * @throws IllegalArgumentException if it has none
     */
    AxisTaps taps(int axis, int extent);

    /** Distinguishes maps of axes of equal extents: type and fields. */
    default String map() {
        return toString();
    }

    /** What stands where no position of the input counts. */
    default float fill() {
        return 0;
    }

    @Override
    default Images images() {
        return Images.CHANNELS_LAST;
    }

    private AxisTaps rows(Shape x) {
        return x.rank() == 2 ? AxisTaps.identity(1) : taps(0, Math.toIntExact(x.extent(0)));
    }

    private AxisTaps columns(Shape x) {
        return taps(1, Math.toIntExact(x.extent(-2)));
    }

    @Override
    default List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        if (!x.channelsLast() || x.shape().rank() != axes() + 1) {
            throw new IllegalArgumentException(type() + ": the input has shape " + x.shown() + ", expected "
                    + (axes() == 1 ? "[channels, length]" : "[channels, height, width]"));
        }
        long width = columns(x.shape()).outputs();
        long channels = x.shape().extent(-1);
        return List.of(
                axes() == 1
                        ? ArrayType.image(width, channels)
                        : ArrayType.image(rows(x.shape()).outputs(), width, channels));
    }

    /** [images, height, width, channels]. */
    private static Value images(Value v, View view, ArrayType type) {
        Shape one = type.shape();
        long height = one.rank() == 2 ? 1 : one.extent(0);
        return v.view(view.copies() * (long) view.pass().batch(), height, one.extent(-2), one.extent(-1));
    }

    private void emit(View view, String what, Value x, Value y, AxisTaps rows, AxisTaps columns, float fill) {
        Emitter e = view.pass().emitter();
        String name = map() + " from [" + rows.inputs() + ", " + columns.inputs() + "] to [" + rows.outputs() + ", "
                + columns.outputs() + "]" + (what.startsWith("input") ? " transposed" : "");
        Value map = e.constant(name + ".map", AxisTaps.map(rows, columns));
        Value weights = e.constant(name + ".weights", AxisTaps.weights(rows, columns));
        view.pass()
                .emit(
                        what,
                        values(x, map, weights),
                        values(y),
                        t -> new Resample(t.tensor(x), t.tensor(map), t.tensor(weights), t.tensor(y), fill));
    }

    @Override
    default void apply(Apply a) {
        ArrayType type = a.pass().input(0);
        Value x = images(a.in(0), a, type);
        Value y = images(a.out(0), a, a.pass().output(0));
        boolean isForward = a.suffix().isEmpty();
        float fill = isForward ? fill() : 0;
        emit(a, isForward ? "forward" : "tangent", x, y, rows(type.shape()), columns(type.shape()), fill);
    }

    @Override
    default void transpose(Transpose a) {
        if (!a.wants(0)) {
            return;
        }
        ArrayType type = a.pass().input(0);
        Value dy = images(a.cotangent(0), a, a.pass().output(0));
        Value dx = images(a.cotangentOf(0), a, type);
        AxisTaps rows = rows(type.shape()).transposed();
        emit(
                a,
                "input.cotangent" + a.suffix(),
                dy,
                dx,
                rows,
                columns(type.shape()).transposed(),
                0);
    }
}
