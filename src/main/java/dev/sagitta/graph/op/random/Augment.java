package dev.sagitta.graph.op.random;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y = A x for each image, A a random shift with zeros from beyond the image, and a flip from left to right half of the time, of (seed, stream, step, image): made again in every
 * mode, never stored. Linear in x, so all modes are A or its transpose; K probes share it. Outside training it is the identity.
 *
 * @param flip whether images are flipped
 * @param crop the farthest shift along each axis, in pixels: an image padded by so many and cropped to its size
 */
public record Augment(boolean flip, int crop) implements LinearOp {
    private static final Field<Boolean> FLIP =
            Field.flag("flip", false, "whether half of the images are turned left to right");
    private static final Field<Long> CROP = Field.integer(
            "crop",
            0L,
            0,
            dev.sagitta.kernel.random.Augment.MOST_PADDING,
            "pixels of zeros around an image, of which a part of its size is cropped");

    public static final OpType TYPE = OpType.of(
            "augment",
            1,
            "each image flipped and shifted at random in training, x otherwise; [channels, height, width]",
            m -> new Augment(m.get(FLIP), Math.toIntExact(m.get(CROP))),
            FLIP,
            CROP);

    @Override
    public String type() {
        return "augment";
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape x = inputs.get(0).shape();
        if (x.rank() != 3) {
            throw new IllegalArgumentException(
                    "augment: the input has shape " + x + ", expected [channels, height, width]");
        }
        return List.of(inputs.get(0));
    }

    @Override
    public int passes(int output, boolean training) {
        return isIdentity(training) ? 0 : -1;
    }

    private boolean isIdentity(boolean training) {
        return !training || !flip && crop == 0;
    }

    @Override
    public void apply(Apply a) {
        if (isIdentity(a.pass().training())) {
            a.pass(0, a.in(0));
        } else {
            move(a, false, a.suffix().isEmpty() ? "forward" : "tangent", a.in(0), a.out(0));
        }
    }

    @Override
    public void transpose(Transpose a) {
        if (isIdentity(a.pass().training())) {
            a.send(0, a.cotangent(0));
        } else if (a.wants(0)) {
            move(a, true, "input.cotangent" + a.suffix(), a.cotangent(0), a.cotangentOf(0));
        }
    }

    /** All copies at once, [copies B, channels, height, width]. */
    private static Value images(Value v, View view) {
        Shape x = view.pass().input(0).shape();
        return v.view(view.copies() * (long) view.pass().batch(), x.extent(0), x.extent(1), x.extent(2));
    }

    private void move(View view, boolean transposed, String what, Value in, Value out) {
        Pass pass = view.pass();
        Value random = pass.random();
        Value x = images(in, view);
        Value y = images(out, view);
        pass.emit(
                what,
                values(x, random),
                values(y),
                t -> new dev.sagitta.kernel.random.Augment.Move(
                        t.tensor(random),
                        pass.stream(),
                        flip,
                        crop,
                        transposed,
                        pass.batch(),
                        t.tensor(x),
                        t.tensor(y)));
    }
}
