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

/** How a CPU device computes {@link Conv}: register tiles over a part of an image in local memory. The launches of the two products of images and their scratch memory; {@link
 * ConvDirectWeight} has the weight's gradient. */
final class ConvDirect {
    /** CONV_PANEL, CONV_TILE, CONV_MOST_EXTENT of the kernel file. */
    static final int PANEL = 32;

    static final int TILE = 12;
    private static final int MOST_EXTENT = 64;
    /** Rows beyond the last that a tile may read. */
    private static final int OVER = 5;

    private static final long MUCH = 1 << 19;
    private static final Constants LARGE = new Constants(65536, 8192, 128);
    private static final Constants SMALL = new Constants(4096, 2048, 16);
    /** Work-groups per core. */
    static final int PER_CORE = 4;

    private ConvDirect() {}

    /** Whether it computes a product on a device. */
    static boolean serves(Device device, Problem p) {
        Window w = p.window();
        return Work.onCpu(device) && w.height() <= MOST_EXTENT && w.width() <= MOST_EXTENT;
    }

    /**
     * Those of the kernel file, for devices with much local memory and with little.
     *
     * @param buffer floats of CONV_BUFFER
     * @param slack floats of CONV_SLACK
     * @param segment columns of CONV_SEGMENT
     */
    private record Constants(int buffer, int slack, int segment) {
        static Constants of(Device device) {
            return device.info().localMemoryBytes() >= MUCH ? LARGE : SMALL;
        }
    }

    static Map<String, String> constants(Device device) {
        Constants c = Constants.of(device);
        return Map.of(
                "CONV_BUFFER", Integer.toString(c.buffer),
                "CONV_SLACK", Integer.toString(c.slack),
                "CONV_SEGMENT", Integer.toString(c.segment));
    }

    /**
     * How the output of a product is cut.
     *
     * @param bands of rows of an image
     * @param segments of columns
     * @param chunk channels of a group at a time
     */
    record Parts(int bands, int segments, int chunk) {
        /**
         * @param rows of the result that one band may have, and columns
         * @param inner channels of a group that are summed over
         * @param units of work beside the bands and segments
         */
        static Parts of(
                Device device,
                long rows,
                long columns,
                long inner,
                long stepRows,
                long stepColumns,
                long spanRows,
                long spanColumns,
                long units) {
            Constants constants = Constants.of(device);
            int buffer = constants.buffer;
            long segments = Math.max(1, Work.ceil(columns, constants.segment));
            long chunk;
            long wide;
            while (true) {
                wide = (Work.ceil(columns, segments) - 1) * stepColumns + spanColumns;
                chunk = Math.min(inner, Math.min(buffer / (spanRows * wide), constants.slack / (OVER * stepColumns)));
                if (chunk >= Math.min(inner, TILE) || segments >= columns) {
                    break;
                }
                segments = Math.min(columns, 2 * segments);
            }
            chunk = chunk >= inner ? inner : Math.max(1, chunk < TILE ? chunk : chunk / TILE * TILE);
            long most = Math.max(1, (buffer / (wide * chunk) - spanRows) / stepRows + 1);
            long wanted = Work.ceil((long) PER_CORE * device.info().computeUnits(), Math.max(1, units * segments));
            long bands = Math.max(Work.ceil(rows, most), Math.min(wanted, rows));
            return new Parts((int) Math.max(1, bands), (int) segments, (int) chunk);
        }

        static Parts forward(Device device, Problem p) {
            Window w = p.window();
            return of(
                    device,
                    p.outputHeight(),
                    p.outputWidth(),
                    p.channels() / p.groups(),
                    w.strideHeight(),
                    w.strideWidth(),
                    span(w.height(), w.dilationHeight(), 1),
                    span(w.width(), w.dilationWidth(), 1),
                    p.batch() * p.copies());
        }

        static Parts input(Device device, Problem p) {
            Window w = p.window();
            return of(
                    device,
                    Work.ceil(p.height(), w.strideHeight()),
                    Work.ceil(p.width(), w.strideWidth()),
                    p.outputs() / p.groups(),
                    1,
                    1,
                    span(w.height(), w.dilationHeight(), w.strideHeight()),
                    span(w.width(), w.dilationWidth(), w.strideWidth()),
                    p.batch() * p.copies());
        }

        static long span(long extent, long dilation, long step) {
            return (extent - 1) * dilation / step + 1;
        }
    }

    static long panels(long results) {
        return Work.ceil(results, PANEL);
    }

    /** Elements of a weight's panels, of one copy. */
    private static long packed(Problem p, boolean transposed) {
        long inner = p.channels() / p.groups();
        long each = p.outputs() / p.groups();
        return p.groups() * panels(transposed ? inner : each) * p.taps() * (transposed ? each : inner) * PANEL;
    }

    /** Bytes of the panels of so many copies of a weight. */
    static long packedBytes(Problem p, long copies, boolean transposed) {
        return Float.BYTES * copies * packed(p, transposed);
    }

    static List<Descriptor> forward(Device device, Conv.Forward f) {
        Problem p = f.problem();
        Window w = p.window();
        return List.of(
                new Pack(f.w(), f.scratch(), p, false),
                new Rows(
                        f.x(),
                        f.scratch(),
                        f.bias(),
                        f.y(),
                        p,
                        w.strideHeight(),
                        w.strideWidth(),
                        1,
                        1,
                        false,
                        f.w().shape().extent(0),
                        Parts.forward(device, p),
                        f.scale(),
                        f.add()));
    }

    static List<Descriptor> input(Device device, Conv.Input f) {
        Problem p = f.problem();
        Window w = p.window();
        return List.of(
                new Pack(f.w(), f.scratch(), p, true),
                new Rows(
                        f.dy(),
                        f.scratch(),
                        null,
                        f.dx(),
                        p,
                        1,
                        1,
                        w.strideHeight(),
                        w.strideWidth(),
                        true,
                        f.w().shape().extent(0),
                        Parts.input(device, p),
                        f.scale(),
                        f.add()));
    }

    /**
     * A weight as panels.
     *
     * @param transposed for {@link Conv.Input}
     */
    private record Pack(Tensor w, Tensor packed, Problem p, boolean transposed) implements Descriptor {
        @Override
        public String file() {
            return "conv/conv_direct";
        }

        private long copies() {
            return w.shape().extent(0);
        }

        @Override
        public Signature signature() {
            return Signature.of("conv_pack_f32")
                    .in("w", w, DType.F32)
                    .scratch("packed", packed, DType.F32, packedBytes(p, copies(), transposed))
                    .i32("outputs", (int) p.outputs())
                    .i32("inner", (int) (p.channels() / p.groups()))
                    .i32("taps", (int) p.taps())
                    .i32("groups", p.groups())
                    .i32("transposed", transposed ? 1 : 0)
                    .i64("stride_w", w.elements() / copies());
        }

        @Override
        public Map<String, String> defines(Device device) {
            return constants(device);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.of(Work.cpuGroups(device, w.elements()), copies(), 1, 1, 1);
        }
    }

    /** Rows of the result of a forward product or of an input's gradient. */
    private record Rows(
            Tensor from,
            Tensor packed,
            Tensor bias,
            Tensor to,
            Problem p,
            int fromHeight,
            int fromWidth,
            int toHeight,
            int toWidth,
            boolean backwards,
            long weights,
            Parts parts,
            float scale,
            boolean add)
            implements Descriptor {
        @Override
        public String file() {
            return "conv/conv_direct";
        }

        @Override
        public Signature signature() {
            Window w = p.window();
            return Signature.of("conv_rows_f32")
                    .in("x", from, DType.F32)
                    .scratch("packed", packed, DType.F32, packedBytes(p, weights, backwards))
                    .inOrNull("bias", bias, DType.F32)
                    .tensor("y", to, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false)
                    .i32("batch", (int) p.batch())
                    .i32("height", extent(from, 2))
                    .i32("width", extent(from, 3))
                    .i32("channels", extent(from, 4))
                    .i32("out_height", extent(to, 2))
                    .i32("out_width", extent(to, 3))
                    .i32("results", extent(to, 4))
                    .i32("groups", p.groups())
                    .i32("kernel_height", w.height())
                    .i32("kernel_width", w.width())
                    .i32("from_step_height", fromHeight)
                    .i32("from_step_width", fromWidth)
                    .i32("to_step_height", toHeight)
                    .i32("to_step_width", toWidth)
                    .i32("padding_height", w.paddingHeight())
                    .i32("padding_width", w.paddingWidth())
                    .i32("dilation_height", w.dilationHeight())
                    .i32("dilation_width", w.dilationWidth())
                    .i32("backwards", backwards ? 1 : 0)
                    .i32("bands", parts.bands())
                    .i32("segments", parts.segments())
                    .i32("chunk", parts.chunk())
                    .i64("stride_x", Conv.stride(from))
                    .i64("stride_packed", weights == 1 ? 0 : ConvDirect.packed(p, backwards))
                    .i64("stride_bias", bias == null ? 0 : Conv.stride(bias))
                    .i64("stride_y", Conv.stride(to))
                    .f32("scale", scale)
                    .i32("add", add ? 1 : 0);
        }

        private static int extent(Tensor t, int axis) {
            return Math.toIntExact(t.shape().extent(axis));
        }

        @Override
        public Map<String, String> defines(Device device) {
            return constants(device);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.of(p.batch() * parts.bands() * parts.segments(), p.copies(), 1, 1, 1);
        }

        @Override
        public long flops() {
            return p.flops();
        }
    }
}
