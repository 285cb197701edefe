package dev.sagitta.graph.op.shape;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * The pixels of an image, row by row, as positions of a sequence: [channels, height, width] becomes [height width, channels]. What a vision transformer makes of
 * its patches. A view: images lie so in memory.
 */
public record Tokens() implements LinearOp {
    public static final OpType TYPE = OpType.of(
            "tokens",
            1,
            "pixels as a sequence, [channels, height, width] to [height * width, channels]",
            m -> new Tokens());

    @Override
    public String type() {
        return "tokens";
    }

    @Override
    public Images images() {
        return Images.CHANNELS_LAST;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        ArrayType x = inputs.get(0);
        if (!x.channelsLast()) {
            throw new IllegalArgumentException(
                    "tokens: input has shape " + x.shown() + ", expected an image [channels, height, width]");
        }
        long channels = x.shape().extent(-1);
        return List.of(ArrayType.f32(Shape.of(x.shape().elements() / Math.max(1, channels), channels)));
    }

    @Override
    public int passes(int output, boolean training) {
        return 0;
    }

    @Override
    public void apply(Apply a) {
        a.pass(0, a.in(0));
    }

    @Override
    public void transpose(Transpose a) {
        a.send(0, a.cotangent(0));
    }
}
