package dev.sagitta.graph.op.shape;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * Channels as pixels, as PyTorch's {@code PixelShuffle}: [channels r r, height, width] to [channels, height r, width r], channel c r r + i r + j of a pixel becomes
 * channel c of the pixel i rows and j columns into its square; or back.
 *
 * @param back whether pixels become channels ({@code PixelUnshuffle})
 */
public record PixelShuffle(int factor, boolean back) implements LinearOp {
    private static final Field<Long> FACTOR = Field.integer("factor", null, 1, 1 << 12, "pixels along a square's side");

    public static final OpType TYPE = type(false, "channels as squares of pixels, [c r r, h, w] to [c, h r, w r]");
    public static final OpType BACK_TYPE = type(true, "squares of pixels as channels, [c, h r, w r] to [c r r, h, w]");

    /** Axes of [height, width, channels, i, j] in the order [height, i, width, j, channels]. */
    private static final List<Integer> TO_PIXELS = List.of(0, 3, 1, 4, 2);

    private static final List<Integer> TO_CHANNELS = List.of(0, 2, 4, 1, 3);

    private static OpType type(boolean back, String says) {
        return OpType.of(
                        back ? "pixel_unshuffle" : "pixel_shuffle",
                        1,
                        says,
                        m -> new PixelShuffle(Math.toIntExact(m.get(FACTOR)), back),
                        FACTOR)
                .check(given -> given.containsKey("factor") ? null : "field 'factor' is missing");
    }

    @Override
    public String type() {
        return back ? "pixel_unshuffle" : "pixel_shuffle";
    }

    @Override
    public Images images() {
        return Images.CHANNELS_LAST;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape shown = inputs.get(0).shown();
        if (shown.rank() != 3) {
            throw new IllegalArgumentException(
                    type() + ": the input has shape " + shown + ", expected [channels, height, width]");
        }
        long square = (long) factor * factor;
        boolean fits =
                back ? shown.extent(1) % factor == 0 && shown.extent(2) % factor == 0 : shown.extent(0) % square == 0;
        if (!fits) {
            throw new IllegalArgumentException(type() + ": the input has shape " + shown + ", expected "
                    + (back
                            ? "height and width that are multiples of " + factor
                            : "channels that are a multiple of " + square));
        }
        return List.of(
                back
                        ? ArrayType.image(shown.extent(1) / factor, shown.extent(2) / factor, shown.extent(0) * square)
                        : ArrayType.image(
                                shown.extent(1) * factor, shown.extent(2) * factor, shown.extent(0) / square));
    }

    /** @param pixels the image whose squares are pixels */
    private void emit(View view, String what, Value from, Value to, Shape pixels, boolean toChannels) {
        long height = pixels.extent(0) / factor;
        long width = pixels.extent(1) / factor;
        long channels = pixels.extent(2);
        Shape x = toChannels
                ? Shape.of(height, factor, width, factor, channels)
                : Shape.of(height, width, channels, factor, factor);
        Permute.emit(view, what, from, to, Permute.exchanges(x, toChannels ? TO_CHANNELS : TO_PIXELS));
    }

    @Override
    public void apply(Apply a) {
        Shape pixels = (back ? a.pass().input(0) : a.pass().output(0)).shape();
        emit(a, a.suffix().isEmpty() ? "forward" : "tangent", a.in(0), a.out(0), pixels, back);
    }

    @Override
    public void transpose(Transpose a) {
        Value dx = a.cotangentOf(0);
        if (dx != null) {
            Shape pixels = (back ? a.pass().input(0) : a.pass().output(0)).shape();
            emit(a, "input.cotangent" + a.suffix(), a.cotangent(0), dx, pixels, !back);
        }
    }
}
