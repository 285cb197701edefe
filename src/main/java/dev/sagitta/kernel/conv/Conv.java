package dev.sagitta.kernel.conv;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Window;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * The three products of a convolution (cross-correlation, as networks have it), fp32, over images whose channels are last; groups of channels do not see each other.
 *
 * <pre>
 * forward   y[n, p, o]     = sum over k, c of x[n, p stride - padding + k dilation, c] w[o, c, k]  (+ b[o])
 * input     dx[n, q, c]    = sum over o and all (p, k) that read q of dy[n, p, o] w[o, c, k]
 * weight    dw[o, c, k]    = sum over n, p of dy[n, p, o] x[n, p stride - padding + k dilation, c]
 * </pre>
 *
 * Each tensor has a leading axis of copies: that of the result is K, those of the factors K or 1, and then shared.
 */
public final class Conv {
    private static final String IMAGES = "[copies, batch, height, width, channels]";

    private Conv() {}

    /**
     * Bytes of scratch memory that {@link Forward} and {@link Input} need on a device.
     *
     * @param weights copies of the weight
     * @param towardsInput whether it is {@link Input}
     */
    public static long scratchBytes(Device device, Problem problem, long weights, boolean towardsInput) {
        if (Winograd.serves(device, problem)) {
            return Winograd.packedBytes(problem, weights, towardsInput);
        }
        if (ConvTiles.serves(device, problem)) {
            return ConvTiles.packedBytes(problem, weights);
        }
        return ConvDirect.serves(device, problem) ? ConvDirect.packedBytes(problem, weights, towardsInput) : 0;
    }

    /** The same of {@link Weight}. */
    public static long weightScratchBytes(Device device, Problem problem) {
        if (Winograd.serves(device, problem)) {
            return Winograd.weightBytes(device, problem);
        }
        if (ConvTiles.serves(device, problem)) {
            return ConvTiles.weightBytes(device, problem);
        }
        return ConvDirect.serves(device, problem)
                ? ConvDirectWeight.bytes(device, problem)
                : ConvSlices.weightBytes(device, problem);
    }

    /**
     * What a product is of.
     *
     * @param copies K
     */
    public record Problem(
            long copies,
            long batch,
            long height,
            long width,
            long channels,
            long outputHeight,
            long outputWidth,
            long outputs,
            int groups,
            Window window) {
        /** Of an input, an output, and a weight, each with its copies in front. */
        static Problem of(Tensor x, Tensor y, long copies, int groups, Window window) {
            return new Problem(
                    copies,
                    y.shape().extent(1),
                    x.shape().extent(2),
                    x.shape().extent(3),
                    x.shape().extent(4),
                    y.shape().extent(2),
                    y.shape().extent(3),
                    y.shape().extent(4),
                    groups,
                    window);
        }

        /** Multiply-adds count two. */
        long flops() {
            return 2 * copies * batch * outputHeight * outputWidth * outputs * (channels / groups) * taps();
        }

        /** Positions of the window. */
        long taps() {
            return (long) window.height() * window.width();
        }

        /** Elements of one copy of the weight. */
        long weights() {
            return outputs * (channels / groups) * taps();
        }

        /** Checks what a signature has declared of images and weight, and passes the extents. */
        Signature numbers(Signature s, Tensor x, Tensor w, Tensor y) {
            s.require(
                            channels % groups == 0 && outputs % groups == 0,
                            groups + " groups do not divide " + channels + " channels of " + x + " and " + outputs
                                    + " of " + y)
                    .require(
                            outputHeight <= window.outputHeight(height) && outputWidth <= window.outputWidth(width),
                            y + " is larger than what " + window + " gives of " + x)
                    .require(
                            w.shape().extent(1) == outputs
                                    && w.shape().extent(2) == channels / groups
                                    && w.shape().extent(3) == window.height()
                                    && w.shape().extent(4) == window.width(),
                            w + " has shape " + w.shape() + ", expected [copies, " + outputs + ", " + channels / groups
                                    + ", " + window.height() + ", " + window.width() + "]")
                    .require(
                            x.shape().extent(1) == batch && y.shape().extent(1) == batch,
                            x + " and " + y + " have other numbers of examples");
            for (Tensor t : new Tensor[] {x, w, y}) {
                s.require(
                        t.shape().extent(0) == 1 || t.shape().extent(0) == copies,
                        t + " has " + t.shape().extent(0) + " copies, expected 1 or " + copies);
            }
            return s.i32("batch", (int) batch)
                    .i32("height", (int) height)
                    .i32("width", (int) width)
                    .i32("channels", (int) channels)
                    .i32("out_height", (int) outputHeight)
                    .i32("out_width", (int) outputWidth)
                    .i32("outputs", (int) outputs)
                    .i32("groups", groups)
                    .i32("kernel_height", window.height())
                    .i32("kernel_width", window.width())
                    .i32("stride_height", window.strideHeight())
                    .i32("stride_width", window.strideWidth())
                    .i32("padding_height", window.paddingHeight())
                    .i32("padding_width", window.paddingWidth())
                    .i32("dilation_height", window.dilationHeight())
                    .i32("dilation_width", window.dilationWidth())
                    .i64("stride_x", stride(x))
                    .i64("stride_w", stride(w))
                    .i64("stride_y", stride(y));
        }
    }

    /** Elements from one copy to the next; 0 where all share it. */
    static long stride(Tensor t) {
        long copies = t.shape().extent(0);
        return copies == 1 ? 0 : t.elements() / copies;
    }

    static Geometry each(Device device, long elements, long copies) {
        if (Work.onCpu(device)) {
            return Geometry.of(Work.cpuGroups(device, elements * 16), copies, 1, 1, 1);
        }
        long groups = Math.max(1, Math.min(Work.ceil(elements, Work.GROUP), 1 << 20));
        return Geometry.of(groups, copies, 1, Work.GROUP, 1);
    }

    /** Of the sum of absolute terms: of the definition's, or of those that {@link Winograd} adds up, which reach over a tile. */
    private static Tolerance sums(double terms) {
        return new Tolerance((4 + Math.sqrt(terms)) * 6e-8, 1e-30);
    }

    /**
     * y = scale B(x, w) + bias, or added to y.
     *
     * @param x f32 [1 or K, batch, height, width, channels]
     * @param w f32 [1 or K, outputs, channels / groups, kernel height, kernel width]
     * @param bias f32 [1 or K, outputs], or null
     * @param y f32 [K, batch, out height, out width, outputs]
     */
    public record Forward(
            Tensor x,
            Tensor w,
            Tensor bias,
            Tensor y,
            int groups,
            Window window,
            float scale,
            boolean add,
            Tensor scratch)
            implements Descriptor {
        Problem problem() {
            return Problem.of(x, y, y.shape().extent(0), groups, window);
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("conv_forward_f32")
                    .present("y", y)
                    .in("x", x, DType.F32)
                    .rank(5, IMAGES)
                    .in("w", w, DType.F32)
                    .rank(5, "[copies, outputs, channels, height, width]")
                    .inOrNull("bias", bias, DType.F32)
                    .exactly(
                            bias == null ? 1 : bias.shape().extent(0), y.shape().extent(-1))
                    .tensor("y", y, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false)
                    .rank(5, IMAGES);
            return problem()
                    .numbers(s, x, w, y)
                    .require(
                            bias == null
                                    || bias.shape().extent(0) == 1
                                    || bias.shape().extent(0) == y.shape().extent(0),
                            bias + " has other copies than 1 or those of " + y)
                    .i64("stride_bias", bias == null ? 0 : stride(bias))
                    .f32("scale", scale)
                    .i32("add", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return each(device, y.elements() / problem().copies(), problem().copies());
        }

        @Override
        public List<Descriptor> launches(Device device) {
            if (Winograd.serves(device, problem())) {
                return Winograd.forward(this);
            }
            if (ConvTiles.serves(device, problem())) {
                return ConvTiles.forward(this);
            }
            return ConvDirect.serves(device, problem()) ? ConvDirect.forward(device, this) : List.of(this);
        }

        @Override
        public long flops() {
            return problem().flops();
        }

        @Override
        public Tolerance tolerance() {
            return sums((double) w.elements() / w.shape().extent(0) / w.shape().extent(1));
        }
    }

    /**
     * dx = scale X(dy, w), or added to dx.
     *
     * @param dy f32 [1 or K, batch, out height, out width, outputs]
     * @param w f32 [1 or K, outputs, channels / groups, kernel height, kernel width]
     * @param dx f32 [K, batch, height, width, channels]
     */
    public record Input(
            Tensor dy, Tensor w, Tensor dx, int groups, Window window, float scale, boolean add, Tensor scratch)
            implements Descriptor {
        Problem problem() {
            return Problem.of(dx, dy, dx.shape().extent(0), groups, window);
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("conv_input_f32")
                    .in("dy", dy, DType.F32)
                    .rank(5, IMAGES)
                    .in("w", w, DType.F32)
                    .rank(5, "[copies, outputs, channels, height, width]")
                    .tensor("dx", dx, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false)
                    .rank(5, IMAGES);
            return problem().numbers(s, dx, w, dy).f32("scale", scale).i32("add", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return each(device, dx.elements() / problem().copies(), problem().copies());
        }

        @Override
        public List<Descriptor> launches(Device device) {
            if (Winograd.serves(device, problem())) {
                return Winograd.input(this);
            }
            if (ConvTiles.serves(device, problem())) {
                return ConvTiles.input(this);
            }
            return ConvDirect.serves(device, problem()) ? ConvDirect.input(device, this) : List.of(this);
        }

        @Override
        public long flops() {
            return problem().flops();
        }

        @Override
        public Tolerance tolerance() {
            return sums((double) w.elements() / w.shape().extent(0) / w.shape().extent(2));
        }
    }

    /**
     * dw = W(dy, x), or added to dw.
     *
     * @param dy f32 [1 or K, batch, out height, out width, outputs]
     * @param x f32 [1 or K, batch, height, width, channels]
     * @param dw f32 [K, outputs, channels / groups, kernel height, kernel width]
     */
    public record Weight(Tensor dy, Tensor x, Tensor dw, int groups, Window window, boolean add, Tensor scratch)
            implements Descriptor {
        Problem problem() {
            return Problem.of(x, dy, dw.shape().extent(0), groups, window);
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("conv_weight_f32")
                    .in("dy", dy, DType.F32)
                    .rank(5, IMAGES)
                    .in("x", x, DType.F32)
                    .rank(5, IMAGES)
                    .tensor("dw", dw, add ? Signature.Role.IN_OUT : Signature.Role.OUT, DType.F32, false)
                    .rank(5, "[copies, outputs, channels, height, width]");
            return problem().numbers(s, x, dw, dy).i64("stride_slice", 0).i32("add", add ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return ConvSlices.geometry(problem(), 1);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            if (Winograd.serves(device, problem())) {
                return Winograd.weight(device, this);
            }
            if (ConvTiles.serves(device, problem())) {
                return ConvTiles.weight(device, this);
            }
            if (ConvDirect.serves(device, problem())) {
                return ConvDirectWeight.launches(device, this);
            }
            return ConvSlices.weight(device, this);
        }

        @Override
        public long flops() {
            return problem().flops();
        }

        @Override
        public Tolerance tolerance() {
            return sums(
                    (double) dy.elements() / dy.shape().extent(0) / dy.shape().extent(4));
        }
    }
}
