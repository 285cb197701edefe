package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.model.ModelSpec;
import java.util.List;

/**
 * BERT: norms after each residual, learned positions, attention both ways over the first {@code lengths} tokens; inputs {@code types} [T] and
 * {@code lengths} [] beside the ids. The bare network gives its last hidden state, the classifier reads its first token through the pooler, the masked
 * language model has an output per token, tied to the embedding. A pooler that a file has for a network without one is kept beside it.
 */
final class Bert implements Architecture {
    private static final double EPSILON = 1e-12;
    private static final String BARE = "BertModel";
    private static final String MASKED = "BertForMaskedLM";
    private static final String CLASSIFIER = "BertForSequenceClassification";
    private static final String TYPES = "types";
    private static final String LENGTHS = "lengths";

    private static final NameTable NAMES = NameTable.of("bert.", """
            tokens.weight                bert.embeddings.word_embeddings.weight
            positions.weight             bert.embeddings.position_embeddings.weight
            token_types.weight           bert.embeddings.token_type_embeddings.weight
            embedding_norm.weight        bert.embeddings.LayerNorm.weight
            embedding_norm.bias          bert.embeddings.LayerNorm.bias
            layers.{i}.q.weight          bert.encoder.layer.{i}.attention.self.query.weight
            layers.{i}.q.bias            bert.encoder.layer.{i}.attention.self.query.bias
            layers.{i}.k.weight          bert.encoder.layer.{i}.attention.self.key.weight
            layers.{i}.k.bias            bert.encoder.layer.{i}.attention.self.key.bias
            layers.{i}.v.weight          bert.encoder.layer.{i}.attention.self.value.weight
            layers.{i}.v.bias            bert.encoder.layer.{i}.attention.self.value.bias
            layers.{i}.out.weight        bert.encoder.layer.{i}.attention.output.dense.weight
            layers.{i}.out.bias          bert.encoder.layer.{i}.attention.output.dense.bias
            layers.{i}.norm1.weight      bert.encoder.layer.{i}.attention.output.LayerNorm.weight
            layers.{i}.norm1.bias        bert.encoder.layer.{i}.attention.output.LayerNorm.bias
            layers.{i}.up.weight         bert.encoder.layer.{i}.intermediate.dense.weight
            layers.{i}.up.bias           bert.encoder.layer.{i}.intermediate.dense.bias
            layers.{i}.down.weight       bert.encoder.layer.{i}.output.dense.weight
            layers.{i}.down.bias         bert.encoder.layer.{i}.output.dense.bias
            layers.{i}.norm2.weight      bert.encoder.layer.{i}.output.LayerNorm.weight
            layers.{i}.norm2.bias        bert.encoder.layer.{i}.output.LayerNorm.bias
            pooler.weight                bert.pooler.dense.weight kept
            pooler.bias                  bert.pooler.dense.bias kept
            classifier.weight            classifier.weight optional
            classifier.bias              classifier.bias optional
            transform.weight             cls.predictions.transform.dense.weight optional
            transform.bias               cls.predictions.transform.dense.bias optional
            transform_norm.weight        cls.predictions.transform.LayerNorm.weight optional
            transform_norm.bias          cls.predictions.transform.LayerNorm.bias optional
            head.weight                  cls.predictions.decoder.weight optional
            head_bias.bias               cls.predictions.bias optional
            -                            cls.predictions.decoder.bias
            -                            cls.seq_relationship.weight
            -                            cls.seq_relationship.bias
            -                            bert.embeddings.position_ids
            -                            bert.embeddings.token_type_ids
            """);

    @Override
    public List<String> classes() {
        return List.of(BARE, MASKED, CLASSIFIER);
    }

    @Override
    public NameTable names() {
        return NAMES;
    }

    @Override
    public String written(String kind, String name) {
        String prefix = NAMES.prefix();
        return kind.equals(BARE) && name.startsWith(prefix) ? name.substring(prefix.length()) : name;
    }

    @Override
    public int longest(Config config) {
        return config.extent("max_position_embeddings", 512);
    }

    @Override
    public ModelSpec network(Config config, String kind, int context) {
        config.requireText("position_embedding_type", "absolute");
        config.requireFlag("is_decoder", false, false);
        config.requireFlag("add_cross_attention", false, false);
        int width = config.extent("hidden_size");
        double epsilon = config.number("layer_norm_eps", 0, 1, EPSILON);
        String function = config.choice("hidden_act", "gelu", FUNCTIONS);
        LayersJson all = LayersJson.ids(context, loss(config, kind))
                .input(TYPES, context)
                .input(LENGTHS);
        all.embedding(config, "tokens", config.extent("vocab_size"), width);
        all.embedding(config, "token_types", config.extent("type_vocab_size", 2), width, TYPES);
        all.add("add", "embedded", "tokens", "token_types");
        all.position(longest(config));
        all.add("layer_norm", "embedding_norm").put("epsilon", epsilon);
        LayersJson block = all.repeat(config.extent("num_hidden_layers"));
        for (String name : List.of("q", "k", "v")) {
            block.add("linear", name, "{in}").put("out", width);
        }
        block.add("attention", "attention", "q", "k", "v", LENGTHS).put("heads", config.extent("num_attention_heads"));
        block.add("linear", "out").put("out", width);
        block.add("add", "mixed", "{in}", "out");
        block.add("layer_norm", "norm1").put("epsilon", epsilon);
        block.add("linear", "up").put("out", config.extent("intermediate_size"));
        block.add(function, "function");
        block.add("linear", "down").put("out", width);
        block.add("add", "result", "norm1", "down");
        block.add("layer_norm", "norm2").put("epsilon", epsilon);
        if (kind.equals(CLASSIFIER)) {
            all.add("cls", "first");
            all.add("linear", "pooler").put("out", width);
            all.add("tanh", "pooled");
            all.add("linear", "classifier").put("out", labels(config));
        } else if (kind.equals(MASKED)) {
            all.add("linear", "transform").put("out", width);
            all.add(function, "transformed");
            all.add("layer_norm", "transform_norm").put("epsilon", epsilon);
            if (config.flag("tie_word_embeddings", true)) {
                all.add("linear", "head").put("tied", "tokens.weight");
            } else {
                all.add("linear", "head")
                        .put("out", config.extent("vocab_size"))
                        .put("bias", false);
            }
            all.add("bias", "head_bias");
        }
        return all.parse(kind);
    }

    private static int labels(Config config) {
        Config names = config.object("id2label");
        return config.extent("num_labels", names == null ? 2 : names.fields().size());
    }

    private static String loss(Config config, String kind) {
        if (kind.equals(MASKED)) {
            return ModelSpec.CROSS_ENTROPY;
        }
        if (kind.equals(BARE)) {
            return ModelSpec.MEAN_SQUARED_ERROR;
        }
        config.requireText("problem_type", "single_label_classification", "multi_label_classification", "regression");
        return switch (config.text("problem_type", labels(config) == 1 ? "regression" : "")) {
            case "regression" -> ModelSpec.MEAN_SQUARED_ERROR;
            case "multi_label_classification" -> "bce_with_logits";
            default -> ModelSpec.CROSS_ENTROPY;
        };
    }

    @Override
    public ObjectNode config(NamedLayers layers) {
        if (!layers.has("token_types") || !layers.has("layers.0.attention")) {
            return null;
        }
        String kind = layers.has("classifier") ? CLASSIFIER : layers.has("head_bias") ? MASKED : BARE;
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add(kind);
        config.put("model_type", "bert");
        config.put("vocab_size", layers.vocabulary());
        config.put("max_position_embeddings", layers.integer("positions", "rows", layers.context()));
        config.put("type_vocab_size", layers.integer("token_types", "rows", 0));
        config.put("hidden_size", layers.integer("tokens", "width", 0));
        config.put("num_hidden_layers", layers.blocks());
        config.put("num_attention_heads", layers.integer("layers.0.attention", "heads", 0));
        config.put("intermediate_size", layers.integer("layers.0.up", "out", 0));
        config.put("hidden_act", layers.type("layers.0.function").replace("gelu_tanh", "gelu_new"));
        config.put("layer_norm_eps", layers.number("embedding_norm", "epsilon", 1e-5));
        config.put("position_embedding_type", "absolute");
        if (kind.equals(CLASSIFIER)) {
            ObjectNode labels = config.putObject("id2label");
            for (long i = 0; i < layers.integer("classifier", "out", 2); i++) {
                labels.put(Long.toString(i), "LABEL_" + i);
            }
            config.put("problem_type", problem(layers.model().loss().type().name()));
        }
        if (kind.equals(MASKED)) {
            config.put("tie_word_embeddings", layers.value("head", "tied") != null);
        }
        layers.putDeviation(config);
        return config;
    }

    private static String problem(String loss) {
        return loss.equals(ModelSpec.CROSS_ENTROPY)
                ? "single_label_classification"
                : loss.equals(ModelSpec.MEAN_SQUARED_ERROR) ? "regression" : "multi_label_classification";
    }
}
