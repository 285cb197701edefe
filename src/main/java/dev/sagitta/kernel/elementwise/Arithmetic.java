package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Locale;

/**
 * Elementwise arithmetic, fp32: see the header of {@code kernels/opencl/arithmetic.cl}. All tensors hold the same number of elements, in
 * shapes that need not agree; y may be the memory of any input.
 *
 * @param alphaAt one element in device memory that multiplies alpha, or null: read at each launch, so that it can change between replays
 */
public record Arithmetic(
        Operation operation, Tensor a, Tensor b, Tensor c, Tensor y, Tensor alphaAt, float alpha, float beta)
        implements HandDescriptor {
    private static final int ELEMENTS_PER_WORK_ITEM = 8;

    public enum Operation {
        ADD,
        MULTIPLY,
        FMA,
        SCALE,
        AXPY,
        AXPBY
    }

    /** y = a + b. */
    public static Arithmetic add(Tensor a, Tensor b, Tensor y) {
        return new Arithmetic(Operation.ADD, a, b, null, y, null, 1, 0);
    }

    /** y = a b. */
    public static Arithmetic multiply(Tensor a, Tensor b, Tensor y) {
        return new Arithmetic(Operation.MULTIPLY, a, b, null, y, null, 1, 0);
    }

    /** y = a b + c, rounded once. */
    public static Arithmetic fma(Tensor a, Tensor b, Tensor c, Tensor y) {
        return new Arithmetic(Operation.FMA, a, b, c, y, null, 1, 0);
    }

    /** y = alpha a. */
    public static Arithmetic scale(float alpha, Tensor a, Tensor y) {
        return new Arithmetic(Operation.SCALE, a, null, null, y, null, alpha, 0);
    }

    /** y += alpha x. */
    public static Arithmetic axpy(float alpha, Tensor x, Tensor y) {
        return new Arithmetic(Operation.AXPY, x, null, null, y, null, alpha, 0);
    }

    /** y = alpha x + beta y; with beta = 0, what y held (NaN, say) does not matter. */
    public static Arithmetic axpby(float alpha, Tensor x, float beta, Tensor y) {
        return new Arithmetic(Operation.AXPBY, x, null, null, y, null, alpha, beta);
    }

    /** The same with alpha multiplied by an element that is read from device memory: of scale, axpy and axpby. */
    public Arithmetic times(Tensor factor) {
        return new Arithmetic(operation, a, b, c, y, factor, alpha, beta);
    }

    @Override
    public String file() {
        return "arithmetic";
    }

    @Override
    public String entry() {
        return operation.name().toLowerCase(Locale.ROOT) + "_f32";
    }

    private boolean takesAlpha() {
        return operation == Operation.SCALE || operation == Operation.AXPY || operation == Operation.AXPBY;
    }

    @Override
    public void check() {
        Checks checks = new Checks(entry());
        for (Tensor tensor : new Tensor[] {a, b, c, y}) {
            if (tensor != null) {
                checks.open(tensor).dtype(tensor, DType.F32).elements(tensor, y.elements());
            }
        }
        if (alphaAt != null) {
            checks.require(takesAlpha(), "takes no factor; use scale, axpy or axpby");
            checks.open(alphaAt).dtype(alphaAt, DType.F32).elements(alphaAt, 1);
        }
    }

    @Override
    public Geometry geometry(Device device) {
        if (device.kind() == DeviceKind.OPENCL_CPU) {
            return Geometry.linear(Work.cpuGroups(device, y.elements()), 1);
        }
        return Geometry.linear(Math.max(1, Work.ceil(y.elements(), ELEMENTS_PER_WORK_ITEM * Work.GROUP)), Work.GROUP);
    }

    @Override
    public void arguments(Arguments arguments) {
        for (Tensor tensor : new Tensor[] {a, b, c, y}) {
            if (tensor != null) {
                arguments.buffer(tensor.buffer());
            }
        }
        if (takesAlpha()) {
            arguments.buffer(alphaAt == null ? null : alphaAt.buffer()).f32(alpha);
        }
        if (operation == Operation.AXPBY) {
            arguments.f32(beta);
        }
        arguments.i64(y.elements());
    }

    @Override
    public long bytes() {
        boolean readsOut = operation == Operation.AXPY || (operation == Operation.AXPBY && beta != 0);
        long arrays = 2 + (b == null ? 0 : 1) + (c == null ? 0 : 1) + (readsOut ? 1 : 0);
        return arrays * y.bytes();
    }

    @Override
    public long flops() {
        return y.elements()
                * switch (operation) {
                    case ADD, MULTIPLY, SCALE -> 1;
                    case FMA, AXPY -> 2;
                    case AXPBY -> beta == 0 ? 1 : 3;
                };
    }
}
