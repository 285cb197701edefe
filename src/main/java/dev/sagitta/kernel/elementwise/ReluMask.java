package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * One bit per element, [x > 0], and with y given also y = max(x, 0) in the same pass (a NaN stays).
 *
 * @param x f32, any shape
 * @param y like x, and may be x; null for the mask alone
 * @param mask u32, {@link #words}; bit i is bit i % 32 of word i / 32, those beyond the last are 0
 */
public record ReluMask(Tensor x, Tensor y, Tensor mask) implements HandDescriptor {

    public static ReluMask of(Tensor x, Tensor y, Tensor mask) {
        return new ReluMask(x, y, mask);
    }

    /** The mask alone. */
    public static ReluMask sign(Tensor x, Tensor mask) {
        return new ReluMask(x, null, mask);
    }

    /** Words of a mask. */
    public static long words(long elements) {
        return (elements + 31) / 32;
    }

    @Override
    public String file() {
        return "mask";
    }

    @Override
    public String entry() {
        return y == null ? "sign_mask_f32" : "relu_forward_mask_f32";
    }

    @Override
    public void check() {
        Checks checks =
                new Checks(entry()).dtype(x, DType.F32).dtype(mask, DType.U32).elements(mask, words(x.elements()));
        if (y != null) {
            checks.dtype(y, DType.F32).elements(y, x.elements());
        }
    }

    @Override
    public Geometry geometry(Device device) {
        long words = words(x.elements());
        return Work.pieces(device, words, 32, words * 4);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(x.buffer());
        if (y != null) {
            arguments.buffer(y.buffer());
        }
        arguments.buffer(mask.buffer()).i64(x.elements());
    }

    @Override
    public long bytes() {
        return x.bytes() + mask.bytes() + (y == null ? 0 : y.bytes());
    }

    @Override
    public long flops() {
        return x.elements();
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
