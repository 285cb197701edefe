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
 * out = in where the mask's bit is set, else 0: backward, tangent and tangent of backward of ReLU.
 *
 * @param mask u32 of {@link ReluMask}
 * @param elements that the mask stands for
 * @param in f32, a whole number of probes of that many elements, which share the mask
 * @param out like in, and may be in
 */
public record MaskApply(Tensor mask, long elements, Tensor in, Tensor out) implements HandDescriptor {

    public static MaskApply of(Tensor mask, long elements, Tensor in, Tensor out) {
        return new MaskApply(mask, elements, in, out);
    }

    @Override
    public String file() {
        return "mask";
    }

    @Override
    public String entry() {
        return "mask_apply_f32";
    }

    private long probes() {
        return elements == 0 ? 0 : in.elements() / elements;
    }

    @Override
    public void check() {
        new Checks(entry())
                .require(
                        elements == 0 ? in.elements() == 0 : elements > 0 && in.elements() % elements == 0,
                        in + " does not divide into probes of " + elements + " elements")
                .dtype(mask, DType.U32)
                .elements(mask, ReluMask.words(elements))
                .dtype(in, DType.F32)
                .dtype(out, DType.F32)
                .elements(out, in.elements());
    }

    @Override
    public Geometry geometry(Device device) {
        return Work.pieces(device, ReluMask.words(elements), 32 * Math.max(1, probes()), (elements + 7) / 8);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(mask.buffer())
                .i64(probes())
                .buffer(in.buffer())
                .buffer(out.buffer())
                .i64(elements);
    }

    @Override
    public long bytes() {
        return mask.bytes() + in.bytes() + out.bytes();
    }

    @Override
    public long flops() {
        return in.elements();
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
