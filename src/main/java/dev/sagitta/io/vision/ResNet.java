package dev.sagitta.io.vision;

/**
 * Residual networks (He et al., "Deep residual learning for image recognition", 2015). Where a block changes the width or the size, its shortcut is a convolution of 1 x 1 with
 * a batch norm; of the deeper ones' blocks the 3 x 3 has the stride, as torchvision's.
 *
 * @param width of the first stage; each further one has twice as much and, but for the first, half the height and width
 * @param expansion of a block's output against its convolution of 3 x 3
 * @param isSmall whether the images are small: a stem of 3 x 3, and nothing is halved before the first stage
 * @param blocks of each stage
 */
record ResNet(int width, int expansion, boolean isSmall, int... blocks) implements VisionNetwork.Layers {
    private static final int WIDTH = 64;
    private static final int EXPANSION = 4;
    private static final int STEM = 7;

    /** ResNet-20 and those like it. */
    static ResNet small(int width, int... blocks) {
        return new ResNet(width, 1, true, blocks);
    }

    /** ResNet-18, ResNet-34. */
    static ResNet basic(int... blocks) {
        return new ResNet(WIDTH, 1, false, blocks);
    }

    /** ResNet-50 and deeper. */
    static ResNet bottlenecks(int... blocks) {
        return new ResNet(WIDTH, EXPANSION, false, blocks);
    }

    @Override
    public void add(NetworkText text, int classes) {
        String x = text.normed("conv1", "bn1", text.input(), width, isSmall ? 3 : STEM, isSmall ? 1 : 2, 1);
        x = text.add("relu", "relu", x);
        if (!isSmall) {
            x = text.add("max_pool2d", "maxpool", x, "kernel", 3, "stride", 2, "padding", 1);
        }
        int channels = width;
        for (int stage = 0; stage < blocks.length; stage++) {
            for (int i = 0; i < blocks[stage]; i++) {
                int inner = width << stage;
                int stride = stage > 0 && i == 0 ? 2 : 1;
                x = block(text, "layer" + (stage + 1) + "." + i + ".", x, channels, inner, stride);
                channels = inner * expansion;
            }
        }
        x = text.add("global_avg_pool", "avgpool", x);
        text.add("linear", "fc", x, "out", classes);
    }

    private String block(NetworkText text, String name, String in, int channels, int inner, int stride) {
        int out = inner * expansion;
        String x;
        if (expansion == 1) {
            x = text.normed(name + "conv1", name + "bn1", in, inner, 3, stride, 1);
            x = text.add("relu", name + "relu1", x);
            x = text.normed(name + "conv2", name + "bn2", x, out, 3, 1, 1);
        } else {
            x = text.normed(name + "conv1", name + "bn1", in, inner, 1, 1, 1);
            x = text.add("relu", name + "relu1", x);
            x = text.normed(name + "conv2", name + "bn2", x, inner, 3, stride, 1);
            x = text.add("relu", name + "relu2", x);
            x = text.normed(name + "conv3", name + "bn3", x, out, 1, 1, 1);
        }
        boolean changes = stride != 1 || channels != out;
        String shortcut =
                changes ? text.normed(name + "downsample.0", name + "downsample.1", in, out, 1, stride, 1) : in;
        x = text.join("add", name + "add", new String[] {x, shortcut});
        return text.add("relu", name + "relu", x);
    }
}
