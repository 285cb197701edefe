package dev.sagitta.kernel;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * An elementwise function in one of four modes: see the header of {@code kernels/opencl/pointwise.cl} for the formulas. x, y, dy, dx hold
 * n elements; tangents hold K of them, probes in front. fp32.
 */
public record Pointwise(Function function, Mode mode, Tensor x, Tensor xt, Tensor dy, Tensor dyt, Tensor out)
        implements Descriptor {
    private static final int BLOCK = 256;

    /** The suffix of the entry. */
    public enum Mode {
        FORWARD,
        BACKWARD,
        TANGENT,
        TANGENT_BACKWARD
    }

    public static Pointwise forward(Function function, Tensor x, Tensor y) {
        return new Pointwise(function, Mode.FORWARD, x, null, null, null, y);
    }

    public static Pointwise backward(Function function, Tensor x, Tensor dy, Tensor dx) {
        return new Pointwise(function, Mode.BACKWARD, x, null, dy, null, dx);
    }

    public static Pointwise tangent(Function function, Tensor x, Tensor xt, Tensor yt) {
        return new Pointwise(function, Mode.TANGENT, x, xt, null, null, yt);
    }

    public static Pointwise tangentBackward(Function function, Tensor x, Tensor xt, Tensor dy, Tensor dyt, Tensor dxt) {
        return new Pointwise(function, Mode.TANGENT_BACKWARD, x, xt, dy, dyt, dxt);
    }

    @Override
    public String file() {
        return "pointwise";
    }

    @Override
    public String entry() {
        return function.symbol() + "_" + mode.name().toLowerCase(java.util.Locale.ROOT) + "_f32";
    }

    private long n() {
        return x.elements();
    }

    private long probes() {
        return xt == null ? 1 : n() == 0 ? 1 : xt.elements() / n();
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry()).dtype(x, DType.F32).dtype(out, DType.F32);
        if (dy != null) {
            checks.dtype(dy, DType.F32).elements(dy, n());
        }
        if (xt != null) {
            checks.dtype(xt, DType.F32).elements(xt, probes() * n()).elements(out, xt.elements());
        } else {
            checks.elements(out, n());
        }
        if (dyt != null) {
            checks.dtype(dyt, DType.F32).elements(dyt, xt.elements());
        }
    }

    @Override
    public Geometry geometry(Device device) {
        return Geometry.of(Math.max(1, (n() + BLOCK - 1) / BLOCK), probes(), 1, BLOCK, 1);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(x.buffer());
        for (Tensor tensor : new Tensor[] {xt, dy, dyt}) {
            if (tensor != null) {
                arguments.buffer(tensor.buffer());
            }
        }
        arguments.buffer(out.buffer()).i64(n());
    }

    @Override
    public long bytes() {
        long bytes = x.bytes() + out.bytes();
        for (Tensor tensor : new Tensor[] {xt, dy, dyt}) {
            bytes += tensor == null ? 0 : tensor.bytes();
        }
        return bytes;
    }

    @Override
    public long flops() {
        return out.elements();
    }

    @Override
    public Tolerance tolerance() {
        return new Tolerance(4e-6, 1e-6);
    }
}
