package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.model.ModelSpec;
import java.util.List;

/** GPT-2: learned positions, norms before, queries, keys and values in one product, output tied to the embedding. */
final class Gpt2 implements Architecture {
    private static final double EPSILON = 1e-5;
    private static final long WIDENING = 4;

    private static final NameTable NAMES = NameTable.of("transformer.", """
            tokens.weight              transformer.wte.weight
            positions.weight           transformer.wpe.weight
            layers.{i}.norm1.weight    transformer.h.{i}.ln_1.weight
            layers.{i}.norm1.bias      transformer.h.{i}.ln_1.bias
            layers.{i}.qkv.weight      transformer.h.{i}.attn.c_attn.weight transposed
            layers.{i}.qkv.bias        transformer.h.{i}.attn.c_attn.bias
            layers.{i}.out.weight      transformer.h.{i}.attn.c_proj.weight transposed
            layers.{i}.out.bias        transformer.h.{i}.attn.c_proj.bias
            layers.{i}.norm2.weight    transformer.h.{i}.ln_2.weight
            layers.{i}.norm2.bias      transformer.h.{i}.ln_2.bias
            layers.{i}.up.weight       transformer.h.{i}.mlp.c_fc.weight transposed
            layers.{i}.up.bias         transformer.h.{i}.mlp.c_fc.bias
            layers.{i}.down.weight     transformer.h.{i}.mlp.c_proj.weight transposed
            layers.{i}.down.bias       transformer.h.{i}.mlp.c_proj.bias
            norm.weight                transformer.ln_f.weight
            norm.bias                  transformer.ln_f.bias
            head.weight                lm_head.weight optional
            -                          transformer.h.{i}.attn.bias
            -                          transformer.h.{i}.attn.masked_bias
            """);

    @Override
    public List<String> classes() {
        return List.of("GPT2LMHeadModel");
    }

    @Override
    public NameTable names() {
        return NAMES;
    }

    @Override
    public int longest(Config config) {
        return config.extent("n_positions", config.extent("n_ctx", 1024));
    }

    @Override
    public ModelSpec network(Config config, String kind, int context) {
        config.requireFlag("scale_attn_by_inverse_layer_idx", false, false);
        config.requireFlag("add_cross_attention", false, false);
        int width = config.extent("n_embd");
        int heads = config.extent("n_head");
        String function = config.choice("activation_function", "gelu_new", FUNCTIONS);
        double epsilon = config.number("layer_norm_epsilon", 0, 1, EPSILON);
        LayersJson all = LayersJson.ids(context, ModelSpec.CROSS_ENTROPY);
        all.embedding(config, "tokens", config.extent("vocab_size"), width);
        all.position(longest(config));
        LayersJson block = all.repeat(config.extent("n_layer"));
        block.add("layer_norm", "norm1", "{in}").put("epsilon", epsilon);
        block.add("linear", "qkv").put("out", 3L * width);
        ObjectNode attention =
                block.add("attention", "attention").put("heads", heads).put("causal", true);
        if (!config.flag("scale_attn_weights", true)) {
            attention.put("scale", 1.0);
        }
        block.add("linear", "out").put("out", width);
        block.add("add", "mixed", "{in}", "out");
        block.add("layer_norm", "norm2").put("epsilon", epsilon);
        block.add("linear", "up").put("out", config.has("n_inner") ? config.extent("n_inner") : WIDENING * width);
        block.add(function, "function");
        block.add("linear", "down").put("out", width);
        block.add("add", "result", "mixed", "down");
        all.add("layer_norm", "norm").put("epsilon", epsilon);
        if (config.flag("tie_word_embeddings", true)) {
            all.add("linear", "head").put("tied", "tokens.weight");
        } else {
            all.add("linear", "head").put("out", config.extent("vocab_size")).put("bias", false);
        }
        return all.parse(kind);
    }

    @Override
    public ObjectNode config(NamedLayers layers) {
        if (!layers.type("layers.0.qkv").equals("linear") || !layers.has("positions")) {
            return null;
        }
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add("GPT2LMHeadModel");
        config.put("model_type", "gpt2");
        config.put("vocab_size", layers.vocabulary());
        config.put("n_positions", layers.integer("positions", "rows", layers.context()));
        config.put("n_embd", layers.integer("tokens", "width", 0));
        config.put("n_layer", layers.blocks());
        config.put("n_head", layers.integer("layers.0.attention", "heads", 0));
        config.put("n_inner", layers.integer("layers.0.up", "out", 0));
        config.put("activation_function", theirs(layers.type("layers.0.function")));
        config.put("layer_norm_epsilon", layers.number("norm", "epsilon", EPSILON));
        config.put("scale_attn_weights", layers.value("layers.0.attention", "scale") == null);
        config.put("tie_word_embeddings", layers.value("head", "tied") != null);
        layers.putDeviation(config);
        return config;
    }

    /** GPT-2's own name for GELU by tanh, the others as they are. */
    private static String theirs(String function) {
        return function.equals("gelu_tanh") ? "gelu_new" : function;
    }
}
