package dev.sagitta.graph.rewrite;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.op.PointwiseOp;
import dev.sagitta.graph.op.gemm.Linear;
import dev.sagitta.graph.op.gemm.LinearActivation;

/** linear, then a pointwise function of its output: one product with the function in its epilogue, which saves a pass over memory each way. */
final class LinearActivationRewrite implements Rewrite {
    @Override
    public String name() {
        return "linear-activation";
    }

    @Override
    public Match match(Node last, Uses uses, Target target) {
        if (!(last.op() instanceof PointwiseOp pointwise)) {
            return ABSENT;
        }
        Node first = last.inputs().get(0).node();
        if (first.isInput() || !(first.op() instanceof Linear linear)) {
            return ABSENT;
        }
        if (!uses.once(first.out())) {
            return new Refused("the output of '" + first.name() + "' is read elsewhere as well");
        }
        if (target.keeps()) {
            return new Refused("a later pass reads the output of '" + first.name()
                    + "', and the epilogue writes that of '" + last.name() + "' alone");
        }
        if (target.device() == DeviceKind.CUDA) {
            return new Refused(
                    "a product of cuBLAS and the function's own kernel are faster than our product with an epilogue"
                            + " (docs/BENCHMARKS.md, gemm_gelu_1024)");
        }
        return new Taken(first, new LinearActivation(linear, pointwise.function()));
    }
}
