package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * y = s(a) b in the five modes of an op: see the header of the kernels for the formulas. a, b, y hold n elements; tangents and what follows from them K times as
 * many, probes in front. fp32. An output may be the memory of an input of its size. s is null for the identity, a plain product, where a and b may be null
 * as far as what is wanted does not follow from them; under a function b alone may.
 */
public final class Gate {
    /** Those whose kernels there are, besides the identity. */
    public static final Set<Function> FUNCTIONS =
            Set.copyOf(EnumSet.of(Function.SILU, Function.GELU, Function.GELU_TANH));

    /** GATE_PROBES of the GPU variant: probes that one work-group of curvature sums. */
    private static final int PROBES = 4;

    private static final int ELEMENTS_PER_ACCESS = 4;

    private Gate() {}

    /** y = s(a) b. */
    public static Forward forward(Function function, Tensor a, Tensor b, Tensor y) {
        return new Forward(function, a, b, y);
    }

    /** da[k] = dy[k] s'(a) b and db[k] = dy[k] s(a); null for what is not wanted. */
    public static Backward backward(Function function, Tensor a, Tensor b, Tensor dy, Tensor da, Tensor db) {
        return new Backward(function, a, b, dy, da, db);
    }

    /** yt[k] = s'(a) b at[k] + s(a) bt[k]; null for zero. */
    public static Tangent tangent(Function function, Tensor a, Tensor b, Tensor at, Tensor bt, Tensor yt) {
        return new Tangent(function, a, b, at, bt, yt);
    }

    /** Shape of the fp32 workspace of {@link Curvature} for n elements and K probes: [K, C, 2]. */
    public static Shape partials(Device device, long n, long probes) {
        return Shape.of(probes, Curvature.chunks(device, n, probes).count(), 2);
    }

    private interface Entry extends Descriptor {
        Function function();

        Tensor a();

        Tensor b();

        /** Of one copy. */
        default long n() {
            return a() == null && b() == null ? 0 : (a() == null ? b() : a()).elements();
        }

        /** With the tensor there that others are measured by. */
        default Signature named(String mode, String name, Tensor first) {
            boolean plain = function() == null;
            Signature s = Signature.of((plain ? "identity" : function().symbol()) + "_gate_" + mode + "_f32")
                    .require(
                            plain || FUNCTIONS.contains(function()),
                            function() + " has no gate; expected one of " + FUNCTIONS);
            s.present(name, first);
            if (!plain) {
                s.present("a", a());
            }
            return s.inOrNull("a", a(), DType.F32)
                    .elements(n())
                    .inOrNull("b", b(), DType.F32)
                    .elements(n());
        }

        @Override
        default Map<String, String> defines(Device device) {
            return Work.onCpu(device) ? Map.of() : Map.of("GATE_PROBES", Integer.toString(PROBES));
        }

        @Override
        default Tolerance tolerance() {
            return new Tolerance(1.5e-6, 3e-7);
        }
    }

    private interface WithProbes extends Entry {
        /** Something that has probes in front. */
        Tensor some();

        default long probes() {
            return n() == 0 ? 1 : some().elements() / n();
        }

        default Signature multiple(Signature s) {
            return s.require(
                    n() == 0 || some().elements() > 0 && some().elements() % n() == 0,
                    some() + " has " + some().elements() + " elements, expected a multiple of the " + n() + " of "
                            + (a() == null ? b() : a()) + ": probes in front");
        }

        @Override
        default Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, n() * probes()), 1);
            }
            long columns = Work.ceil(Math.max(1, Work.ceil(n(), ELEMENTS_PER_ACCESS)), Work.GROUP);
            long rows = Math.min(probes(), Work.ceil(Chunks.groups(device), columns));
            return Geometry.of(columns, Math.max(1, Math.min(rows, Work.MOST_ACROSS)), 1, Work.GROUP, 1);
        }
    }

    /** See {@link Gate#forward}. Evaluating s counts one operation; so do its derivatives. */
    public record Forward(Function function, Tensor a, Tensor b, Tensor y) implements Entry {
        @Override
        public Signature signature() {
            Signature s = named("forward", "a", a).present("b", b);
            return s.out("y", y, DType.F32).elements(n()).i64("n", n());
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, n()), 1);
            }
            long threads = Math.max(1, Work.ceil(n(), ELEMENTS_PER_ACCESS));
            return Geometry.linear(Work.ceil(threads, 2 * Work.GROUP), Work.GROUP);
        }

        @Override
        public long flops() {
            return 2 * n();
        }
    }

    /**
     * See {@link Gate#backward}.
     *
     * @param dy f32, K times n elements
     * @param da as many, or null
     * @param db as many, or null
     */
    public record Backward(Function function, Tensor a, Tensor b, Tensor dy, Tensor da, Tensor db)
            implements WithProbes {
        @Override
        public Tensor some() {
            return dy;
        }

        @Override
        public Signature signature() {
            Signature s = multiple(named("backward", "dy", dy))
                    .require(da == null || b != null, "b is missing, which da follows from")
                    .require(db == null || a != null, "a is missing, which db follows from");
            long all = Math.multiplyExact(probes(), n());
            return s.in("dy", dy, DType.F32)
                    .elements(all)
                    .outOrNull("da", da, DType.F32)
                    .elements(all)
                    .outOrNull("db", db, DType.F32)
                    .elements(all)
                    .i64("n", n())
                    .i64("probes", probes());
        }

        @Override
        public long flops() {
            return 3 * n() + 2 * dy.elements();
        }
    }

    /**
     * See {@link Gate#tangent}.
     *
     * @param at f32, K times n elements, or null for zero
     * @param bt as many, or null for zero
     * @param yt as many
     */
    public record Tangent(Function function, Tensor a, Tensor b, Tensor at, Tensor bt, Tensor yt)
            implements WithProbes {
        @Override
        public Tensor some() {
            return yt;
        }

        @Override
        public Signature signature() {
            Signature s = multiple(named("tangent", "yt", yt))
                    .require(at == null || b != null, "b is missing, which the product with at needs")
                    .require(bt == null || a != null, "a is missing, which the product with bt needs");
            long all = Math.multiplyExact(probes(), n());
            return s.inOrNull("at", at, DType.F32)
                    .elements(all)
                    .inOrNull("bt", bt, DType.F32)
                    .elements(all)
                    .out("yt", yt, DType.F32)
                    .elements(all)
                    .i64("n", n())
                    .i64("probes", probes());
        }

        @Override
        public long flops() {
            return 3 * n() + 3 * yt.elements();
        }
    }

    /**
     * dat[k] = dyt[k] s'(a) b + dy (s''(a) b at[k] + s'(a) bt[k]), dbt[k] = dyt[k] s(a) + dy s'(a) at[k].
     *
     * @param at f32, K times n elements, or null for zero; bt too
     * @param dy f32, n elements
     * @param dyt f32, K times as many
     * @param dat as many, or null; dbt too
     */
    public record TangentBackward(
            Function function, Tensor a, Tensor b, Tensor at, Tensor bt, Tensor dy, Tensor dyt, Tensor dat, Tensor dbt)
            implements WithProbes {
        @Override
        public Tensor some() {
            return dyt;
        }

        @Override
        public Signature signature() {
            Signature s = multiple(named("tangent_backward", "dyt", dyt))
                    .require(dat == null || b != null, "b is missing, which dat follows from")
                    .require(dbt == null || a != null, "a is missing, which dbt follows from");
            long all = Math.multiplyExact(probes(), n());
            return s.inOrNull("at", at, DType.F32)
                    .elements(all)
                    .inOrNull("bt", bt, DType.F32)
                    .elements(all)
                    .in("dy", dy, DType.F32)
                    .elements(n())
                    .in("dyt", dyt, DType.F32)
                    .elements(all)
                    .outOrNull("dat", dat, DType.F32)
                    .elements(all)
                    .outOrNull("dbt", dbt, DType.F32)
                    .elements(all)
                    .i64("n", n())
                    .i64("probes", probes());
        }

        @Override
        public long flops() {
            return 7 * n() + 8 * dyt.elements();
        }
    }

    /**
     * out[k] = sum of dy (s''(a) b at[k]^2 + 2 s'(a) at[k] bt[k]), in two launches and a fixed order.
     *
     * @param at f32, K times n elements, or null for zero; bt too
     * @param dy f32, n elements
     * @param out f32 [K]
     * @param partials workspace of the shape that {@link Gate#partials} states
     */
    public record Curvature(
            Function function, Tensor a, Tensor b, Tensor at, Tensor bt, Tensor dy, Tensor out, Tensor partials)
            implements Entry {
        private static Chunks chunks(Device device, long n, long probes) {
            return Chunks.of(device, n, Work.onCpu(device) ? 1 : Work.ceil(probes, PROBES));
        }

        private long probes() {
            return out.elements();
        }

        @Override
        public long n() {
            return dy == null ? 0 : dy.elements();
        }

        @Override
        public Signature signature() {
            Signature s = named("curvature", "dy", dy)
                    .out("out", out, DType.F32)
                    .ofAnotherLaunch()
                    .require(out.elements() > 0, out + " is empty, expected one element per probe")
                    .require(at == null || function == null || b != null, "b is missing, which s'' is multiplied by");
            long all = Math.multiplyExact(probes(), n());
            s.inOrNull("at", at, DType.F32)
                    .elements(all)
                    .inOrNull("bt", bt, DType.F32)
                    .elements(all)
                    .in("dy", dy, DType.F32)
                    .elements(n());
            Device device = dy.buffer().device();
            return s.workspace(
                            "partials",
                            partials,
                            DType.F32,
                            Gate.partials(device, n(), probes()).toArray())
                    .i64("n", n())
                    .i64("probes", probes())
                    .i64("chunk", chunks(device, n(), probes()).length());
        }

        @Override
        public Geometry geometry(Device device) {
            long groups = chunks(device, n(), probes()).count();
            return Work.onCpu(device)
                    ? Geometry.linear(groups, 1)
                    : Geometry.linear(groups * Work.ceil(probes(), PROBES), Work.GROUP);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return List.of(
                    this,
                    Reduce.finishSum(
                            partials, out, chunks(device, n(), probes()).count()));
        }

        @Override
        public long flops() {
            return 6 * n() + 5 * probes() * n();
        }
    }
}
