package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.model.ModelSpec;
import java.util.List;

/**
 * Llama and those that share its names: RMS norms before, rotary positions by halves, keys and values for groups of heads, a gated linear unit. Mistral
 * has a sliding window, Qwen2 biases of queries, keys and values.
 */
final class Llama implements Architecture {
    private static final double EPSILON = 1e-6;
    private static final double BASE = 10_000;
    private static final String LLAMA = "LlamaForCausalLM";
    private static final String MISTRAL = "MistralForCausalLM";
    private static final String QWEN2 = "Qwen2ForCausalLM";

    private static final NameTable NAMES = NameTable.of("model.", """
            tokens.weight              model.embed_tokens.weight
            layers.{i}.norm1.weight    model.layers.{i}.input_layernorm.weight
            layers.{i}.q.weight        model.layers.{i}.self_attn.q_proj.weight
            layers.{i}.q.bias          model.layers.{i}.self_attn.q_proj.bias
            layers.{i}.k.weight        model.layers.{i}.self_attn.k_proj.weight
            layers.{i}.k.bias          model.layers.{i}.self_attn.k_proj.bias
            layers.{i}.v.weight        model.layers.{i}.self_attn.v_proj.weight
            layers.{i}.v.bias          model.layers.{i}.self_attn.v_proj.bias
            layers.{i}.out.weight      model.layers.{i}.self_attn.o_proj.weight
            layers.{i}.out.bias        model.layers.{i}.self_attn.o_proj.bias
            layers.{i}.norm2.weight    model.layers.{i}.post_attention_layernorm.weight
            layers.{i}.gate.weight     model.layers.{i}.mlp.gate_proj.weight
            layers.{i}.gate.bias       model.layers.{i}.mlp.gate_proj.bias
            layers.{i}.up.weight       model.layers.{i}.mlp.up_proj.weight
            layers.{i}.up.bias         model.layers.{i}.mlp.up_proj.bias
            layers.{i}.down.weight     model.layers.{i}.mlp.down_proj.weight
            layers.{i}.down.bias       model.layers.{i}.mlp.down_proj.bias
            norm.weight                model.norm.weight
            head.weight                lm_head.weight optional
            -                          model.layers.{i}.self_attn.rotary_emb.inv_freq
            -                          model.rotary_emb.inv_freq
            """);

    @Override
    public List<String> classes() {
        return List.of(LLAMA, MISTRAL, QWEN2);
    }

    @Override
    public NameTable names() {
        return NAMES;
    }

    @Override
    public int longest(Config config) {
        return config.extent("max_position_embeddings", 2048);
    }

    @Override
    public ModelSpec network(Config config, String kind, int context) {
        config.requireAbsent("partial_rotary_factor");
        config.requireFlag("use_mrope", false, false);
        int width = config.extent("hidden_size");
        int heads = config.extent("num_attention_heads");
        int groups = config.extent("num_key_value_heads", heads);
        int layers = config.extent("num_hidden_layers");
        if (!config.has("head_dim") && width % heads != 0) {
            throw config.error("'num_attention_heads' is " + heads + ", which does not divide 'hidden_size' " + width);
        }
        int size = config.extent("head_dim", width / heads);
        double epsilon = config.number("rms_norm_eps", 0, 1, EPSILON);
        boolean qwen = kind.equals(QWEN2);
        boolean bias = config.flag("attention_bias", false);
        boolean wide = config.flag("mlp_bias", false);
        int window = window(config, kind, layers);
        LayersJson all = LayersJson.ids(context, ModelSpec.CROSS_ENTROPY);
        all.embedding(config, "tokens", config.extent("vocab_size"), width);
        LayersJson block = all.repeat(layers);
        block.add("rms_norm", "norm1", "{in}").put("epsilon", epsilon);
        linear(block, "q", "norm1", (long) heads * size, bias || qwen);
        linear(block, "k", "norm1", (long) groups * size, bias || qwen);
        linear(block, "v", "norm1", (long) groups * size, bias || qwen);
        ObjectNode attention = block.add("attention", "attention", "q", "k", "v")
                .put("heads", heads)
                .put("key_value_heads", groups)
                .put("causal", true);
        if (window > 0) {
            attention.put("window", window);
        }
        rotary(config, attention.putObject("rotary"));
        linear(block, "out", "attention", width, bias);
        block.add("add", "mixed", "{in}", "out");
        block.add("rms_norm", "norm2").put("epsilon", epsilon);
        linear(block, "gate", "norm2", config.extent("intermediate_size"), wide);
        block.add(config.choice("hidden_act", "silu", FUNCTIONS), "function");
        linear(block, "up", "norm2", config.extent("intermediate_size"), wide);
        block.add("multiply", "gated", "function", "up");
        linear(block, "down", "gated", width, wide);
        block.add("add", "result", "mixed", "down");
        all.add("rms_norm", "norm").put("epsilon", epsilon);
        if (config.flag("tie_word_embeddings", false)) {
            all.add("linear", "head").put("tied", "tokens.weight");
        } else {
            all.add("linear", "head").put("out", config.extent("vocab_size")).put("bias", false);
        }
        return all.parse(kind);
    }

    private static void linear(LayersJson block, String name, String from, long out, boolean bias) {
        ObjectNode linear = block.add("linear", name, from).put("out", out);
        if (!bias) {
            linear.put("bias", false);
        }
    }

    /** Keys that a query sees; 0 for all. One window for all layers, or none. */
    private static int window(Config config, String kind, int layers) {
        int window = config.count("sliding_window", 0);
        if (window > 0 && kind.equals(LLAMA)) {
            throw config.unsupported("sliding_window", "it is of " + MISTRAL + " and " + QWEN2);
        }
        if (kind.equals(QWEN2) && !config.flag("use_sliding_window", false)) {
            window = 0;
        }
        // Qwen2: the layers from this one on have the window
        int from = config.count("max_window_layers", 0);
        if (kind.equals(QWEN2) && window > 0 && from > 0 && from < layers) {
            throw config.unsupported(
                    "max_window_layers", "expected 0 or at least " + layers + ": one window for all layers");
        }
        if (kind.equals(QWEN2) && from >= layers) {
            window = 0;
        }
        List<String> types = config.texts("layer_types");
        String wanted = window > 0 ? "sliding_attention" : "full_attention";
        if (types.stream().anyMatch(type -> !type.equals(wanted))) {
            throw config.unsupported("layer_types", "expected \"" + wanted + "\" for every layer");
        }
        return window;
    }

    /** {@code rope_theta} and {@code rope_scaling}, or both in the {@code rope_parameters} of newer files. */
    private static void rotary(Config config, ObjectNode rotary) {
        String key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        Config scaling = config.object(key);
        double base = config.number("rope_theta", 1, 1e12, BASE);
        if (scaling != null) {
            base = scaling.number("rope_theta", 1, 1e12, base);
        }
        rotary.put("base", base);
        String type = scaling == null ? "default" : scaling.text("rope_type", scaling.text("type", "default"));
        switch (type) {
            case "default" -> {}
            case "linear" -> rotary.put("factor", scaling.number("factor", 1e-6, 1e6, 1));
            case "llama3" ->
                rotary.put("factor", scaling.number("factor", 1e-6, 1e6, 1))
                        .put("low", scaling.number("low_freq_factor", 1e-6, 1e6, 1))
                        .put("high", scaling.number("high_freq_factor", 1e-6, 1e6, 4))
                        .put("original", scaling.extent("original_max_position_embeddings"));
            default ->
                throw scaling.unsupported(
                        scaling.has("rope_type") ? "rope_type" : "type", "supported: default, linear, llama3");
        }
    }

    @Override
    public ObjectNode config(NamedLayers layers) {
        if (!layers.type("layers.0.gate").equals("linear")
                || !layers.type("layers.0.norm1").equals("rms_norm")) {
            return null;
        }
        String attention = "layers.0.attention";
        long heads = layers.integer(attention, "heads", 1);
        long window = layers.integer(attention, "window", 0);
        boolean biases = layers.flag("layers.0.q", "bias", true);
        boolean outBias = layers.flag("layers.0.out", "bias", true);
        String kind = biases && !outBias ? QWEN2 : window > 0 ? MISTRAL : LLAMA;
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add(kind);
        config.put("model_type", kind.equals(QWEN2) ? "qwen2" : kind.equals(MISTRAL) ? "mistral" : "llama");
        config.put("vocab_size", layers.vocabulary());
        config.put("max_position_embeddings", layers.context());
        config.put("hidden_size", layers.integer("tokens", "width", 0));
        config.put("intermediate_size", layers.integer("layers.0.gate", "out", 0));
        config.put("num_hidden_layers", layers.blocks());
        config.put("num_attention_heads", heads);
        config.put("num_key_value_heads", layers.integer(attention, "key_value_heads", heads));
        config.put("head_dim", layers.integer("layers.0.q", "out", 0) / heads);
        config.put("hidden_act", layers.type("layers.0.function").replace("gelu_tanh", "gelu_pytorch_tanh"));
        config.put("rms_norm_eps", layers.number("norm", "epsilon", 1e-5));
        config.put("attention_bias", biases && outBias);
        config.put("mlp_bias", layers.flag("layers.0.gate", "bias", true));
        if (window > 0) {
            config.put("sliding_window", window);
            config.put("use_sliding_window", true);
            config.put("max_window_layers", 0);
        }
        rotary(layers, attention, config);
        config.put("tie_word_embeddings", layers.value("head", "tied") != null);
        layers.putDeviation(config);
        return config;
    }

    private static void rotary(NamedLayers layers, String attention, ObjectNode config) {
        config.put("rope_theta", layers.number(attention, "rotary", "base", BASE));
        double factor = layers.number(attention, "rotary", "factor", 1);
        double original = layers.number(attention, "rotary", "original", 0);
        if (original > 0) {
            config.putObject("rope_scaling")
                    .put("rope_type", "llama3")
                    .put("factor", factor)
                    .put("low_freq_factor", layers.number(attention, "rotary", "low", 1))
                    .put("high_freq_factor", layers.number(attention, "rotary", "high", 4))
                    .put("original_max_position_embeddings", (long) original);
        } else if (factor != 1) {
            config.putObject("rope_scaling").put("rope_type", "linear").put("factor", factor);
        }
    }
}
