package dev.sagitta.kernel.attention;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * Attention and its derivatives in O(t) memory. o, d_o and their tangents are f32 [copies, batch, t, heads, d]; statistics of rows (lse, delta, mu, delta_t) f32
 * [copies, batch, heads, t]. In {@link Backward} d_o and its delta have the copies of the gradients, in {@link TangentBackward} and {@link Curvature} one. A
 * null tangent stands for zeros, a null gradient is not wanted.
 */
public final class Attention {
    private Attention() {}

    private interface Entry extends Descriptor {
        @Override
        default Map<String, String> defines(Device device) {
            return AttentionGeometry.defines(device);
        }

        /** Relative to the largest terms of a row's sum: products over a head and over all keys. */
        @Override
        default Tolerance tolerance() {
            return new Tolerance(2e-5, 1e-6);
        }
    }

    /** Of {@link Curvature}'s partial: [copies, groups, 2], which {@code Reduce.finishSum} adds up. */
    public static Shape partials(Device device, AttentionProblem problem, int copies) {
        return Shape.of(copies, AttentionGeometry.sums(device, problem), 2);
    }

    /**
     * o = (P M) v.
     *
     * @param lse log of the sum of the exponentials of each row's scores, +inf where it sees no key; null where nobody reads it
     */
    public record Forward(AttentionProblem problem, AttentionProblem.Inputs in, Tensor o, Tensor lse) implements Entry {
        @Override
        public Signature signature() {
            Signature s = problem.inputs("attention_forward_f32", in)
                    .out("o", o, DType.F32)
                    .elements(problem.outputs())
                    .outOrNull("lse", lse, DType.F32)
                    .elements(problem.rows());
            return problem.end(s, 1).bytes(problem.operandBytes(1) + o.bytes() + (lse == null ? 0 : lse.bytes()));
        }

        @Override
        public Geometry geometry(Device device) {
            return AttentionGeometry.rows(device, problem, 1);
        }

        @Override
        public long flops() {
            return 4 * problem.d() * problem.pairs();
        }
    }

    /**
     * delta[c] = rowsum(o d_ot[c]) + rowsum(d_o ot[c]); a pair that has a null is left out. D of one or several cotangents: (o, null, null, d_o); the tangents of
     * it: (o, ot, d_o, d_ot).
     *
     * @param o f32 [batch, t, heads, d], as d_o
     * @param ot f32 [copies, batch, t, heads, d], as d_ot
     * @param delta f32 [copies, batch, heads, t]
     */
    public record Delta(AttentionProblem problem, int copies, Tensor o, Tensor ot, Tensor dO, Tensor dOt, Tensor delta)
            implements Entry {
        @Override
        public Signature signature() {
            long rows = (long) problem.batch() * problem.heads() * problem.t();
            int d = problem.d();
            return Signature.of("attention_delta_f32")
                    .require(
                            o != null && dOt != null || ot != null && dO != null,
                            "o and d_ot are missing, expected them, or d_o and ot, or all four")
                    .inOrNull("o", o, DType.F32)
                    .elements(rows * d)
                    .inOrNull("ot", ot, DType.F32)
                    .elements(copies * rows * d)
                    .inOrNull("d_o", dO, DType.F32)
                    .elements(rows * d)
                    .inOrNull("d_ot", dOt, DType.F32)
                    .elements(copies * rows * d)
                    .out("delta", delta, DType.F32)
                    .elements(copies * rows)
                    .i32("batch", problem.batch())
                    .i32("heads", problem.heads())
                    .i32("t", problem.t())
                    .i32("d", d)
                    .i32("copies", copies);
        }

        @Override
        public Geometry geometry(Device device) {
            return AttentionGeometry.delta(device, delta.elements());
        }

        @Override
        public long flops() {
            return 2
                    * delta.elements()
                    * problem.d()
                    * ((o != null && dOt != null ? 1 : 0) + (ot != null && dO != null ? 1 : 0));
        }
    }

    /**
     * Gradients of q, k and v, of {@code copies} cotangents at once.
     *
     * @param delta of d_o, by {@link Delta}
     */
    public record Backward(
            AttentionProblem problem,
            int copies,
            AttentionProblem.Inputs in,
            Tensor lse,
            Tensor delta,
            Tensor dO,
            Tensor dq,
            Tensor dk,
            Tensor dv)
            implements Entry {
        @Override
        public Signature signature() {
            Signature s = problem.inputs("attention_backward_f32", in)
                    .in("lse", lse, DType.F32)
                    .elements(problem.rows())
                    .in("delta", delta, DType.F32)
                    .elements(copies * problem.rows())
                    .in("d_o", dO, DType.F32)
                    .elements(copies * problem.outputs())
                    .outOrNull("dq", dq, DType.F32)
                    .elements(copies * problem.queries())
                    .outOrNull("dk", dk, DType.F32)
                    .elements(copies * problem.keys())
                    .outOrNull("dv", dv, DType.F32)
                    .elements(copies * problem.values())
                    .require(dq != null || dk != null || dv != null, "dq, dk and dv are missing, expected one of them");
            return problem.end(s, copies)
                    .bytes(problem.operandBytes(1 + copies) + lse.bytes() + delta.bytes() + dO.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            return AttentionGeometry.both(device, problem, copies, dq != null, dk != null || dv != null);
        }

        @Override
        public long flops() {
            return 10L * copies * problem.d() * problem.pairs();
        }
    }

    /**
     * Tangents of o, and mu, that of lse.
     *
     * @param qt of q, in its layout, with the copies in front; as kt and vt
     */
    public record Tangent(
            AttentionProblem problem,
            int copies,
            AttentionProblem.Inputs in,
            Tensor o,
            Tensor lse,
            Tensor qt,
            Tensor kt,
            Tensor vt,
            Tensor ot,
            Tensor mu)
            implements Entry {
        @Override
        public Signature signature() {
            Signature s = problem.inputs("attention_tangent_f32", in)
                    .in("o", o, DType.F32)
                    .elements(problem.outputs())
                    .in("lse", lse, DType.F32)
                    .elements(problem.rows());
            tangents(s, problem, copies, qt, kt, vt)
                    .out("ot", ot, DType.F32)
                    .elements(copies * problem.outputs())
                    .out("mu", mu, DType.F32)
                    .elements(copies * problem.rows());
            return problem.end(s, copies)
                    .bytes(problem.operandBytes(1 + copies) + o.bytes() + lse.bytes() + ot.bytes() + mu.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            return AttentionGeometry.rows(device, problem, copies);
        }

        @Override
        public long flops() {
            return (2 + 8L * copies) * problem.d() * problem.pairs();
        }
    }

    private static Signature tangents(
            Signature s, AttentionProblem problem, int copies, Tensor qt, Tensor kt, Tensor vt) {
        return s.inOrNull("qt", qt, DType.F32)
                .elements(copies * problem.queries())
                .inOrNull("kt", kt, DType.F32)
                .elements(copies * problem.keys())
                .inOrNull("vt", vt, DType.F32)
                .elements(copies * problem.values());
    }

    /**
     * Tangents of what {@link Backward} gives.
     *
     * @param deltaT the tangents of delta
     */
    public record TangentBackward(
            AttentionProblem problem,
            int copies,
            AttentionProblem.Inputs in,
            Tensor lse,
            Tensor mu,
            Tensor delta,
            Tensor deltaT,
            Tensor dO,
            Tensor qt,
            Tensor kt,
            Tensor vt,
            Tensor dOt,
            Tensor dqt,
            Tensor dkt,
            Tensor dvt)
            implements Entry {
        @Override
        public Signature signature() {
            Signature s = statistics(
                            problem.inputs("attention_tangent_backward_f32", in), problem, copies, lse, mu, delta)
                    .in("delta_t", deltaT, DType.F32)
                    .elements(copies * problem.rows())
                    .in("d_o", dO, DType.F32)
                    .elements(problem.outputs());
            tangents(s, problem, copies, qt, kt, vt)
                    .inOrNull("d_ot", dOt, DType.F32)
                    .elements(copies * problem.outputs())
                    .outOrNull("dqt", dqt, DType.F32)
                    .elements(copies * problem.queries())
                    .outOrNull("dkt", dkt, DType.F32)
                    .elements(copies * problem.keys())
                    .outOrNull("dvt", dvt, DType.F32)
                    .elements(copies * problem.values())
                    .require(
                            dqt != null || dkt != null || dvt != null,
                            "dqt, dkt and dvt are missing, expected one of them");
            return problem.end(s, copies)
                    .bytes(problem.operandBytes(1 + 2L * copies) + (1L + copies) * dO.bytes() + 3 * mu.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            return AttentionGeometry.both(device, problem, copies, dqt != null, dkt != null || dvt != null);
        }

        @Override
        public long flops() {
            return (4 + 20L * copies) * problem.d() * problem.pairs();
        }
    }

    private static Signature statistics(
            Signature s, AttentionProblem problem, int copies, Tensor lse, Tensor mu, Tensor delta) {
        return s.in("lse", lse, DType.F32)
                .elements(problem.rows())
                .in("mu", mu, DType.F32)
                .elements(copies * problem.rows())
                .in("delta", delta, DType.F32)
                .elements(problem.rows());
    }

    /**
     * For each copy the parts of &lt;d_o, o''[t, t]&gt;, t = (qt, kt, vt).
     *
     * @param partial as {@link #partials} says
     */
    public record Curvature(
            AttentionProblem problem,
            int copies,
            AttentionProblem.Inputs in,
            Tensor lse,
            Tensor mu,
            Tensor delta,
            Tensor dO,
            Tensor qt,
            Tensor kt,
            Tensor vt,
            Tensor partial)
            implements Entry {
        @Override
        public Signature signature() {
            Signature s = statistics(problem.inputs("attention_curvature_f32", in), problem, copies, lse, mu, delta)
                    .in("d_o", dO, DType.F32)
                    .elements(problem.outputs());
            int most = AttentionGeometry.COPIES * Work.MOST_ACROSS;
            s.require(copies <= most, copies + " copies; expected at most " + most);
            long groups = AttentionGeometry.sums(lse.buffer().device(), problem);
            tangents(s, problem, copies, qt, kt, vt).workspace("partial", partial, DType.F32, copies, groups, 2);
            return problem.end(s, copies).bytes(problem.operandBytes(1 + copies) + dO.bytes() + mu.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            return AttentionGeometry.curvature(device, problem, copies);
        }

        @Override
        public long flops() {
            return (4 + 8L * copies) * problem.d() * problem.pairs();
        }
    }
}
