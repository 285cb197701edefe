package dev.sagitta.graph.pass;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.kernel.reduce.Dots;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

/** Reductions that several ops emit, with their workspaces. */
public final class Sums {
    private Sums() {}

    /** out[k, c] = sum over rows of v[k, row, c]; nothing if {@code out} is null. Without a leading axis of probes, K = 1. */
    public static void columns(Emitter e, String label, Value v, Value out, boolean accumulate) {
        if (out == null) {
            return;
        }
        long probes = v.shape().rank() == 3 ? v.shape().extent(0) : 1;
        long columns = v.shape().extent(-1);
        Shape partials = Bias.partials(e.device(), probes, v.elements() / probes / columns, columns);
        Value workspace = e.value(label + ".partials", DType.F32, partials, MemoryCategory.WORKSPACE);
        e.emit(
                label,
                values(v),
                values(out, workspace),
                t -> Bias.gradient(t.tensor(v), t.tensor(out), t.tensor(workspace), accumulate));
    }

    /** out[k] = u[k] . v, u [K, n] and v of n elements. */
    public static void products(Emitter e, String label, Value u, Value v, Value out) {
        long probes = u.shape().extent(0);
        long n = u.shape().extent(1);
        Value whole = e.constant("whole of " + n, 0, n);
        Value flat = v.view(n);
        Value workspace = e.value(
                label + ".partials", DType.F32, Dots.partials(e.device(), n, probes, 1), MemoryCategory.WORKSPACE);
        e.emit(
                label,
                values(u, v, whole),
                values(out, workspace),
                t -> new Dots(t.tensor(u), t.tensor(flat), t.tensor(whole), t.tensor(out), t.tensor(workspace)));
    }

    /** Emits out = a + b, of any equal shapes. */
    public static Value add(Emitter e, String label, Value a, Value b, Value out) {
        e.emit(label, values(a, b), values(out), t -> Arithmetic.add(t.tensor(a), t.tensor(b), t.tensor(out)));
        return out;
    }
}
