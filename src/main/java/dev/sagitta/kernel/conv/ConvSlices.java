package dev.sagitta.kernel.conv;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.conv.Conv.Problem;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** The gradient of a weight on a GPU by slices of the pixels: partial sums, side by side, that are added in order. */
final class ConvSlices {
    /** CONV_OUTPUTS of the kernels. */
    private static final int OUTPUTS = 32;

    private static final int GROUPS_PER_UNIT = 4;
    private static final int MOST = 64;
    private static final int LEAST_PIXELS = 256;
    private static final String FILE = "conv/conv";

    private ConvSlices() {}

    /** How many, so that a GPU has work-groups for all its units: of extents and device alone; one on CPUs, which come here for windows beyond measure alone. */
    static int of(Device device, Problem p, long groups) {
        if (Work.onCpu(device)) {
            return 1;
        }
        long pixels = p.batch() * p.outputHeight() * p.outputWidth();
        long wanted =
                Work.ceil((long) GROUPS_PER_UNIT * device.info().computeUnits(), Math.max(1, groups * p.copies()));
        return (int) Math.max(1, Math.min(Math.min(wanted, MOST), Work.ceil(pixels, LEAST_PIXELS)));
    }

    /** Bytes of the partial sums; none of one slice. */
    static long bytes(Problem p, int slices) {
        return slices == 1 ? 0 : Float.BYTES * slices * p.copies() * p.weights();
    }

    /** Work-groups of conv_weight_f32 per copy and slice. */
    private static long groups(Problem p) {
        return Work.ceil(p.outputs(), OUTPUTS) * (p.channels() / p.groups()) * p.taps();
    }

    /** Declares where sums over pixels go: scratch memory where there are slices, else the weight's gradient. */
    static void result(Signature s, Tensor dw, Tensor parts, long bytes, boolean add) {
        if (parts == null) {
            s.tensor("dw", dw, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false);
        } else {
            s.scratch("dw", parts, DType.F32, bytes);
        }
    }

    static long weightBytes(Device device, Problem p) {
        return bytes(p, of(device, p, groups(p)));
    }

    /** Of {@link Conv.Weight}, and of its slices. */
    static Geometry geometry(Problem p, int slices) {
        return Geometry.of(groups(p), p.copies(), slices, Work.GROUP, 1);
    }

    static List<Descriptor> weight(Device device, Conv.Weight f) {
        Problem p = f.problem();
        int slices = of(device, p, groups(p));
        return slices == 1
                ? List.of(f)
                : List.of(
                        new Weight(f.dy(), f.x(), f.dw(), f.scratch(), p, slices),
                        new Sum(f.scratch(), f.dw(), slices, f.add()));
    }

    /** Partial sums of {@link Conv.Weight}. */
    private record Weight(Tensor dy, Tensor x, Tensor dw, Tensor parts, Problem p, int slices) implements Descriptor {
        @Override
        public String file() {
            return FILE;
        }

        @Override
        public Signature signature() {
            Signature s =
                    Signature.of("conv_weight_f32").in("dy", dy, DType.F32).in("x", x, DType.F32);
            result(s, dw, parts, ConvSlices.bytes(p, slices), false);
            return p.numbers(s, x, dw, dy).i64("stride_slice", dw.elements()).i32("add", 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return ConvSlices.geometry(p, slices);
        }

        @Override
        public long flops() {
            return p.flops();
        }
    }

    /** What slices sum up to, added to dw or not. */
    record Sum(Tensor parts, Tensor dw, int slices, boolean add) implements Descriptor {
        @Override
        public String file() {
            return FILE;
        }

        @Override
        public Signature signature() {
            return Signature.of("conv_slices_f32")
                    .scratch("part", parts, DType.F32, Float.BYTES * slices * dw.elements())
                    .tensor("dw", dw, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false)
                    .i64("n", dw.elements())
                    .i32("slices", slices)
                    .i32("add", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return Conv.each(device, dw.elements(), 1);
        }
    }
}
