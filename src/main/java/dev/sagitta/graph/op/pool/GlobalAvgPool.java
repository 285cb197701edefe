package dev.sagitta.graph.op.pool;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.shape.Mean;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The mean of each channel over all pixels: [channels, ...] to [channels]. */
public record GlobalAvgPool() implements LinearOp {
    public static final OpType TYPE = OpType.of(
            "global_avg_pool", 1, "the mean of each channel over all pixels, [channels]", m -> new GlobalAvgPool());

    @Override
    public String type() {
        return "global_avg_pool";
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
                    "global_avg_pool: the input has shape " + x.shown() + ", expected [channels, height, width]");
        }
        return List.of(ArrayType.f32(Shape.of(x.shape().extent(-1))));
    }

    /** [examples, pixels, channels]. */
    private static Value pixels(Value v, View view) {
        Shape x = view.pass().input(0).shape();
        long channels = x.extent(-1);
        return v.view(view.copies() * (long) view.pass().batch(), x.elements() / channels, channels);
    }

    private static Value means(Value v, View view) {
        long channels = view.pass().input(0).shape().extent(-1);
        return v.view(view.copies() * (long) view.pass().batch(), channels);
    }

    @Override
    public void apply(Apply a) {
        Value x = pixels(a.in(0), a);
        Value y = means(a.out(0), a);
        a.pass()
                .emit(
                        a.suffix().isEmpty() ? "forward" : "tangent",
                        values(x),
                        values(y),
                        t -> Mean.of(t.tensor(x), null, t.tensor(y)));
    }

    @Override
    public void transpose(Transpose a) {
        if (!a.wants(0)) {
            return;
        }
        Value dy = means(a.cotangent(0), a);
        Value dx = pixels(a.cotangentOf(0), a);
        a.pass()
                .emit(
                        "input.cotangent" + a.suffix(),
                        values(dy),
                        values(dx),
                        t -> Mean.spread(t.tensor(dy), null, t.tensor(dx)));
    }
}
