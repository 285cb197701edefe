package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Saved;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.elementwise.Pointwise;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * y = s(z), elementwise and smooth ({@link Relu} has a file of its own: a bit per element is all it needs).
 *
 * <pre>
 * backward         dz = dy s'(z)
 * tangent          yt = s'(z) zt
 * tangentBackward  dzt = dyt s'(z) + dy s''(z) zt
 * curvature        &lt;dy, s''(z) zt^2&gt;
 * </pre>
 */
public record Activation(Function function) implements Op {

    @Override
    public String type() {
        return function.symbol();
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        return inputs.get(0);
    }

    @Override
    public Saved saved() {
        return Saved.INPUT;
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        Value z = c.input();
        Value y = c.newOutput(e);
        e.emit(c.name() + ".forward", values(z), values(y), t -> Pointwise.forward(function, t.tensor(z), t.tensor(y)));
        return y;
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        if (!c.wantsInput().get(0)) {
            return new Value[] {null};
        }
        Value z = c.saved();
        Value dy = c.cotangent();
        Value dz = c.newCotangent(e, 0);
        e.emit(
                c.name() + ".input.cotangent",
                values(z, dy),
                values(dz),
                t -> Pointwise.backward(function, t.tensor(z), t.tensor(dy), t.tensor(dz)));
        return new Value[] {dz};
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        Value zt = c.tangent();
        if (zt == null) {
            return null;
        }
        Value yt = c.newTangent(e);
        scaleByDerivative(e, c.name() + ".tangent", c.saved(), zt, yt);
        return yt;
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        if (!c.wantsInput().get(0)) {
            return new Value[] {null};
        }
        Value z = c.saved();
        Value zt = c.tangent();
        Value dy = c.cotangent();
        Value dyt = c.cotangentTangent();
        Value dzt = c.newCotangentTangent(e, 0);
        String label = c.name() + ".input.cotangent.tangent";
        if (dy == null || zt == null) {
            scaleByDerivative(e, label, z, dyt, dzt);
        } else {
            e.emit(
                    label,
                    values(z, zt, dy, dyt),
                    values(dzt),
                    t -> Pointwise.tangentBackward(
                            function, t.tensor(z), t.tensor(zt), t.tensor(dy), t.tensor(dyt), t.tensor(dzt)));
        }
        return new Value[] {dzt};
    }

    /** out[k] = s'(z) u[k]: the tangent, and the backward of K cotangents, which is the same product. */
    private void scaleByDerivative(Emitter e, String label, Value z, Value u, Value out) {
        e.emit(
                label,
                values(z, u),
                values(out),
                t -> Pointwise.tangent(function, t.tensor(z), t.tensor(u), t.tensor(out)));
    }

    @Override
    public boolean curvature(Emitter e, OpContext c) {
        Value zt = c.tangent();
        if (zt == null) {
            return false;
        }
        Value z = c.saved();
        Value dy = c.cotangent();
        Value slot = c.curvatureSlot();
        Shape partials = Pointwise.partials(e.device(), z.elements(), c.probes());
        Value workspace = e.value(c.name() + ".curvature.partials", DType.F32, partials, MemoryCategory.WORKSPACE);
        e.emit(
                c.name() + ".curvature",
                values(z, zt, dy),
                values(slot, workspace),
                t -> Pointwise.curvature(
                        function, t.tensor(z), t.tensor(zt), t.tensor(dy), t.tensor(slot), t.tensor(workspace)));
        return true;
    }
}
