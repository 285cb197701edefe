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
import java.util.List;
import java.util.Map;

/**
 * An elementwise function in the five modes of an op: see the header of the kernels for the formulas. x, y, dy, dx hold n elements;
 * tangents hold K of them, probes in front. fp32. An output may be the memory of an input of its size.
 *
 * <p>Errors: a few units in the last place, or 1e-7 of the terms where they cancel. NaN passes through every mode; relu' is 0 at 0. The
 * curvature is summed in a fixed order.
 */
public final class Pointwise {
    /** POINTWISE_PROBES of the GPU variants: probes that one work-group of curvature sums. */
    private static final int PROBES = 4;

    private static final int ELEMENTS_PER_ACCESS = 4;

    private Pointwise() {}

    /** y = s(x). */
    public static Forward forward(Function function, Tensor x, Tensor y) {
        return new Forward(function, x, y);
    }

    /** dx = dy s'(x). */
    public static Backward backward(Function function, Tensor x, Tensor dy, Tensor dx) {
        return new Backward(function, x, dy, dx);
    }

    /** yt[k] = s'(x) xt[k]. */
    public static Tangent tangent(Function function, Tensor x, Tensor xt, Tensor yt) {
        return new Tangent(function, x, xt, yt);
    }

    /** dxt[k] = dyt[k] s'(x) + dy s''(x) xt[k]. */
    public static TangentBackward tangentBackward(
            Function function, Tensor x, Tensor xt, Tensor dy, Tensor dyt, Tensor dxt) {
        return new TangentBackward(function, x, xt, dy, dyt, dxt);
    }

    /**
     * out[k] = sum of dy s''(x) xt[k]^2, in two launches.
     *
     * @param out [K]
     * @param partials workspace of the shape that {@link #partials} states
     */
    public static Curvature curvature(Function function, Tensor x, Tensor xt, Tensor dy, Tensor out, Tensor partials) {
        return new Curvature(function, x, xt, dy, out, partials);
    }

    /** Shape of the fp32 workspace of {@link #curvature} for n elements and K probes: [K, C, 2]. */
    public static Shape partials(Device device, long n, long probes) {
        return Shape.of(probes, Curvature.chunks(device, n, probes).count(), 2);
    }

    private interface Entry extends Descriptor {
        Function function();

        Tensor x();

        default long n() {
            return x().elements();
        }

        default Signature named(String mode) {
            return Signature.of(function().symbol() + "_" + mode + "_f32")
                    .in("x", x(), DType.F32)
                    .free();
        }

        @Override
        default Map<String, String> defines(Device device) {
            return Work.onCpu(device) ? Map.of() : Map.of("POINTWISE_PROBES", Integer.toString(PROBES));
        }

        @Override
        default Tolerance tolerance() {
            return new Tolerance(1e-6, 2e-7);
        }
    }

    /** Two accesses of each work-item, no probes. */
    private interface Plain extends Entry {
        @Override
        default Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, n()), 1);
            }
            long threads = Math.max(1, Work.ceil(n(), ELEMENTS_PER_ACCESS));
            return Geometry.linear(Work.ceil(threads, 2 * Work.GROUP), Work.GROUP);
        }
    }

    private interface WithProbes extends Entry {
        Tensor xt();

        default long probes() {
            return n() == 0 ? 1 : xt().elements() / n();
        }

        default Signature tangent(Signature s) {
            return s.in("xt", xt(), DType.F32)
                    .require(
                            n() == 0 || xt().elements() > 0 && xt().elements() % n() == 0,
                            xt() + " has " + xt().elements() + " elements, expected a multiple of the " + n() + " of "
                                    + x() + ": probes in front")
                    .elements(Math.multiplyExact(probes(), n()));
        }

        @Override
        default Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, n() * probes()), 1);
            }
            // few elements: the probes, two at a time, are shared out as well
            long columns = Work.ceil(Math.max(1, Work.ceil(n(), ELEMENTS_PER_ACCESS)), Work.GROUP);
            long rows = Math.min(Work.ceil(probes(), 2), Work.ceil(Chunks.groups(device), columns));
            return Geometry.of(columns, Math.min(rows, Work.MOST_ACROSS), 1, Work.GROUP, 1);
        }
    }

    /** See {@link Pointwise#forward}. Evaluating s counts one operation; so do its derivatives. */
    public record Forward(Function function, Tensor x, Tensor y) implements Plain {
        @Override
        public Signature signature() {
            Signature s = named("forward");
            return s.out("y", y, DType.F32).elements(n()).i64("n", n());
        }

        @Override
        public long flops() {
            return n();
        }
    }

    /** See {@link Pointwise#backward}. */
    public record Backward(Function function, Tensor x, Tensor dy, Tensor dx) implements Plain {
        @Override
        public Signature signature() {
            Signature s = named("backward");
            return s.in("dy", dy, DType.F32)
                    .elements(n())
                    .out("dx", dx, DType.F32)
                    .elements(n())
                    .i64("n", n());
        }

        @Override
        public long flops() {
            return 2 * n();
        }
    }

    /** See {@link Pointwise#tangent}. */
    public record Tangent(Function function, Tensor x, Tensor xt, Tensor yt) implements WithProbes {
        @Override
        public Signature signature() {
            Signature s = tangent(named("tangent"));
            return s.out("yt", yt, DType.F32)
                    .elements(xt.elements())
                    .i64("n", n())
                    .i64("probes", probes());
        }

        @Override
        public long flops() {
            return n() + probes() * n();
        }
    }

    /** See {@link Pointwise#tangentBackward}. */
    public record TangentBackward(Function function, Tensor x, Tensor xt, Tensor dy, Tensor dyt, Tensor dxt)
            implements WithProbes {
        @Override
        public Signature signature() {
            Signature s = tangent(named("tangent_backward"));
            return s.in("dy", dy, DType.F32)
                    .elements(n())
                    .in("dyt", dyt, DType.F32)
                    .elements(xt.elements())
                    .out("dxt", dxt, DType.F32)
                    .elements(xt.elements())
                    .i64("n", n())
                    .i64("probes", probes());
        }

        @Override
        public long flops() {
            return 3 * n() + 3 * probes() * n();
        }
    }

    /** See {@link Pointwise#curvature}. */
    public record Curvature(Function function, Tensor x, Tensor xt, Tensor dy, Tensor out, Tensor partials)
            implements Entry {
        private static Chunks chunks(Device device, long n, long probes) {
            return Chunks.of(device, n, Work.onCpu(device) ? 1 : Work.ceil(probes, PROBES));
        }

        private long probes() {
            return out.elements();
        }

        private Chunks chunks(Device device) {
            return chunks(device, n(), probes());
        }

        @Override
        public Signature signature() {
            Signature s = named("curvature")
                    .out("out", out, DType.F32)
                    .ofAnotherLaunch()
                    .require(out.elements() > 0, out + " is empty, expected one element per probe")
                    .in("xt", xt, DType.F32)
                    .elements(Math.multiplyExact(probes(), n()))
                    .in("dy", dy, DType.F32)
                    .elements(n());
            Device device = x.buffer().device();
            return s.workspace(
                            "partials",
                            partials,
                            DType.F32,
                            Pointwise.partials(device, n(), probes()).toArray())
                    .i64("n", n())
                    .i64("probes", probes())
                    .i64("chunk", chunks(device).length());
        }

        @Override
        public Geometry geometry(Device device) {
            long groups = chunks(device).count();
            return Work.onCpu(device)
                    ? Geometry.linear(groups, 1)
                    : Geometry.linear(groups * Work.ceil(probes(), PROBES), Work.GROUP);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return List.of(this, Reduce.finishSum(partials, out, chunks(device).count()));
        }

        @Override
        public long flops() {
            return 2 * n() + 3 * probes() * n();
        }
    }
}
