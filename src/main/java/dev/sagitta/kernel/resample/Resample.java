package dev.sagitta.kernel.resample;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * Rows and columns of an image as weighted sums of another's: formula in {@code resample/resample.gpu.cl}. fp32, channels last.
 *
 * @param x [images, height, width, channels]
 * @param map what {@link AxisTaps#map} gives, of maps from x to y
 * @param weights what {@link AxisTaps#weights} gives
 * @param y [images, out_height, out_width, channels]
 * @param fill what stands where a row or a column has no tap
 */
public record Resample(Tensor x, Tensor map, Tensor weights, Tensor y, float fill) implements Descriptor {
    private static final String IMAGES = "[images, height, width, channels]";

    @Override
    public Signature signature() {
        Signature s = Signature.of("resample_f32")
                .present("x", x)
                .present("y", y)
                .in("x", x, DType.F32)
                .rank(4, IMAGES)
                .in("map", map, DType.I64)
                .in("weights", weights, DType.F32)
                .out("y", y, DType.F32)
                .rank(4, IMAGES)
                .exactly(extent(x, 0), extent(y, 1), extent(y, 2), extent(x, 3));
        long starts = extent(y, 1) + extent(y, 2) + 2;
        return s.require(
                        map.elements() == starts + weights.elements(),
                        map + " must hold " + starts + " starts and the positions of " + weights.elements()
                                + " taps; make it by AxisTaps.map of the same extents")
                .i64("images", extent(x, 0))
                .i32("height", (int) extent(x, 1))
                .i32("width", (int) extent(x, 2))
                .i32("channels", (int) extent(x, 3))
                .i32("out_height", (int) extent(y, 1))
                .i32("out_width", (int) extent(y, 2))
                .f32("fill", fill);
    }

    private static long extent(Tensor t, int axis) {
        return t.shape().extent(axis);
    }

    @Override
    public Geometry geometry(Device device) {
        if (Work.onCpu(device)) {
            long rows = extent(y, 0) * extent(y, 1);
            return Geometry.of(Math.max(1, Math.min(rows, Work.cpuGroups(device, y.elements()))), 1, 1, 1, 1);
        }
        return Geometry.of(Math.max(1, Math.min(Work.ceil(y.elements(), Work.GROUP), 1 << 20)), 1, 1, Work.GROUP, 1);
    }
}
