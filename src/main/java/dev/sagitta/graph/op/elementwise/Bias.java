package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.elementwise.Zero;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x + b along the last axis. Linear in both, so cotangents pass through and second derivatives are zero. */
public record Bias(Parameter bias) implements LinearOp {
    public static final OpType TYPE = OpType.of("bias", 1, "y = x + b over the last axis", Bias::make);

    private static Op make(OpType.Making m) {
        Shape x = m.input(0).shape();
        if (x.rank() < 1) {
            throw new IllegalArgumentException("the input is a scalar, expected features");
        }
        return new Bias(m.vector("bias", Shape.of(x.extent(-1)), Parameter.Init.ZEROS));
    }

    @Override
    public String type() {
        return "bias";
    }

    @Override
    public boolean ofRows() {
        return true;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape x = inputs.get(0).shape();
        long features = bias.shape().extent(0);
        if (x.rank() < 1 || x.extent(-1) != features) {
            throw new IllegalArgumentException(
                    "bias '" + bias.name() + "': input has shape " + x + ", expected last axis " + features);
        }
        return List.of(inputs.get(0));
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(bias);
    }

    @Override
    public void apply(Apply a) {
        Value x = a.in(0);
        Value b = a.of(bias);
        Value y = a.out(0);
        Value rows = y.rows(a.copies());
        Value source = x == null ? null : x.rows(a.copies());
        a.pass()
                .emit(
                        a.suffix().isEmpty() ? "forward" : "tangent",
                        values(x, b),
                        values(y),
                        t -> Preparable.sequence(
                                source == null
                                        ? new Zero(t.tensor(rows))
                                        : Arithmetic.scale(1, t.tensor(source), t.tensor(rows)),
                                dev.sagitta.kernel.elementwise.Bias.add(t.tensor(rows), t.tensor(b))));
    }

    @Override
    public void transpose(Transpose a) {
        Value dy = a.cotangent(0);
        Backward.Gradient db = a.gradient(bias);
        if (db != null) {
            String label = a.pass().name() + a.suffix() + ".gradient";
            Sums.columns(a.pass().emitter(), label, dy.rows(a.copies()), db.value(), db.accumulate());
        }
        a.send(0, dy);
    }
}
