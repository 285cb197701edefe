package dev.sagitta.graph.loss;

import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

/** A loss over a batch, in the modes that a curvature engine needs. Its value is a mean, so that it does not depend on the batch size. */
public interface Loss {
    /** The name in a model's JSON. */
    String type();

    DType targetType();

    /** Whether it reads an output that is an image pixel by pixel, channels last, rather than as users know it. */
    default boolean readsPixels() {
        return false;
    }

    /** Shape of one example's target, given one example's output. */
    Shape targetShape(Shape output);

    /** Writes the loss and, unless {@code cotangent} is null, its derivative by the output [B, ...]. */
    void forward(Emitter e, LossContext c, Value loss, Value cotangent);

    /** out[k] = H_loss yt[k], [K, B, ...]. */
    void hessianVector(Emitter e, LossContext c, Value tangent, Value out);

    /** out[k] = yt[k]' H_loss yt[k]. */
    void quadratic(Emitter e, LossContext c, Value tangent, Value out);

    /** Metrics of one batch, f32 [3]: sum of the losses of counted examples, their number, and how many of them were predicted correctly. */
    void metrics(Emitter e, LossContext c, Value metrics);

    /**
     * What the modes share: the network's output [B, ...] and its target.
     *
     * @param shared what a {@link LossByRows} knows of all rows where these are a part of them; null where they are all
     */
    record LossContext(int batch, int probes, Shape outputShape, Value output, Value target, Value shared) {}
}
