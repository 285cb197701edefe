package dev.sagitta.graph.rewrite;

import dev.sagitta.graph.Node;
import dev.sagitta.graph.op.elementwise.Add;
import dev.sagitta.graph.op.norm.AddNorm;
import dev.sagitta.graph.op.norm.NormOp;

/**
 * A residual sum and the norm that reads it: the sum is normalised while it is in the cache, and what comes back to it from elsewhere is added where its cotangent is
 * written. Bytes per element of a sum that others read as well, K probes: forward 20 to 16, backward 24 to 16, tangent 20K to 16K, tangentBackward 24K to 16K. Where the
 * norm alone reads it, as in BERT, nothing is added on the way back, and a pass that nothing follows does not write it: forward 20 to 12.
 */
final class AddNormRewrite implements Rewrite {
    @Override
    public String name() {
        return "residual-norm";
    }

    @Override
    public Match match(Node last, Uses uses, Target target) {
        if (!(last.op() instanceof NormOp norm) || norm.adds()) {
            return ABSENT;
        }
        Node first = last.inputs().get(0).node();
        if (first.isInput() || !(first.op() instanceof Add)) {
            return ABSENT;
        }
        if (!uses.isRead(last.out())) {
            return new Refused("nobody reads the output of '" + last.name() + "'");
        }
        Node other = uses.readers(first.out()).stream()
                .filter(reader -> reader.op() instanceof NormOp)
                .findFirst()
                .orElse(last);
        if (other != last) {
            return new Refused("the sum '" + first.name() + "' is made together with '" + other.name() + "'");
        }
        return uses.once(first.out()) && !target.keeps()
                ? new Taken(first, new AddNorm(norm, false))
                : Taken.both(first, new AddNorm(norm, true));
    }
}
