package dev.sagitta.kernel.codec;

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
 * x = minimum + step code, rounded once: what {@link Pack} stored.
 *
 * @param x f32, any shape
 */
public record Unpack(CodecFormat format, Tensor codes, Tensor metadata, Tensor x) implements HandDescriptor {

    public static Unpack of(CodecFormat format, Tensor codes, Tensor metadata, Tensor x) {
        return new Unpack(format, codes, metadata, x);
    }

    @Override
    public String file() {
        return "codec";
    }

    @Override
    public String entry() {
        return "codec_unpack" + format.bits() + "_" + format.metadata().suffix();
    }

    @Override
    public void check() {
        long n = x.elements();
        new Checks(entry())
                .dtype(x, DType.F32)
                .dtype(codes, DType.U32)
                .elements(codes, format.packedWords(n))
                .dtype(metadata, format.metadata())
                .elements(metadata, format.metadataElements(n));
    }

    @Override
    public Geometry geometry(Device device) {
        return Work.pieces(device, format.groups(x.elements()), format.group(), (x.elements() + 7) / 8);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(codes.buffer())
                .buffer(metadata.buffer())
                .buffer(x.buffer())
                .i32(format.group())
                .i64(x.elements());
    }

    @Override
    public long bytes() {
        return x.bytes() + codes.bytes() + metadata.bytes();
    }

    @Override
    public long flops() {
        return 2 * x.elements();
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
