package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import java.util.Arrays;
import java.util.List;

/**
 * An array [channels, ...] as an image, whose channels are last in memory, or back: the builder of a graph puts it between ops that read the one and ops that
 * read the other. One pass over memory; none where there is one channel or one pixel.
 *
 * @param channelsLast whether the output is the image
 */
public record ToImage(boolean channelsLast, long channels, long pixels) implements LinearOp {

    public static ToImage of(ArrayType input, boolean channelsLast) {
        long channels = input.shape().extent(channelsLast ? 0 : -1);
        return new ToImage(channelsLast, channels, input.shape().elements() / Math.max(1, channels));
    }

    @Override
    public String type() {
        return channelsLast ? "channels_last" : "channels_first";
    }

    @Override
    public Images images() {
        return channelsLast ? Images.AS_ARRAYS : Images.CHANNELS_LAST;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        long[] extents = x.shape().toArray();
        if (!channelsLast) {
            return List.of(ArrayType.f32(x.shown()));
        }
        long[] last = Arrays.copyOfRange(extents, 1, extents.length + 1);
        last[extents.length - 1] = extents[0];
        return List.of(ArrayType.image(last));
    }

    private boolean isView() {
        return channels <= 1 || pixels <= 1;
    }

    @Override
    public int passes(int output, boolean training) {
        return isView() ? 0 : -1;
    }

    /** [examples, a, b] to [examples, b, a]. */
    private static void exchange(View view, String what, Value from, Value to, long a, long b) {
        long examples = from.elements() / Math.max(1, a * b);
        Value x = from.view(examples, a, b, 1);
        Value y = to.view(examples, b, a, 1);
        view.pass()
                .emit(what, values(x), values(y), t -> dev.sagitta.kernel.shape.Transpose.of(t.tensor(x), t.tensor(y)));
    }

    @Override
    public void apply(Apply a) {
        Value x = a.in(0);
        if (isView()) {
            a.pass(0, x);
            return;
        }
        long rows = channelsLast ? channels : pixels;
        exchange(a, a.suffix().isEmpty() ? "forward" : "tangent", x, a.out(0), rows, channels * pixels / rows);
    }

    @Override
    public void transpose(Transpose a) {
        Value dy = a.cotangent(0);
        if (isView()) {
            a.send(0, dy);
            return;
        }
        Value dx = a.cotangentOf(0);
        if (dx != null) {
            long rows = channelsLast ? pixels : channels;
            exchange(a, "input.cotangent" + a.suffix(), dy, dx, rows, channels * pixels / rows);
        }
    }
}
