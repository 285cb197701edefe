package dev.sagitta.graph.rewrite;

import dev.sagitta.graph.Node;
import dev.sagitta.graph.op.conv.Conv;
import dev.sagitta.graph.op.conv.ConvNorm;
import dev.sagitta.graph.op.norm.BatchNorm;

/**
 * A convolution and the batch norm behind it, with running statistics and nothing behind them but what a forward pass computes: the norm goes into the convolution's weight and
 * bias. Bytes per element of the output: 12 to 4, and a pass over the weight.
 */
final class ConvNormRewrite implements Rewrite {
    @Override
    public String name() {
        return "conv-norm";
    }

    @Override
    public Match match(Node last, Uses uses, Target target) {
        if (!(last.op() instanceof BatchNorm norm)) {
            return ABSENT;
        }
        Node first = last.inputs().get(0).node();
        if (first.isInput() || !(first.op() instanceof Conv conv)) {
            return ABSENT;
        }
        if (target.keeps()) {
            return new Refused("a later pass reads the output of '" + first.name() + "'");
        }
        if (target.batchStatistics()) {
            return new Refused("the statistics of '" + last.name() + "' are the batch's, known after '" + first.name()
                    + "' has run");
        }
        if (!uses.once(first.out())) {
            return new Refused("the output of '" + first.name() + "' is read elsewhere as well");
        }
        return new Taken(
                first, new ConvNorm(conv, norm.weight(), norm.bias(), norm.mean(), norm.variance(), norm.epsilon()));
    }
}
