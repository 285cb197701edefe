package dev.sagitta.kernel.pool;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Window;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** What the kernels of pools share: an image [copies, batch, height, width, channels], its output, and the window between them. */
record PoolExtents(Tensor image, Tensor output, Window window) {
    private static final String IMAGES = "[copies, batch, height, width, channels]";

    /** The two are there and of five axes. */
    Signature begin(String entry, String imageName, String outputName) {
        Signature s = Signature.of(entry).present(imageName, image).present(outputName, output);
        s.require(image.shape().rank() == 5, image + " must be " + IMAGES + "; reshape it")
                .require(output.shape().rank() == 5, output + " must be " + IMAGES + "; reshape it");
        return s;
    }

    Signature image(Signature s, String name, Signature.Role role) {
        return s.tensor(name, image, role, DType.F32, false);
    }

    /** The output, as many copies, examples and channels as the image has. */
    Signature output(Signature s, String name, Signature.Role role) {
        return s.tensor(name, output, role, DType.F32, false)
                .exactly(extent(image, 0), extent(image, 1), extent(output, 2), extent(output, 3), extent(image, 4));
    }

    Signature numbers(Signature s) {
        return s.i32("batch", (int) extent(image, 1))
                .i32("height", (int) extent(image, 2))
                .i32("width", (int) extent(image, 3))
                .i32("channels", (int) extent(image, 4))
                .i32("out_height", (int) extent(output, 2))
                .i32("out_width", (int) extent(output, 3))
                .i32("kernel_height", window.height())
                .i32("kernel_width", window.width())
                .i32("stride_height", window.strideHeight())
                .i32("stride_width", window.strideWidth())
                .i32("padding_height", window.paddingHeight())
                .i32("padding_width", window.paddingWidth())
                .i32("dilation_height", window.dilationHeight())
                .i32("dilation_width", window.dilationWidth());
    }

    long copies() {
        return extent(image, 0);
    }

    /** Every window begins within the image or the padding in front, so that none is empty. */
    Signature fits(Signature s) {
        return s.require(
                (extent(output, 2) - 1) * window.strideHeight() < extent(image, 2) + window.paddingHeight()
                        && (extent(output, 3) - 1) * window.strideWidth() < extent(image, 3) + window.paddingWidth(),
                output + " is larger than what " + window + " gives of " + image);
    }

    /** @param items a GPU's work-items of one copy; @param result whose rows a CPU's work-groups share */
    static Geometry geometry(Device device, Tensor result, long items) {
        long copies = result.shape().extent(0);
        if (Work.onCpu(device)) {
            long rows = result.shape().extent(1) * result.shape().extent(2);
            return Geometry.of(Math.max(1, Math.min(rows, Work.cpuGroups(device, result.elements()))), copies, 1, 1, 1);
        }
        return Geometry.of(Math.max(1, Math.min(Work.ceil(items, Work.GROUP), 1 << 20)), copies, 1, Work.GROUP, 1);
    }

    private static long extent(Tensor t, int axis) {
        return t.shape().extent(axis);
    }
}
