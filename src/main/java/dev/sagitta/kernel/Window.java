package dev.sagitta.kernel;

/**
 * A window that moves over an image, as convolutions and pools have it: position o of the output's axis reads positions o stride - padding + k dilation of the
 * input's, k below the window's extent; those outside of the input are padding.
 *
 * @param height positions along the image's first axis; 1 of a signal, which is an image of height 1
 * @param width positions along its second axis
 */
public record Window(
        int height,
        int width,
        int strideHeight,
        int strideWidth,
        int paddingHeight,
        int paddingWidth,
        int dilationHeight,
        int dilationWidth) {
    /** Extent of the output along the first axis, for an input's. */
    public long outputHeight(long input) {
        return outputs(input, height, strideHeight, paddingHeight, dilationHeight);
    }

    /** Extent of the output along the second axis. */
    public long outputWidth(long input) {
        return outputs(input, width, strideWidth, paddingWidth, dilationWidth);
    }

    /** Positions of a window within a padded axis; below 1 where it does not fit. */
    private static long outputs(long input, long extent, long stride, long padding, long dilation) {
        return Math.floorDiv(input + 2 * padding - dilation * (extent - 1) - 1, stride) + 1;
    }

    /** Whether it is one position that does not skip any: what is computed by it is computed pixel by pixel. */
    public boolean isPixel() {
        return height == 1
                && width == 1
                && strideHeight == 1
                && strideWidth == 1
                && paddingHeight == 0
                && paddingWidth == 0;
    }
}
