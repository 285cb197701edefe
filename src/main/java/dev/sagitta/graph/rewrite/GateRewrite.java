package dev.sagitta.graph.rewrite;

import dev.sagitta.graph.Node;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.op.PointwiseOp;
import dev.sagitta.graph.op.elementwise.Gated;
import dev.sagitta.graph.op.elementwise.Multiply;
import dev.sagitta.kernel.elementwise.Gate;
import java.util.List;

/** A function of one value times another, as in SwiGLU: one pass over memory each way, and the function's value is not kept. */
final class GateRewrite implements Rewrite {
    @Override
    public String name() {
        return "gate";
    }

    @Override
    public Match match(Node last, Uses uses, Target target) {
        if (!(last.op() instanceof Multiply)) {
            return ABSENT;
        }
        Match match = match(last, 0, uses);
        return match == ABSENT ? match(last, 1, uses) : match;
    }

    /** @param place of the function among the factors */
    private static Match match(Node last, int place, Uses uses) {
        Node first = last.inputs().get(place).node();
        if (first.isInput()
                || !(first.op() instanceof PointwiseOp pointwise)
                || !Gate.FUNCTIONS.contains(pointwise.function())) {
            return ABSENT;
        }
        if (!uses.once(first.out())) {
            return new Refused("the output of '" + first.name() + "' is read elsewhere as well");
        }
        Wire other = last.inputs().get(1 - place);
        return new Taken(
                first, new Gated(pointwise.function()), List.of(first.inputs().get(0), other));
    }
}
