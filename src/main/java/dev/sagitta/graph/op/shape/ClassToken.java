package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Parameter.Init;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.kernel.elementwise.Zero;
import dev.sagitta.kernel.shape.Slice;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * A learned row in front of the positions of a sequence, the same for all examples: [T, width] becomes [1 + T, width]. Its gradient is the sum of the cotangents'
 * rows 0, an example each. What a vision transformer's head reads ({@code cls}).
 */
public record ClassToken(Parameter token) implements LinearOp {
    public static final OpType TYPE = OpType.of(
            "class_token", 1, "a learned row in front of a sequence, [T, width] to [1 + T, width]", ClassToken::make);

    private static Op make(OpType.Making m) {
        Shape x = m.input(0).shown();
        requireSequence(x);
        return new ClassToken(m.vector("weight", Shape.of(x.extent(1)), Init.ZEROS));
    }

    private static void requireSequence(Shape x) {
        if (x.rank() != 2) {
            throw new IllegalArgumentException("class_token: input has shape " + x + ", expected [positions, width]");
        }
    }

    @Override
    public String type() {
        return "class_token";
    }

    private long width() {
        return token.elements();
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Axes.requireFloat("class_token", inputs.get(0));
        Shape x = inputs.get(0).shape();
        requireSequence(x);
        if (x.extent(1) != width()) {
            throw new IllegalArgumentException(
                    "class_token '" + token.name() + "': input has shape " + x + ", expected last axis " + width());
        }
        return List.of(ArrayType.f32(Shape.of(1 + x.extent(0), width())));
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(token);
    }

    /** [sequences, positions, width]. */
    private Value sequences(Value value, long positions) {
        return value.view(value.elements() / Math.max(1, positions * width()), positions, width());
    }

    @Override
    public void apply(Apply a) {
        long positions = a.pass().input(0).shape().extent(0);
        String what = a.suffix().isEmpty() ? "forward" : "tangent";
        Value x = a.in(0) == null ? null : sequences(a.in(0), positions);
        Value w = a.of(token) == null ? null : a.of(token).view(a.copies(), width());
        Value y = sequences(a.out(0), positions + 1);
        long sequences = y.shape().extent(0);
        Value rows = w == null
                ? null
                : a.pass().scratch(what + ".rows", Shape.of(a.copies(), sequences / a.copies(), width()));
        a.pass().emit(what, values(x, w), values(y, rows), t -> {
            if (w == null) {
                return Slice.pad(t.tensor(x), 1, t.tensor(y));
            }
            List<Preparable> work = new ArrayList<>();
            work.add(new Zero(t.tensor(rows)));
            work.add(Bias.add(t.tensor(rows), t.tensor(w)));
            work.add(x == null ? new Zero(t.tensor(y)) : Slice.put(t.tensor(x), 1, t.tensor(y)));
            work.add(Slice.put(t.tensor(rows).reshape(Shape.of(sequences, 1, width())), 0, t.tensor(y)));
            return Preparable.sequence(work.toArray(Preparable[]::new));
        });
    }

    @Override
    public void transpose(Transpose a) {
        long positions = a.pass().input(0).shape().extent(0);
        Value dy = sequences(a.cotangent(0), positions + 1);
        long sequences = dy.shape().extent(0);
        Backward.Gradient gradient = a.gradient(token);
        if (gradient != null) {
            String what = "gradient" + a.suffix();
            Value rows = a.pass().scratch(what + ".rows", Shape.of(a.copies(), sequences / a.copies(), width()));
            a.pass()
                    .emit(
                            what + ".rows",
                            values(dy),
                            values(rows),
                            t -> Slice.take(t.tensor(dy), 0, t.tensor(rows).reshape(Shape.of(sequences, 1, width()))));
            Value into = gradient.value().view(a.copies(), width());
            Sums.columns(a.pass().emitter(), a.pass().name() + "." + what, rows, into, gradient.accumulate());
        }
        Value dx = a.cotangentOf(0);
        if (dx != null) {
            Value to = sequences(dx, positions);
            a.pass()
                    .emit(
                            "input.cotangent" + a.suffix(),
                            values(dy),
                            values(to),
                            t -> Slice.take(t.tensor(dy), 1, t.tensor(to)));
        }
    }
}
