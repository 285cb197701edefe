package dev.sagitta.io.vision;

/** MobileNetV2 (Sandler et al., "Inverted residuals and linear bottlenecks", 2018) with torchvision's names, which count the modules of each block. */
final class MobileNetV2 {
    private static final int STEM = 32;
    private static final int LAST = 1280;
    private static final double DROPOUT = 0.2;

    /** Of each stage: how much wider a block is within, channels, blocks, stride of the first. */
    private static final int[][] STAGES = {
        {1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}
    };

    private MobileNetV2() {}

    static void layers(NetworkText text, int classes) {
        int features = 0;
        String x = unit(text, "features." + features++, text.input(), STEM, 3, 2, 1);
        int channels = STEM;
        for (int[] stage : STAGES) {
            for (int i = 0; i < stage[2]; i++) {
                x = block(text, "features." + features++, x, channels, stage[0], stage[1], i == 0 ? stage[3] : 1);
                channels = stage[1];
            }
        }
        x = unit(text, "features." + features, x, LAST, 1, 1, 1);
        x = text.add("global_avg_pool", "avgpool", x);
        x = text.add("dropout", "classifier.0", x, "p", DROPOUT);
        text.add("linear", "classifier.1", x, "out", classes);
    }

    /** Convolution, norm and ReLU6: modules 0, 1 and 2 of {@code name}. */
    private static String unit(NetworkText text, String name, String in, int out, int kernel, int stride, int groups) {
        String x = text.normed(name + ".0", name + ".1", in, out, kernel, stride, groups);
        return text.add("relu6", name + ".2", x);
    }

    private static String block(
            NetworkText text, String name, String in, int channels, int wider, int out, int stride) {
        String conv = name + ".conv.";
        int inner = channels * wider;
        int module = 0;
        String x = in;
        if (wider != 1) {
            x = unit(text, conv + module++, x, inner, 1, 1, 1);
        }
        x = unit(text, conv + module++, x, inner, 3, stride, inner);
        x = text.normed(conv + module, conv + (module + 1), x, out, 1, 1, 1);
        return stride == 1 && channels == out ? text.join("add", name + ".add", new String[] {in, x}) : x;
    }
}
