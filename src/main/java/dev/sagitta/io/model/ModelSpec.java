package dev.sagitta.io.model;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.loss.Loss;
import dev.sagitta.graph.loss.MeanSquaredError;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.kernel.Function;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A network as a checkpoint's {@code sagitta.model} describes it; {@code docs/model-format.md} has the format.
 *
 * @param inputType F32 features or I32 ids
 * @param inputShape of one example
 * @param loss {@code cross_entropy} or {@code mse}
 */
public record ModelSpec(DType inputType, Shape inputShape, List<LayerSpec> layers, String loss) {
    /** Stands for the number of characters of a text that is not known yet. */
    public static final long OF_VOCABULARY = -1;

    public static final String CROSS_ENTROPY = "cross_entropy";
    public static final String MEAN_SQUARED_ERROR = "mse";

    /** Elements of a tensor: beyond any memory, and small enough that sums of sizes cannot overflow. */
    private static final long LARGEST = 1L << 40;

    /** Names of presets for {@link #preset}. */
    public static final List<String> PRESETS = List.of("mlp", "char-mlp");

    /** 512 is MNIST's usual width; two of them leave 670 thousand parameters. */
    private static final long[] MLP = {784, 512, 512, 10};

    private static final int CHAR_CONTEXT = 16;
    private static final long CHAR_WIDTH = 32;
    private static final long CHAR_HIDDEN = 704;

    public ModelSpec {
        layers = List.copyOf(layers);
    }

    /** @throws DataException beginning with {@code where} and naming layer and field */
    public static ModelSpec parse(String json, String where) {
        return ModelJson.parse(JsonInput.parse(json, where));
    }

    /** The model in a JSON file. */
    public static ModelSpec read(Path file) {
        return ModelJson.parse(JsonInput.file(file));
    }

    /** The canonical JSON: one line, every layer with the fields that are not at their default. */
    public String toJson() {
        return ModelJson.format(this);
    }

    /** By name, with the context of a text model: 16 characters unless another is wanted. */
    public static ModelSpec preset(String name, int context) {
        return switch (name) {
            case "mlp" -> mlp();
            case "char-mlp" -> charMlp(context);
            default ->
                throw new DataException("there is no preset '" + name + "'; known: " + String.join(", ", PRESETS));
        };
    }

    public static ModelSpec preset(String name) {
        return preset(name, CHAR_CONTEXT);
    }

    /** 784-512-512-10 with ReLU: MNIST. */
    public static ModelSpec mlp() {
        List<LayerSpec> layers = List.of(
                new LayerSpec.Linear("fc1", MLP[1], true, null),
                new LayerSpec.Pointwise("relu1", Function.RELU),
                new LayerSpec.Linear("fc2", MLP[2], true, null),
                new LayerSpec.Pointwise("relu2", Function.RELU),
                new LayerSpec.Linear("fc3", MLP[3], true, null));
        return new ModelSpec(DType.F32, Shape.of(MLP[0]), layers, CROSS_ENTROPY);
    }

    /**
     * The next character from {@code context} characters: embedding of 32, two GELU layers of 704. With 96 characters and a context of 16:
     * 0.93 million parameters. The vocabulary comes from the text: {@link #withVocabulary}.
     */
    public static ModelSpec charMlp(int context) {
        List<LayerSpec> layers = List.of(
                new LayerSpec.Embedding("embed", OF_VOCABULARY, null, CHAR_WIDTH),
                new LayerSpec.Flatten("flatten"),
                new LayerSpec.Linear("fc1", CHAR_HIDDEN, true, null),
                new LayerSpec.Pointwise("gelu1", Function.GELU),
                new LayerSpec.Linear("fc2", CHAR_HIDDEN, true, null),
                new LayerSpec.Pointwise("gelu2", Function.GELU),
                new LayerSpec.Linear("out", OF_VOCABULARY, true, null));
        return new ModelSpec(DType.I32, Shape.of(context), layers, CROSS_ENTROPY);
    }

    /** The characters of a text model; null if it has none. */
    public Vocabulary vocabulary() {
        for (LayerSpec layer : layers) {
            if (layer instanceof LayerSpec.Embedding embedding) {
                return embedding.vocabulary();
            }
        }
        return null;
    }

    /**
     * This model over the characters of a text: the table gets a row per character, and so do layers whose {@code out} is the vocabulary.
     *
     * @throws DataException if the model reads no ids, or has another vocabulary or a table of another size already
     */
    public ModelSpec withVocabulary(Vocabulary vocabulary) {
        if (inputType != DType.I32 || layers.stream().noneMatch(LayerSpec.Embedding.class::isInstance)) {
            throw new DataException("the model has no embedding: it cannot read text");
        }
        List<LayerSpec> resolved = new ArrayList<>();
        for (LayerSpec layer : layers) {
            if (layer instanceof LayerSpec.Embedding e) {
                if (e.vocabulary() != null && !e.vocabulary().equals(vocabulary)) {
                    throw new DataException("embedding '" + e.name() + "' has a vocabulary of "
                            + e.vocabulary().size() + " characters, the text another of " + vocabulary.size());
                }
                if (e.rows() != OF_VOCABULARY && e.rows() != vocabulary.size()) {
                    throw new DataException("embedding '" + e.name() + "' has " + e.rows() + " rows, the text "
                            + vocabulary.size() + " different characters; write \"vocabulary\": true instead of rows");
                }
                resolved.add(new LayerSpec.Embedding(e.name(), vocabulary.size(), vocabulary, e.width()));
            } else if (layer instanceof LayerSpec.Linear l && l.out() == OF_VOCABULARY && l.tied() == null) {
                resolved.add(new LayerSpec.Linear(l.name(), vocabulary.size(), l.bias(), null));
            } else {
                resolved.add(layer);
            }
        }
        return new ModelSpec(inputType, inputShape, resolved, loss);
    }

    /** @throws DataException naming the layer whose shape, name or reference is wrong */
    public Graph toGraph() {
        long[] extents = inputShape.toArray();
        GraphBuilder builder = inputType == DType.I32 ? GraphBuilder.ids(extents) : GraphBuilder.features(extents);
        Map<String, Node> byName = new HashMap<>();
        byName.put("input", builder.input());
        Node last = builder.input();
        for (int i = 0; i < layers.size(); i++) {
            LayerSpec layer = layers.get(i);
            String where = "layers[" + i + "] (" + layer.type() + " '" + layer.name() + "'): ";
            boolean readsIds = last.isInput() || (layer instanceof LayerSpec.Add add && "input".equals(add.from()));
            if (readsIds && inputType == DType.I32 && !(layer instanceof LayerSpec.Embedding)) {
                throw new DataException(where + "it reads the network's ids, which only an embedding can");
            }
            try {
                last = node(builder, layer, last, byName, where);
            } catch (IllegalArgumentException e) {
                throw new DataException(where + e.getMessage(), e);
            }
            if (last.shape().elements() > LARGEST) {
                throw new DataException(where + "its output " + last.shape() + " has more than 2^40 elements");
            }
            byName.put(layer.name(), last);
        }
        if (last.isInput()) {
            throw new DataException("the model has no layers");
        }
        try {
            Graph graph = builder.build(last, newLoss());
            for (Parameter parameter : graph.parameters()) {
                if (parameter.elements() > LARGEST) {
                    throw new DataException("parameter '" + parameter.name() + "' " + parameter.shape()
                            + " has more than 2^40 elements");
                }
            }
            return graph;
        } catch (IllegalArgumentException e) {
            throw new DataException("loss '" + loss + "' over output " + last + ": " + e.getMessage(), e);
        }
    }

    private static Node node(GraphBuilder builder, LayerSpec layer, Node x, Map<String, Node> byName, String where) {
        if (layer instanceof LayerSpec.Linear linear) {
            if (linear.tied() == null) {
                return builder.linear(linear.name(), x, known(linear.out(), where), linear.bias());
            }
            if (!isMatrix(byName, linear.tied())) {
                throw new DataException(where + "there is no earlier weight '" + linear.tied() + "' to share");
            }
            Node tied = builder.linearTied(linear.name(), x, linear.tied());
            if (linear.out() != OF_VOCABULARY && linear.out() != tied.shape().extent(-1)) {
                throw new DataException(where + "out is " + linear.out() + ", the tied weight has "
                        + tied.shape().extent(-1) + " rows");
            }
            return tied;
        }
        if (layer instanceof LayerSpec.Embedding embedding) {
            return builder.embedding(embedding.name(), x, known(embedding.rows(), where), embedding.width());
        }
        if (layer instanceof LayerSpec.Pointwise pointwise) {
            return builder.activation(pointwise.name(), x, pointwise.function());
        }
        if (layer instanceof LayerSpec.Dropout dropout) {
            return builder.dropout(dropout.name(), x, dropout.probability());
        }
        if (layer instanceof LayerSpec.Add add) {
            Node from = byName.get(add.from());
            if (from == null) {
                throw new DataException(where + "there is no earlier layer '" + add.from() + "'");
            }
            return builder.add(add.name(), x, from);
        }
        if (layer instanceof LayerSpec.Bias) {
            if (x.shape().rank() < 1) {
                throw new DataException(where + "the input is a scalar, expected features");
            }
            return builder.bias(layer.name(), x);
        }
        return builder.flatten(layer.name(), x);
    }

    private static boolean isMatrix(Map<String, Node> byName, String parameter) {
        return byName.values().stream()
                .filter(node -> !node.isInput())
                .flatMap(node -> node.op().parameters().stream())
                .anyMatch(p -> p.name().equals(parameter) && p.shape().rank() == 2);
    }

    private static long known(long extent, String where) {
        if (extent == OF_VOCABULARY) {
            throw new DataException(where + "its size is that of a vocabulary, and there is no text; give --text");
        }
        return extent;
    }

    private Loss newLoss() {
        return loss.equals(MEAN_SQUARED_ERROR) ? new MeanSquaredError() : new CrossEntropy(CrossEntropy.IGNORED_LABEL);
    }
}
