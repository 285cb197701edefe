package dev.sagitta.io.vision;

/** Networks that are small enough to be measured and tried on any machine. */
final class SmallNetworks {
    private static final int[] CONVNET = {32, 64, 128};
    private static final int[] UNET = {16, 32, 64};

    private SmallNetworks() {}

    /** Convolutions of 3 x 3, each with ReLU and a maximum over 2 x 2, and a linear layer. */
    static void convnet(NetworkText text, int classes) {
        String x = text.input();
        for (int i = 1; i <= CONVNET.length; i++) {
            x = text.add("conv2d", "conv" + i, x, "out", CONVNET[i - 1], "kernel", 3, "padding", 1);
            x = text.add("relu", "relu" + i, x);
            x = text.add("max_pool2d", "pool" + i, x, "kernel", 2);
        }
        x = text.add("flatten", "flatten", x);
        text.add("linear", "fc", x, "out", classes);
    }

    /**
     * A U-Net (Ronneberger et al., "Convolutional networks for biomedical image segmentation", 2015) with batch norms: logits of classes for each pixel. Height and width are to be
     * multiples of 8.
     */
    static void unet(NetworkText text, int classes) {
        String x = text.input();
        String[] skips = new String[UNET.length];
        for (int i = 0; i < UNET.length; i++) {
            skips[i] = twice(text, "encoder" + (i + 1) + ".", x, UNET[i]);
            x = text.add("max_pool2d", "pool" + (i + 1), skips[i], "kernel", 2);
        }
        x = twice(text, "bottleneck.", x, 2 * UNET[UNET.length - 1]);
        for (int i = UNET.length - 1; i >= 0; i--) {
            x = text.add("conv_transpose2d", "upconv" + (i + 1), x, "out", UNET[i], "kernel", 2, "stride", 2);
            x = text.join("concat", "concat" + (i + 1), new String[] {x, skips[i]}, "axis", 0);
            x = twice(text, "decoder" + (i + 1) + ".", x, UNET[i]);
        }
        text.add("conv2d", "conv", x, "out", classes, "kernel", 1);
    }

    private static String twice(NetworkText text, String name, String in, int out) {
        String x = in;
        for (int i = 1; i <= 2; i++) {
            x = text.normed(name + "conv" + i, name + "norm" + i, x, out, 3, 1, 1);
            x = text.add("relu", name + "relu" + i, x);
        }
        return x;
    }
}
