package dev.sagitta.kernel.codec;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** Modes of elementwise functions that read their input as {@link Codec} stored it, without unpacking it first. */
public final class CodedPointwise {
    private static final int PER_ITEM = 8;

    private CodedPointwise() {}

    /** Whether there is a kernel for what is stored so. */
    public static boolean serves(Function function, CodecFormat format) {
        return function != Function.RELU && format.metadata() == DType.BF16;
    }

    /** dx = dy s'(x), x from its codes: the same bits as unpacking and {@code Pointwise.backward}. */
    public static Backward backward(
            Function function, CodecFormat format, Tensor codes, Tensor metadata, Tensor dy, Tensor dx) {
        return new Backward(function, format, codes, metadata, dy, dx);
    }

    /**
     * @param codes u32, {@link CodecFormat#packedWords} of n elements
     * @param metadata bf16, {@link CodecFormat#metadataElements}
     * @param dy f32, n elements of any shape
     * @param dx f32 of as many; may be the memory of dy
     */
    public record Backward(Function function, CodecFormat format, Tensor codes, Tensor metadata, Tensor dy, Tensor dx)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("coded_" + function.symbol() + "_backward_f32")
                    .require(function != Function.RELU, "relu keeps a bit per element, not codes")
                    .present("dy", dy);
            long n = dy.elements();
            return s.in("codes", codes, DType.U32)
                    .elements(format.packedWords(n))
                    .in("metadata", metadata, DType.BF16)
                    .elements(format.metadataElements(n))
                    .seenAs(DType.U32)
                    .in("dy", dy, DType.F32)
                    .out("dx", dx, DType.F32)
                    .elements(n)
                    .i32("bits", format.bits())
                    .i32("group", format.group())
                    .i64("n", n);
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, dy.elements()), 1);
            }
            return Geometry.linear(Work.ceil(Math.max(1, Work.ceil(dy.elements(), PER_ITEM)), Work.GROUP), Work.GROUP);
        }

        @Override
        public long flops() {
            return 4 * dy.elements();
        }

        @Override
        public Tolerance tolerance() {
            return new Tolerance(1e-6, 2e-7);
        }
    }
}
