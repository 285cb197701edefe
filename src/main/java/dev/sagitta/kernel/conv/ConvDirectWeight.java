package dev.sagitta.kernel.conv;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Window;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.conv.Conv.Problem;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** How a CPU device computes {@link Conv.Weight}: the tiles of {@link ConvDirect}, whose rows are elements of the window; partial sums, then their sum. */
final class ConvDirectWeight {
    private ConvDirectWeight() {}

    /** Bytes of scratch memory. */
    static long bytes(Device device, Problem p) {
        return Float.BYTES * p.copies() * new Sums(device, p).elements();
    }

    static List<Descriptor> launches(Device device, Conv.Weight f) {
        Sums sums = new Sums(device, f.problem());
        return List.of(
                new WeightRows(f.dy(), f.x(), f.scratch(), sums), new WeightSum(f.scratch(), f.dw(), sums, f.add()));
    }

    /** How the sums of a weight's gradient are cut: windows' elements are rows of tiles, a run of them where they lie side by side. */
    private static final class Sums {
        private final Problem p;
        private final ConvDirect.Parts parts;
        private final int runs;
        private final int runRows;
        private final int splits;

        Sums(Device device, Problem p) {
            this.p = p;
            Window w = p.window();
            long inner = p.channels() / p.groups();
            long blocks = blocks(p);
            this.parts = ConvDirect.Parts.of(
                    device,
                    p.outputHeight(),
                    p.outputWidth(),
                    inner,
                    w.strideHeight(),
                    w.strideWidth(),
                    ConvDirect.Parts.span(w.height(), w.dilationHeight(), 1),
                    ConvDirect.Parts.span(w.width(), w.dilationWidth(), 1),
                    p.batch() * p.copies() * blocks);
            boolean beside = parts.chunk() == inner && w.dilationWidth() == 1;
            this.runs = beside ? w.height() : w.height() * w.width();
            this.runRows =
                    Math.toIntExact(Work.ceil(beside ? w.width() * inner : inner, ConvDirect.TILE) * ConvDirect.TILE);
            long units = p.batch() * parts.bands() * parts.segments();
            long wanted = Work.ceil((long) ConvDirect.PER_CORE * device.info().computeUnits(), blocks * p.copies());
            this.splits = (int) Math.max(1, Math.min(units, wanted));
        }

        private static long blocks(Problem p) {
            return p.groups() * ConvDirect.panels(p.outputs() / p.groups());
        }

        /** Of the partial sums of one copy. */
        long elements() {
            return splits * blocks(p) * runs * runRows * ConvDirect.PANEL;
        }
    }

    private record WeightRows(Tensor dy, Tensor x, Tensor partials, Sums sums) implements Descriptor {
        @Override
        public String file() {
            return "conv/conv_direct";
        }

        @Override
        public Signature signature() {
            Problem p = sums.p;
            Window w = p.window();
            return Signature.of("conv_weight_rows_f32")
                    .in("dy", dy, DType.F32)
                    .in("x", x, DType.F32)
                    .scratch("partials", partials, DType.F32, Float.BYTES * p.copies() * sums.elements())
                    .i32("batch", (int) p.batch())
                    .i32("height", (int) p.height())
                    .i32("width", (int) p.width())
                    .i32("channels", (int) p.channels())
                    .i32("out_height", (int) p.outputHeight())
                    .i32("out_width", (int) p.outputWidth())
                    .i32("outputs", (int) p.outputs())
                    .i32("groups", p.groups())
                    .i32("kernel_height", w.height())
                    .i32("kernel_width", w.width())
                    .i32("stride_height", w.strideHeight())
                    .i32("stride_width", w.strideWidth())
                    .i32("padding_height", w.paddingHeight())
                    .i32("padding_width", w.paddingWidth())
                    .i32("dilation_height", w.dilationHeight())
                    .i32("dilation_width", w.dilationWidth())
                    .i32("bands", sums.parts.bands())
                    .i32("segments", sums.parts.segments())
                    .i32("chunk", sums.parts.chunk())
                    .i32("runs", sums.runs)
                    .i32("run_rows", sums.runRows)
                    .i64("stride_x", Conv.stride(x))
                    .i64("stride_y", Conv.stride(dy));
        }

        @Override
        public Map<String, String> defines(Device device) {
            return ConvDirect.constants(device);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.of(sums.splits, sums.p.copies(), Sums.blocks(sums.p), 1, 1);
        }

        @Override
        public long flops() {
            return sums.p.flops();
        }
    }

    private record WeightSum(Tensor partials, Tensor dw, Sums sums, boolean add) implements Descriptor {
        @Override
        public String file() {
            return "conv/conv_direct";
        }

        @Override
        public Signature signature() {
            Problem p = sums.p;
            return Signature.of("conv_weight_sum_f32")
                    .scratch("partials", partials, DType.F32, Float.BYTES * p.copies() * sums.elements())
                    .tensor("dw", dw, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false)
                    .i32("outputs", (int) p.outputs())
                    .i32("inner", (int) (p.channels() / p.groups()))
                    .i32("kernel_height", p.window().height())
                    .i32("kernel_width", p.window().width())
                    .i32("groups", p.groups())
                    .i32("splits", sums.splits)
                    .i32("runs", sums.runs)
                    .i32("run_rows", sums.runRows)
                    .i64("stride_w", dw.elements() / p.copies())
                    .i32("add", add ? 1 : 0);
        }

        @Override
        public Map<String, String> defines(Device device) {
            return ConvDirect.constants(device);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.of(Work.cpuGroups(device, dw.elements() / sums.p.copies()), sums.p.copies(), 1, 1, 1);
        }
    }
}
