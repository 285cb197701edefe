package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Small folders of Hugging Face's layout, written down name by name as its own code calls and shapes them; weights are random. */
final class Folders {
    static final String GPT2 = """
            {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new", "attn_pdrop": 0.1, "bos_token_id": 50256,
             "layer_norm_epsilon": 1e-05, "n_ctx": 16, "n_embd": 8, "n_head": 2, "n_layer": 2, "n_positions": 16, "vocab_size": 11}""";

    static final List<String> GPT2_TENSORS = expand(2, """
            transformer.wte.weight 11 8
            transformer.wpe.weight 16 8
            transformer.h.{i}.ln_1.weight 8
            transformer.h.{i}.ln_1.bias 8
            transformer.h.{i}.attn.c_attn.weight 8 24
            transformer.h.{i}.attn.c_attn.bias 24
            transformer.h.{i}.attn.c_proj.weight 8 8
            transformer.h.{i}.attn.c_proj.bias 8
            transformer.h.{i}.ln_2.weight 8
            transformer.h.{i}.ln_2.bias 8
            transformer.h.{i}.mlp.c_fc.weight 8 32
            transformer.h.{i}.mlp.c_fc.bias 32
            transformer.h.{i}.mlp.c_proj.weight 32 8
            transformer.h.{i}.mlp.c_proj.bias 8
            transformer.ln_f.weight 8
            transformer.ln_f.bias 8
            """);

    static final String LLAMA = """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 8, "intermediate_size": 12,
             "max_position_embeddings": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "head_dim": null,
             "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0, "tie_word_embeddings": false, "vocab_size": 13}""";

    static final List<String> LLAMA_TENSORS = expand(2, """
            model.embed_tokens.weight 13 8
            model.layers.{i}.input_layernorm.weight 8
            model.layers.{i}.self_attn.q_proj.weight 8 8
            model.layers.{i}.self_attn.k_proj.weight 4 8
            model.layers.{i}.self_attn.v_proj.weight 4 8
            model.layers.{i}.self_attn.o_proj.weight 8 8
            model.layers.{i}.post_attention_layernorm.weight 8
            model.layers.{i}.mlp.gate_proj.weight 12 8
            model.layers.{i}.mlp.up_proj.weight 12 8
            model.layers.{i}.mlp.down_proj.weight 8 12
            model.norm.weight 8
            lm_head.weight 13 8
            """);

    static final List<String> BIASES = expand(2, """
            model.layers.{i}.self_attn.q_proj.bias 8
            model.layers.{i}.self_attn.k_proj.bias 4
            model.layers.{i}.self_attn.v_proj.bias 4
            """);

    static final String BERT = """
            {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 8, "intermediate_size": 12,
             "layer_norm_eps": 1e-12, "max_position_embeddings": 16, "num_attention_heads": 2, "num_hidden_layers": 2,
             "position_embedding_type": "absolute", "type_vocab_size": 2, "vocab_size": 17}""";

    static final List<String> BERT_TENSORS = expand(2, """
            embeddings.word_embeddings.weight 17 8
            embeddings.position_embeddings.weight 16 8
            embeddings.token_type_embeddings.weight 2 8
            embeddings.LayerNorm.weight 8
            embeddings.LayerNorm.bias 8
            encoder.layer.{i}.attention.self.query.weight 8 8
            encoder.layer.{i}.attention.self.query.bias 8
            encoder.layer.{i}.attention.self.key.weight 8 8
            encoder.layer.{i}.attention.self.key.bias 8
            encoder.layer.{i}.attention.self.value.weight 8 8
            encoder.layer.{i}.attention.self.value.bias 8
            encoder.layer.{i}.attention.output.dense.weight 8 8
            encoder.layer.{i}.attention.output.dense.bias 8
            encoder.layer.{i}.attention.output.LayerNorm.weight 8
            encoder.layer.{i}.attention.output.LayerNorm.bias 8
            encoder.layer.{i}.intermediate.dense.weight 12 8
            encoder.layer.{i}.intermediate.dense.bias 12
            encoder.layer.{i}.output.dense.weight 8 12
            encoder.layer.{i}.output.dense.bias 8
            encoder.layer.{i}.output.LayerNorm.weight 8
            encoder.layer.{i}.output.LayerNorm.bias 8
            """);

    static final List<String> POOLER = List.of("pooler.dense.weight 8 8", "pooler.dense.bias 8");

    static final List<String> CLASSIFIER = List.of("classifier.weight 3 8", "classifier.bias 3");

    static final List<String> MASKED = List.of(
            "cls.predictions.transform.dense.weight 8 8",
            "cls.predictions.transform.dense.bias 8",
            "cls.predictions.transform.LayerNorm.weight 8",
            "cls.predictions.transform.LayerNorm.bias 8",
            "cls.predictions.bias 17");

    private Folders() {}

    private static List<String> expand(int layers, String patterns) {
        List<String> lines = new ArrayList<>();
        patterns.lines().filter(line -> !line.contains("{i}")).forEach(lines::add);
        for (int i = 0; i < layers; i++) {
            String index = Integer.toString(i);
            patterns.lines()
                    .filter(line -> line.contains("{i}"))
                    .map(line -> line.replace("{i}", index))
                    .forEach(lines::add);
        }
        return lines;
    }

    /** A config with other values, given as JSON. */
    static String with(String config, String... keysAndValues) {
        try {
            ObjectNode json = (ObjectNode) new ObjectMapper().readTree(config);
            for (int i = 0; i < keysAndValues.length; i += 2) {
                json.set(keysAndValues[i], new ObjectMapper().readTree(keysAndValues[i + 1]));
            }
            return json.toString();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A config of another class. */
    static String of(String architecture, String config) {
        return with(config, "architectures", "[\"" + architecture + "\"]");
    }

    /** BERT's, as they stand within another network. */
    static List<String> prefixed(List<String> lines) {
        return lines.stream().map(line -> "bert." + line).toList();
    }

    @SafeVarargs
    static List<String> all(List<String>... lists) {
        return Arrays.stream(lists).flatMap(List::stream).toList();
    }

    /** Random weights: a line is a name and extents. */
    static List<HostTensor> tensors(List<String> lines, DType dtype) {
        Random random = new Random(7);
        return lines.stream()
                .map(line -> {
                    String[] words = line.split(" ");
                    long[] extents = Arrays.stream(words)
                            .skip(1)
                            .mapToLong(Long::parseLong)
                            .toArray();
                    Shape shape = Shape.of(extents);
                    float[] values = new float[(int) shape.elements()];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) random.nextGaussian() / 4;
                    }
                    return HostTensor.of(words[0], shape, values).convert(dtype);
                })
                .toList();
    }

    static Path write(Path folder, String config, List<String> lines) {
        return write(folder, config, tensors(lines, DType.F32), Map.of());
    }

    static Path write(Path folder, String config, List<HostTensor> tensors, Map<String, String> metadata) {
        config(folder, config);
        SafetensorsFile.write(folder.resolve("model.safetensors"), metadata, tensors);
        return folder;
    }

    /** In two files and an index. */
    static Path sharded(Path folder, String config, List<HostTensor> tensors) {
        config(folder, config);
        int half = tensors.size() / 2;
        List<List<HostTensor>> parts = List.of(tensors.subList(0, half), tensors.subList(half, tensors.size()));
        List<String> map = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            String name = "model-0000" + (i + 1) + "-of-00002.safetensors";
            SafetensorsFile.write(folder.resolve(name), Map.of("format", "pt"), parts.get(i));
            parts.get(i).forEach(tensor -> map.add("\"" + tensor.name() + "\": \"" + name + "\""));
        }
        index(folder, String.join(", ", map));
        return folder;
    }

    static void index(Path folder, String map) {
        AtomicFile.writeText(
                folder.resolve("model.safetensors.index.json"),
                "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {" + map + "}}");
    }

    static void config(Path folder, String config) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        AtomicFile.writeText(folder.resolve("config.json"), config);
    }
}
