package dev.sagitta.graph.op.random;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.op.LinearOp;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.random.Random;
import java.util.List;
import java.util.Map;

/**
 * y = x m / (1 - p), m the mask of (seed, stream, step, element): regenerated in every mode, never stored. Linear in x, so all modes are
 * the same product; K probes share the mask. Outside training it is the identity.
 */
public record Dropout(float probability) implements LinearOp {
    private static final Field<Double> P = Field.number("p", null, 0, 1, "share of elements that are dropped, below 1");

    public static final OpType TYPE = OpType.of(
                    "dropout",
                    1,
                    "x m / (1 - p) in training, x otherwise",
                    m -> new Dropout(m.get(P).floatValue()),
                    P)
            .check(Dropout::problem);

    private static String problem(Map<String, Object> given) {
        Object p = given.get("p");
        if (p == null) {
            return "field 'p' is missing";
        }
        return ((Double) p).floatValue() < 1 ? null : "'p' is 1, expected less: nothing would be left";
    }

    public Dropout {
        if (!(probability >= 0 && probability < 1)) {
            throw new IllegalArgumentException("dropout: probability " + probability + ", expected 0 <= p < 1");
        }
    }

    @Override
    public String type() {
        return "dropout";
    }

    @Override
    public Images images() {
        return Images.BY_ELEMENTS;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        return List.of(inputs.get(0));
    }

    @Override
    public int passes(int output, boolean training) {
        return isIdentity(training) ? 0 : -1;
    }

    private boolean isIdentity(boolean training) {
        return !training || probability == 0;
    }

    @Override
    public void apply(Apply a) {
        if (isIdentity(a.pass().training())) {
            a.pass(0, a.in(0));
        } else {
            drop(a.pass(), a.suffix().isEmpty() ? "forward" : "tangent", a.in(0), a.out(0));
        }
    }

    @Override
    public void transpose(Transpose a) {
        if (isIdentity(a.pass().training())) {
            a.send(0, a.cotangent(0));
        } else if (a.wants(0)) {
            drop(a.pass(), "input.cotangent" + a.suffix(), a.cotangent(0), a.cotangentOf(0));
        }
    }

    private void drop(Pass pass, String what, Value in, Value out) {
        Value random = pass.random();
        long period = pass.batch() * pass.output(0).shape().elements();
        pass.emit(
                what,
                values(in, random),
                values(out),
                t -> Random.dropout(t.tensor(random), pass.stream(), probability, period, t.tensor(in), t.tensor(out)));
    }
}
