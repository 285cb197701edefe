package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * Elementwise arithmetic, fp32. All tensors hold the same number of elements, in shapes that need not agree; y may be the memory of any
 * input. {@code times} of some gives alpha a factor: one element that is read from device memory at each launch, so that it can change
 * between replays.
 */
public final class Arithmetic {
    private static final int ELEMENTS_PER_WORK_ITEM = 8;

    private Arithmetic() {}

    /** y = a + b. */
    public static Add add(Tensor a, Tensor b, Tensor y) {
        return new Add(a, b, y);
    }

    /** y = a b. */
    public static Multiply multiply(Tensor a, Tensor b, Tensor y) {
        return new Multiply(a, b, y);
    }

    /** y = a b + c, rounded once. */
    public static Fma fma(Tensor a, Tensor b, Tensor c, Tensor y) {
        return new Fma(a, b, c, y);
    }

    /** y = alpha a. */
    public static Scale scale(float alpha, Tensor a, Tensor y) {
        return new Scale(alpha, a, y, null);
    }

    /** y += alpha x. */
    public static Axpy axpy(float alpha, Tensor x, Tensor y) {
        return new Axpy(alpha, x, y, null);
    }

    /** y = alpha x + beta y; with beta = 0, what y held (NaN, say) does not matter. */
    public static Axpby axpby(float alpha, Tensor x, float beta, Tensor y) {
        return new Axpby(alpha, x, beta, y, null);
    }

    private interface Entry extends Descriptor {
        Tensor y();

        /** With y known to be there, to which the others are compared. */
        default Signature named(String entry) {
            return Signature.of(entry).present("y", y());
        }

        /** y, and the factor that alpha may have. */
        default Signature inputs(String entry, Tensor a, Tensor b) {
            return named(entry)
                    .in("a", a, DType.F32)
                    .elements(n())
                    .in("b", b, DType.F32)
                    .elements(n());
        }

        default Signature scaled(Signature s, boolean reads, Tensor alphaAt, float alpha) {
            s = reads ? s.inOut("y", y(), DType.F32) : s.out("y", y(), DType.F32);
            return s.inOrNull("alpha_at", alphaAt, DType.F32).elements(1).f32("alpha", alpha);
        }

        default long n() {
            return y().elements();
        }

        @Override
        default Geometry geometry(Device device) {
            return Work.onCpu(device)
                    ? Geometry.linear(Work.cpuGroups(device, n()), 1)
                    : Geometry.linear(Math.max(1, Work.ceil(n(), ELEMENTS_PER_WORK_ITEM * Work.GROUP)), Work.GROUP);
        }
    }

    /** See {@link Arithmetic#add}. */
    public record Add(Tensor a, Tensor b, Tensor y) implements Entry {
        @Override
        public Signature signature() {
            return inputs("add_f32", a, b).out("y", y, DType.F32).i64("n", n());
        }

        @Override
        public long flops() {
            return n();
        }
    }

    /** See {@link Arithmetic#multiply}. */
    public record Multiply(Tensor a, Tensor b, Tensor y) implements Entry {
        @Override
        public Signature signature() {
            return inputs("multiply_f32", a, b).out("y", y, DType.F32).i64("n", n());
        }

        @Override
        public long flops() {
            return n();
        }
    }

    /** See {@link Arithmetic#fma}. */
    public record Fma(Tensor a, Tensor b, Tensor c, Tensor y) implements Entry {
        @Override
        public Signature signature() {
            return inputs("fma_f32", a, b)
                    .in("c", c, DType.F32)
                    .elements(n())
                    .out("y", y, DType.F32)
                    .i64("n", n());
        }

        @Override
        public long flops() {
            return 2 * n();
        }
    }

    /**
     * See {@link Arithmetic#scale}.
     *
     * @param alphaAt [1], multiplies alpha, or null
     */
    public record Scale(float alpha, Tensor a, Tensor y, Tensor alphaAt) implements Entry {
        public Scale times(Tensor factor) {
            return new Scale(alpha, a, y, factor);
        }

        @Override
        public Signature signature() {
            Signature s = named("scale_f32").in("a", a, DType.F32).elements(n());
            return scaled(s, false, alphaAt, alpha).i64("n", n()).bytes(2 * y.bytes());
        }

        @Override
        public long flops() {
            return n();
        }
    }

    /**
     * See {@link Arithmetic#axpy}.
     *
     * @param alphaAt [1], multiplies alpha, or null
     */
    public record Axpy(float alpha, Tensor x, Tensor y, Tensor alphaAt) implements Entry {
        public Axpy times(Tensor factor) {
            return new Axpy(alpha, x, y, factor);
        }

        @Override
        public Signature signature() {
            Signature s = named("axpy_f32").in("x", x, DType.F32).elements(n());
            return scaled(s, true, alphaAt, alpha).i64("n", n()).bytes(3 * y.bytes());
        }

        @Override
        public long flops() {
            return 2 * n();
        }
    }

    /**
     * See {@link Arithmetic#axpby}.
     *
     * @param alphaAt [1], multiplies alpha, or null
     */
    public record Axpby(float alpha, Tensor x, float beta, Tensor y, Tensor alphaAt) implements Entry {
        public Axpby times(Tensor factor) {
            return new Axpby(alpha, x, beta, y, factor);
        }

        @Override
        public Signature signature() {
            Signature s = named("axpby_f32").in("x", x, DType.F32).elements(n());
            return scaled(s, beta != 0, alphaAt, alpha)
                    .f32("beta", beta)
                    .i64("n", n())
                    .bytes((beta == 0 ? 2 : 3) * y.bytes());
        }

        @Override
        public long flops() {
            return n() * (beta == 0 ? 1 : 3);
        }
    }
}
