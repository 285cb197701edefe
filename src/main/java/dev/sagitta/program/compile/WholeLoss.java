package dev.sagitta.program.compile;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.loss.Loss;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.DType;
import java.util.function.Supplier;

/** The loss of all rows of the output at once. */
final class WholeLoss implements Ending {
    private final Flow flow;
    private final Passes passes;
    private final Loss loss;
    private final Results results;

    /**
     * What the loss reads beside the output, and where its numbers go.
     *
     * @param shared see {@link Loss.LossContext}
     * @param loss [1], asked for where a computation gives it
     * @param metrics [3], likewise
     */
    record Results(Value target, Value shared, Supplier<Value> loss, Supplier<Value> metrics) {}

    WholeLoss(Flow flow, Passes passes, Results results) {
        this.flow = flow;
        this.passes = passes;
        this.loss = flow.graph.loss();
        this.results = results;
    }

    private Loss.LossContext context() {
        flow.schedule.emitter("loss", value -> false);
        return new Loss.LossContext(
                flow.options.batch(),
                flow.options.probes(),
                flow.graph.output().shape(),
                flow.values.get(flow.graph.output()),
                results.target(),
                results.shared());
    }

    @Override
    public void gradient() {
        Loss.LossContext c = context();
        Value cotangent =
                flow.schedule.value("loss.cotangent", DType.F32, c.output().shape(), MemoryCategory.WORKSPACE);
        loss.forward(flow.schedule, c, results.loss().get(), cotangent);
        flow.cotangents.send(flow.graph.output(), cotangent);
    }

    @Override
    public void hessianVector() {
        gradient();
        gaussNewtonVector();
    }

    @Override
    public void gaussNewtonVector() {
        Loss.LossContext c = context();
        Value tangent = passes.outputTangent();
        Value out = flow.schedule.value("loss.cotangent.tangent", DType.F32, tangent.shape(), MemoryCategory.TANGENTS);
        loss.hessianVector(flow.schedule, c, tangent, out);
        flow.cotangentTangents.send(flow.graph.output(), out);
    }

    @Override
    public Value quadratic(boolean cotangents) {
        Value out = Passes.slot(flow);
        loss.quadratic(flow.schedule, context(), passes.outputTangent(), out);
        return out;
    }

    @Override
    public void metrics() {
        loss.metrics(flow.schedule, context(), results.metrics().get());
    }
}
