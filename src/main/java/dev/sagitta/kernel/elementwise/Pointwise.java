package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.kernel.reduce.ReduceFinish;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * An elementwise function in the five modes of an op: see the header of {@code kernels/opencl/pointwise.cl} for the formulas. x, y, dy, dx
 * hold n elements; tangents hold K of them, probes in front. fp32. An output may be the memory of an input of its size.
 *
 * <p>Errors: a few units in the last place, or 1e-7 of the terms where they cancel. NaN passes through every mode; relu' is 0 at 0. The
 * curvature is summed in a fixed order.
 */
public record Pointwise(
        Function function, Mode mode, Tensor x, Tensor xt, Tensor dy, Tensor dyt, Tensor out, Tensor partials)
        implements HandDescriptor {
    /** POINTWISE_PROBES of the GPU variants: probes that one work-group of curvature sums. */
    private static final int PROBES = 4;

    private static final int ELEMENTS_PER_ACCESS = 4;

    /** The suffix of the entry. */
    public enum Mode {
        FORWARD,
        BACKWARD,
        TANGENT,
        TANGENT_BACKWARD,
        CURVATURE
    }

    /** y = s(x). */
    public static Pointwise forward(Function function, Tensor x, Tensor y) {
        return new Pointwise(function, Mode.FORWARD, x, null, null, null, y, null);
    }

    /** dx = dy s'(x). */
    public static Pointwise backward(Function function, Tensor x, Tensor dy, Tensor dx) {
        return new Pointwise(function, Mode.BACKWARD, x, null, dy, null, dx, null);
    }

    /** yt[k] = s'(x) xt[k]. */
    public static Pointwise tangent(Function function, Tensor x, Tensor xt, Tensor yt) {
        return new Pointwise(function, Mode.TANGENT, x, xt, null, null, yt, null);
    }

    /** dxt[k] = dyt[k] s'(x) + dy s''(x) xt[k]. */
    public static Pointwise tangentBackward(Function function, Tensor x, Tensor xt, Tensor dy, Tensor dyt, Tensor dxt) {
        return new Pointwise(function, Mode.TANGENT_BACKWARD, x, xt, dy, dyt, dxt, null);
    }

    /**
     * out[k] = sum of dy s''(x) xt[k]^2, in two launches.
     *
     * @param out [K]
     * @param partials workspace of the shape that {@link #partials} states
     */
    public static Pointwise curvature(Function function, Tensor x, Tensor xt, Tensor dy, Tensor out, Tensor partials) {
        return new Pointwise(function, Mode.CURVATURE, x, xt, dy, null, out, partials);
    }

    /** Shape of the fp32 workspace of {@link #curvature} for n elements and K probes: [K, C, 2]. */
    public static Shape partials(Device device, long n, long probes) {
        return Shape.of(probes, chunks(device, n, probes).count(), 2);
    }

    private static Chunks chunks(Device device, long n, long probes) {
        return Chunks.of(device, n, device.kind() == DeviceKind.OPENCL_CPU ? 1 : Work.ceil(probes, PROBES));
    }

    @Override
    public String file() {
        return "pointwise";
    }

    @Override
    public String entry() {
        return function.symbol() + "_" + mode.name().toLowerCase(Locale.ROOT) + "_f32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return device.kind() == DeviceKind.OPENCL_CPU ? Map.of() : Map.of("POINTWISE_PROBES", Integer.toString(PROBES));
    }

    private long n() {
        return x.elements();
    }

    private long probes() {
        if (mode == Mode.CURVATURE) {
            return out.elements();
        }
        return xt == null || n() == 0 ? 1 : xt.elements() / n();
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        for (Tensor tensor : new Tensor[] {x, xt, dy, dyt, out, partials}) {
            if (tensor != null) {
                checks.open(tensor).dtype(tensor, DType.F32);
            }
        }
        if (mode == Mode.CURVATURE) {
            checks.require(probes() > 0, out + " is empty, expected one element per probe");
        }
        if (dy != null) {
            checks.elements(dy, n());
        }
        if (xt != null) {
            checks.require(
                    mode == Mode.CURVATURE || n() == 0 || xt.elements() > 0 && xt.elements() % n() == 0,
                    xt + " has " + xt.elements() + " elements, expected a multiple of the " + n() + " of " + x
                            + ": probes in front");
            checks.elements(xt, Math.multiplyExact(probes(), n()));
        }
        if (dyt != null) {
            checks.elements(dyt, xt.elements());
        }
        if (mode == Mode.CURVATURE) {
            checks.shape(
                    partials,
                    partials(partials.buffer().device(), n(), probes()).toArray());
        } else {
            checks.elements(out, xt == null ? n() : xt.elements());
        }
    }

    @Override
    public Geometry geometry(Device device) {
        boolean cpu = device.kind() == DeviceKind.OPENCL_CPU;
        if (mode == Mode.CURVATURE) {
            long groups = chunks(device, n(), probes()).count() * (cpu ? 1 : Work.ceil(probes(), PROBES));
            return Geometry.linear(groups, cpu ? 1 : Work.GROUP);
        }
        if (cpu) {
            return Geometry.linear(Work.cpuGroups(device, n() * probes()), 1);
        }
        long threads = Math.max(1, Work.ceil(n(), ELEMENTS_PER_ACCESS));
        if (xt == null) {
            return Geometry.linear(Work.ceil(threads, 2 * Work.GROUP), Work.GROUP);
        }
        // few elements: the probes, two at a time, are shared out as well
        long columns = Work.ceil(threads, Work.GROUP);
        long rows = Math.min(Work.ceil(probes(), 2), Work.ceil(Chunks.groups(device), columns));
        return Geometry.of(columns, Math.min(rows, 65535), 1, Work.GROUP, 1);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(x.buffer());
        for (Tensor tensor : new Tensor[] {xt, dy, dyt}) {
            if (tensor != null) {
                arguments.buffer(tensor.buffer());
            }
        }
        arguments
                .buffer(mode == Mode.CURVATURE ? partials.buffer() : out.buffer())
                .i64(n());
        if (xt != null) {
            arguments.i64(probes());
        }
        if (mode == Mode.CURVATURE) {
            arguments.i64(chunks(partials.buffer().device(), n(), probes()).length());
        }
    }

    @Override
    public Step prepare(Device device) {
        Step first = HandDescriptor.super.prepare(device);
        if (mode != Mode.CURVATURE) {
            return first;
        }
        long chunks = chunks(device, n(), probes()).count();
        return Step.sequence(
                List.of(first, new ReduceFinish(Reduce.Operation.SUM, partials, out, chunks).prepare(device)));
    }

    @Override
    public long bytes() {
        long bytes = x.bytes() + out.bytes();
        for (Tensor tensor : new Tensor[] {xt, dy, dyt}) {
            bytes += tensor == null ? 0 : tensor.bytes();
        }
        return bytes;
    }

    /** Evaluating s counts one; so do its derivatives. */
    @Override
    public long flops() {
        return switch (mode) {
            case FORWARD -> n();
            case BACKWARD -> 2 * n();
            case TANGENT -> n() + probes() * n();
            case TANGENT_BACKWARD -> 3 * n() + 3 * probes() * n();
            case CURVATURE -> 2 * n() + 3 * probes() * n();
        };
    }

    @Override
    public Tolerance tolerance() {
        return new Tolerance(1e-6, 2e-7);
    }
}
