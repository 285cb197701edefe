package dev.sagitta.graph.op;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Kept;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.codec.CodedPointwise;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.tensor.DType;
import java.util.List;

/**
 * y = s(z), elementwise, s a function of {@code lib/functions.h} with its first two derivatives: that name is all that an op writes.
 *
 * <pre>
 * backward         dz = dy s'(z)
 * tangent          yt = s'(z) zt
 * tangentBackward  dzt = dyt s'(z) + dy s''(z) zt
 * curvature        &lt;dy, s''(z) zt^2&gt;
 * </pre>
 */
public interface PointwiseOp extends Op {
    Keep Z = Keep.input(0);

    Function function();

    @Override
    default Images images() {
        return Images.BY_ELEMENTS;
    }

    @Override
    default List<ArrayType> outputs(List<ArrayType> inputs) {
        return List.of(inputs.get(0));
    }

    @Override
    default List<Keep> keeps() {
        return List.of(Z);
    }

    @Override
    default void forward(Forward f) {
        Value z = f.in(0);
        Value y = f.out(0);
        f.emit("forward", values(z), values(y), t -> Pointwise.forward(function(), t.tensor(z), t.tensor(y)));
    }

    @Override
    default void backward(Backward b) {
        Value dz = b.cotangentOf(0);
        if (dz == null) {
            return;
        }
        Value dy = b.cotangent(0);
        Kept.Codes coded = b.kept(Z).codes();
        if (coded != null && CodedPointwise.serves(function(), coded.format())) {
            b.emit(
                    "input.cotangent",
                    values(coded.codes(), coded.grid(), dy),
                    values(dz),
                    t -> CodedPointwise.backward(
                            function(),
                            coded.format(),
                            t.tensor(coded.codes()),
                            t.tensor(coded.grid()),
                            t.tensor(dy),
                            t.tensor(dz)));
            return;
        }
        Value z = b.kept(Z).value();
        b.emit(
                "input.cotangent",
                values(z, dy),
                values(dz),
                t -> Pointwise.backward(function(), t.tensor(z), t.tensor(dy), t.tensor(dz)));
    }

    @Override
    default void tangent(Tangent t) {
        Value zt = t.tangentIn(0);
        if (zt != null) {
            scaleByDerivative(t, "tangent", t.kept(Z).value(), zt, t.tangentOut(0));
        }
    }

    @Override
    default void tangentBackward(TangentBackward b) {
        Value dzt = b.cotangentOf(0);
        if (dzt == null) {
            return;
        }
        Value z = b.kept(Z).value();
        Value dy = b.cotangent(0);
        Value dyt = b.cotangentTangent(0);
        Value zt = dy == null ? null : b.kept(Z).tangent();
        String what = "input.cotangent.tangent";
        if (zt == null) {
            scaleByDerivative(b, what, z, dyt, dzt);
            return;
        }
        b.emit(
                what,
                values(z, zt, dy, dyt),
                values(dzt),
                t -> Pointwise.tangentBackward(
                        function(), t.tensor(z), t.tensor(zt), t.tensor(dy), t.tensor(dyt), t.tensor(dzt)));
    }

    /** out[k] = s'(z) u[k]: the tangent, and the backward of K cotangents, which is the same product. */
    private void scaleByDerivative(Pass pass, String what, Value z, Value u, Value out) {
        pass.emit(
                what,
                values(z, u),
                values(out),
                t -> Pointwise.tangent(function(), t.tensor(z), t.tensor(u), t.tensor(out)));
    }

    @Override
    default void curvature(Curvature c) {
        Value zt = c.tangentIn(0);
        if (zt == null) {
            return;
        }
        Value z = c.kept(Z).value();
        Value dy = c.cotangent(0);
        Value sum = c.sum();
        Value partials = c.emitter()
                .value(
                        c.name() + ".curvature.partials",
                        DType.F32,
                        Pointwise.partials(c.emitter().device(), z.elements(), c.probes()),
                        MemoryCategory.WORKSPACE);
        c.emit(
                "curvature",
                values(z, zt, dy),
                values(sum, partials),
                t -> Pointwise.curvature(
                        function(), t.tensor(z), t.tensor(zt), t.tensor(dy), t.tensor(sum), t.tensor(partials)));
    }
}
