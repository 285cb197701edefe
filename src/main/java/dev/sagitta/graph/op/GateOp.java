package dev.sagitta.graph.op;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.elementwise.Gate;
import dev.sagitta.tensor.DType;
import java.util.List;

/**
 * y = s(a) b, elementwise, of two inputs; s the identity or a smooth function.
 *
 * <pre>
 * backward         da = dy s'(a) b                                     db = dy s(a)
 * tangent          yt = s'(a) b at + s(a) bt
 * tangentBackward  dat = dyt s'(a) b + dy (s''(a) b at + s'(a) bt)     dbt = dyt s(a) + dy s'(a) at
 * curvature        &lt;dy, s''(a) b at^2 + 2 s'(a) at bt&gt;
 * </pre>
 *
 * Each factor is kept where the other one's cotangent follows from it; under a function a is kept for both.
 */
public interface GateOp extends Op {
    /** What the plain product keeps of a. */
    Keep PLAIN = Keep.input(0).linear().when(needs -> needs.input(1));

    Keep A = Keep.input(0);
    Keep B = Keep.input(1).linear().when(needs -> needs.input(0));

    /** s; null for the identity. */
    Function function();

    @Override
    default Images images() {
        return Images.BY_ELEMENTS;
    }

    @Override
    default List<ArrayType> outputs(List<ArrayType> inputs) {
        if (inputs.size() != 2
                || !inputs.get(0).equals(inputs.get(1))
                || inputs.get(0).dtype() != DType.F32) {
            throw new IllegalArgumentException(
                    type() + ": inputs are " + inputs + ", expected two of fp32 of the same shape");
        }
        return List.of(inputs.get(0));
    }

    private Keep first() {
        return function() == null ? PLAIN : A;
    }

    @Override
    default List<Keep> keeps() {
        return List.of(first(), B);
    }

    @Override
    default void forward(Forward f) {
        Value a = f.in(0);
        Value b = f.in(1);
        Value y = f.out(0);
        f.emit(
                "forward",
                values(a, b),
                values(y),
                t -> Gate.forward(function(), t.tensor(a), t.tensor(b), t.tensor(y)));
    }

    @Override
    default void backward(Backward b) {
        cotangents(b, "inputs.cotangent", b.cotangent(0));
    }

    /** Of one cotangent, or of K, which Gauss-Newton products send back. */
    private void cotangents(Backward pass, String what, Value dy) {
        Value da = pass.cotangentOf(0);
        Value db = pass.cotangentOf(1);
        if (da == null && db == null) {
            return;
        }
        Value a = db == null && function() == null ? null : pass.kept(first()).value();
        Value b = da == null ? null : pass.kept(B).value();
        pass.emit(
                what,
                values(a, b, dy),
                values(da, db),
                t -> Gate.backward(function(), t.tensor(a), t.tensor(b), t.tensor(dy), t.tensor(da), t.tensor(db)));
    }

    @Override
    default void tangent(Tangent t) {
        Value at = t.tangentIn(0);
        Value bt = t.tangentIn(1);
        if (at == null && bt == null) {
            return;
        }
        Value a = bt == null && function() == null ? null : t.kept(first()).value();
        Value b = at == null ? null : t.kept(B).value();
        Value yt = t.tangentOut(0);
        t.emit(
                "tangent",
                values(a, b, at, bt),
                values(yt),
                v -> Gate.tangent(function(), v.tensor(a), v.tensor(b), v.tensor(at), v.tensor(bt), v.tensor(yt)));
    }

    @Override
    default void tangentBackward(TangentBackward pass) {
        Value dy = pass.cotangent(0);
        Value dyt = pass.cotangentTangent(0);
        if (dy == null) {
            cotangents(pass, "inputs.cotangent.tangent", dyt);
            return;
        }
        Value dat = pass.cotangentOf(0);
        Value dbt = pass.cotangentOf(1);
        if (dat == null && dbt == null) {
            return;
        }
        boolean needsA = dbt != null || function() != null;
        Value a = needsA ? pass.kept(first()).value() : null;
        Value at = needsA ? pass.kept(first()).tangent() : null;
        Value b = dat == null ? null : pass.kept(B).value();
        Value bt = dat == null ? null : pass.kept(B).tangent();
        pass.emit(
                "inputs.cotangent.tangent",
                values(a, b, at, bt, dy, dyt),
                values(dat, dbt),
                t -> new Gate.TangentBackward(
                        function(),
                        t.tensor(a),
                        t.tensor(b),
                        t.tensor(at),
                        t.tensor(bt),
                        t.tensor(dy),
                        t.tensor(dyt),
                        t.tensor(dat),
                        t.tensor(dbt)));
    }

    @Override
    default void curvature(Curvature c) {
        Value at = c.tangentIn(0);
        Value bt = c.tangentIn(1);
        // of a product, what is not of both is zero
        if (at == null || bt == null && function() == null) {
            return;
        }
        Value a = function() == null ? null : c.kept(A).value();
        Value b = function() == null ? null : c.kept(B).value();
        Value dy = c.cotangent(0);
        Value sum = c.sum();
        Value partials = partials(c, dy.elements());
        c.emit(
                "curvature",
                values(a, b, at, bt, dy),
                values(sum, partials),
                t -> new Gate.Curvature(
                        function(),
                        t.tensor(a),
                        t.tensor(b),
                        t.tensor(at),
                        t.tensor(bt),
                        t.tensor(dy),
                        t.tensor(sum),
                        t.tensor(partials)));
    }

    private static Value partials(Pass pass, long n) {
        return pass.emitter()
                .value(
                        pass.name() + ".curvature.partials",
                        DType.F32,
                        Gate.partials(pass.emitter().device(), n, pass.probes()),
                        MemoryCategory.WORKSPACE);
    }
}
