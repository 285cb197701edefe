package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** One bit per element: bit i is bit i % 32 of word i / 32, those beyond the last are 0. */
public final class Mask {
    private Mask() {}

    /** The mask, and in the same pass y. */
    public static Relu relu(Tensor x, Tensor y, Tensor mask) {
        return new Relu(x, y, mask);
    }

    /** The mask alone. */
    public static Sign sign(Tensor x, Tensor mask) {
        return new Sign(x, mask);
    }

    public static Apply apply(Tensor mask, long elements, Tensor in, Tensor out) {
        return new Apply(mask, elements, in, out);
    }

    /** Words of a mask. */
    public static long words(long elements) {
        return (elements + 31) / 32;
    }

    private interface Entry extends Descriptor {
        @Override
        default Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    private static Geometry words(Device device, Tensor x) {
        long words = words(x.elements());
        return Work.pieces(device, words, 32, words * 4);
    }

    /**
     * mask = [x > 0] and y = max(x, 0) (a NaN stays).
     *
     * @param x f32, any shape
     * @param y like x, and may be x
     * @param mask u32, {@link #words}
     */
    public record Relu(Tensor x, Tensor y, Tensor mask) implements Entry {
        @Override
        public Signature signature() {
            Signature s = Signature.of("relu_forward_mask_f32").in("x", x, DType.F32);
            return s.out("y", y, DType.F32)
                    .elements(x.elements())
                    .out("mask", mask, DType.U32)
                    .elements(words(x.elements()))
                    .i64("n", x.elements());
        }

        @Override
        public Geometry geometry(Device device) {
            return words(device, x);
        }

        @Override
        public long flops() {
            return x.elements();
        }
    }

    /**
     * mask = [x > 0].
     *
     * @param x f32, any shape
     * @param mask u32, {@link #words}
     */
    public record Sign(Tensor x, Tensor mask) implements Entry {
        @Override
        public Signature signature() {
            Signature s = Signature.of("sign_mask_f32").in("x", x, DType.F32).free();
            return s.out("mask", mask, DType.U32).elements(words(x.elements())).i64("n", x.elements());
        }

        @Override
        public Geometry geometry(Device device) {
            return words(device, x);
        }

        @Override
        public long flops() {
            return x.elements();
        }
    }

    /**
     * out = in where the mask's bit is set, else 0: backward, tangent and tangent of backward of ReLU.
     *
     * @param mask u32 of {@link Relu}
     * @param elements that the mask stands for
     * @param in f32, a whole number of probes of that many elements, which share the mask
     * @param out like in, and may be in
     */
    public record Apply(Tensor mask, long elements, Tensor in, Tensor out) implements Entry {
        private long probes() {
            return elements == 0 ? 0 : in.elements() / elements;
        }

        @Override
        public Signature signature() {
            return Signature.of("mask_apply_f32")
                    .present("in", in)
                    .require(
                            elements == 0 ? in.elements() == 0 : elements > 0 && in.elements() % elements == 0,
                            in + " does not divide into probes of " + elements + " elements")
                    .in("mask", mask, DType.U32)
                    .elements(words(elements))
                    .i64("probes", probes())
                    .in("in", in, DType.F32)
                    .out("out", out, DType.F32)
                    .elements(in.elements())
                    .i64("n", elements);
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.pieces(device, words(elements), 32 * Math.max(1, probes()), (elements + 7) / 8);
        }

        @Override
        public long flops() {
            return in.elements();
        }
    }
}
