package dev.sagitta.io.vision;

/**
 * A vision transformer (Dosovitskiy et al., "An image is worth 16x16 words", 2020), its layers called as torchvision's {@code vit_b_16}; of DeiT's size where it is tiny
 * (Touvron et al., 2020).
 *
 * @param patch height and width of a patch, which is a position
 */
record VisionTransformer(int patch, int width, int heads, int depth) implements VisionNetwork.Layers {
    private static final int WIDENING = 4;
    private static final double EPSILON = 1e-6;

    static VisionTransformer of(int patch, int width, int heads, int depth) {
        return new VisionTransformer(patch, width, heads, depth);
    }

    @Override
    public void add(NetworkText text, int classes) {
        String x = text.add("conv2d", "conv_proj", text.input(), "out", width, "kernel", patch, "stride", patch);
        x = text.add("tokens", "patches", x);
        x = text.add("class_token", "class_token", x);
        x = text.add("position", "encoder.pos_embedding", x);
        for (int i = 0; i < depth; i++) {
            x = block(text, "encoder.layers.encoder_layer_" + i + ".", x);
        }
        x = text.add("layer_norm", "encoder.ln", x, "epsilon", EPSILON);
        x = text.add("cls", "first", x);
        text.add("linear", "heads.head", x, "out", classes);
    }

    private String block(NetworkText text, String name, String in) {
        String x = text.add("layer_norm", name + "ln_1", in, "epsilon", EPSILON);
        x = text.add("linear", name + "self_attention.in_proj", x, "out", 3 * width);
        x = text.add("attention", name + "self_attention", x, "heads", heads);
        x = text.add("linear", name + "self_attention.out_proj", x, "out", width);
        String mixed = text.join("add", name + "mixed", new String[] {in, x});
        x = text.add("layer_norm", name + "ln_2", mixed, "epsilon", EPSILON);
        x = text.add("linear", name + "mlp.0", x, "out", WIDENING * width);
        x = text.add("gelu", name + "mlp.1", x);
        x = text.add("linear", name + "mlp.3", x, "out", width);
        return text.join("add", name + "result", new String[] {mixed, x});
    }
}
