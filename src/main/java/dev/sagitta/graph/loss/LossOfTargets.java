package dev.sagitta.graph.loss;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;

/** A loss whose targets are fp32 numbers, one for each output: it names its kernels, which the modes emit. */
interface LossOfTargets extends Loss {
    /** Of the sums over the output, of so many probes. */
    long workspaceBytes(Value output, int probes);

    Preparable forward(Tensor y, Tensor target, Tensor workspace, Tensor loss);

    Preparable forwardBackward(Tensor y, Tensor target, Tensor workspace, Tensor loss, Tensor gradient);

    Preparable tangentBackward(Tensor y, Tensor target, Tensor tangent, Tensor out);

    Preparable curvature(Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor out);

    Preparable metrics(Tensor y, Tensor target, Tensor workspace, Tensor metrics);

    @Override
    default DType targetType() {
        return DType.F32;
    }

    @Override
    default Shape targetShape(Shape output) {
        return output;
    }

    private Value workspace(Emitter e, LossContext c, int probes) {
        return e.workspace("loss", workspaceBytes(c.output(), probes));
    }

    @Override
    default void forward(Emitter e, LossContext c, Value loss, Value cotangent) {
        Value y = c.output();
        Value target = c.target();
        Value w = workspace(e, c, 1);
        e.emit(
                "loss",
                values(y, target),
                values(loss, cotangent, w),
                t -> cotangent == null
                        ? forward(t.tensor(y), t.tensor(target), t.tensor(w), t.tensor(loss))
                        : forwardBackward(
                                t.tensor(y), t.tensor(target), t.tensor(w), t.tensor(loss), t.tensor(cotangent)));
    }

    @Override
    default void hessianVector(Emitter e, LossContext c, Value tangent, Value out) {
        Value y = c.output();
        Value target = c.target();
        e.emit(
                "loss.hessian",
                values(y, target, tangent),
                values(out),
                t -> tangentBackward(t.tensor(y), t.tensor(target), t.tensor(tangent), t.tensor(out)));
    }

    @Override
    default void quadratic(Emitter e, LossContext c, Value tangent, Value out) {
        Value y = c.output();
        Value target = c.target();
        Value w = workspace(e, c, c.probes());
        e.emit(
                "loss.quadratic",
                values(y, target, tangent),
                values(out, w),
                t -> curvature(t.tensor(y), t.tensor(target), t.tensor(tangent), t.tensor(w), t.tensor(out)));
    }

    @Override
    default void metrics(Emitter e, LossContext c, Value metrics) {
        Value y = c.output();
        Value target = c.target();
        Value w = workspace(e, c, 1);
        e.emit(
                "metrics",
                values(y, target),
                values(metrics, w),
                t -> metrics(t.tensor(y), t.tensor(target), t.tensor(w), t.tensor(metrics)));
    }
}
