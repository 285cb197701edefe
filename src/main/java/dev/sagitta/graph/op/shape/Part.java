package dev.sagitta.graph.op.shape;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.Shape;

/**
 * Positions {@code begin} to {@code begin + length} along an axis of one input, which is what several ops give: y = x[begin : begin + length]; dx is dy with zeros
 * around it.
 *
 * @param whole of an example of the input
 */
record Part(Shape whole, int axis, long begin, long length) {
    Shape shape() {
        return Axes.with(whole, axis, length);
    }

    void apply(LinearOp.Apply a) {
        Value from = Axes.around(a.in(0), whole, axis);
        Value to = Axes.around(a.out(0), shape(), axis);
        a.pass()
                .emit(
                        a.suffix().isEmpty() ? "forward" : "tangent",
                        values(from),
                        values(to),
                        t -> dev.sagitta.kernel.shape.Slice.take(t.tensor(from), begin, t.tensor(to)));
    }

    void transpose(LinearOp.Transpose a) {
        Value dx = a.cotangentOf(0);
        if (dx == null) {
            return;
        }
        Value from = Axes.around(a.cotangent(0), shape(), axis);
        Value to = Axes.around(dx, whole, axis);
        a.pass()
                .emit(
                        "input.cotangent" + a.suffix(),
                        values(from),
                        values(to),
                        t -> dev.sagitta.kernel.shape.Slice.pad(t.tensor(from), begin, t.tensor(to)));
    }
}
