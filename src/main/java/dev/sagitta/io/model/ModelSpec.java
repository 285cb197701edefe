package dev.sagitta.io.model;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Field;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.vision.VisionNetwork;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A network as a checkpoint's {@code sagitta.model} describes it; {@code docs/model-format.md} has the format.
 *
 * @param inputType F32 features or I32 ids
 * @param inputShape of one example
 * @param inputs further ones beside that, by name
 * @param loss by its type and fields
 */
public record ModelSpec(
        DType inputType, Shape inputShape, Map<String, ArrayType> inputs, List<LayerSpec> layers, LossSpec loss) {
    public static final String CROSS_ENTROPY = "cross_entropy";
    public static final String MEAN_SQUARED_ERROR = "mse";

    /** Names of presets for {@link #preset}. */
    public static final List<String> PRESETS = Stream.concat(
                    Stream.of("mlp", "char-mlp", "char-gpt", "llama", "bert"), VisionNetwork.names().stream())
            .toList();

    private static final int CHAR_CONTEXT = 16;
    private static final int CONTEXT = 128;

    public ModelSpec {
        inputs = Collections.unmodifiableMap(new LinkedHashMap<>(inputs));
        layers = List.copyOf(layers);
    }

    /** @throws DataException beginning with {@code where} and naming layer and field */
    public static ModelSpec parse(String json, String where) {
        return parse(json, where, OpTypes.standard());
    }

    /** The same with ops of the caller's. */
    public static ModelSpec parse(String json, String where, OpTypes types) {
        return ModelJson.parse(JsonInput.parse(json, where), types);
    }

    /** The model in a JSON file. */
    public static ModelSpec read(Path file) {
        return ModelJson.parse(JsonInput.file(file), OpTypes.standard());
    }

    /** The canonical JSON: one line, every layer with the fields that are not at their default. */
    public String toJson() {
        return ModelJson.format(this);
    }

    /** By name, with the context of a text model. */
    public static ModelSpec preset(String name, int context) {
        return switch (name) {
            case "mlp" -> mlp();
            case "char-mlp" -> charMlp(context);
            case "char-gpt", "llama", "bert" -> resource(name, context);
            default -> {
                VisionNetwork network = VisionNetwork.of(name);
                if (network == null) {
                    throw new DataException("there is no preset '" + name + "'; known: " + String.join(", ", PRESETS));
                }
                yield vision(network, network.input(), network.classes());
            }
        };
    }

    /**
     * A network over images, of a size and a number of classes.
     *
     * @param image [channels, height, width]
     */
    public static ModelSpec vision(VisionNetwork network, Shape image, int classes) {
        return parse(network.json(image, classes), "preset " + network.name());
    }

    /** The same with its own context: 16 characters of {@code char-mlp}, 128 of networks with attention. */
    public static ModelSpec preset(String name) {
        return preset(name, name.equals("char-mlp") ? CHAR_CONTEXT : CONTEXT);
    }

    /** A preset that is a file, {@code "context"} in the place of how many ids it reads. */
    private static ModelSpec resource(String name, int context) {
        try (InputStream file = ModelSpec.class.getResourceAsStream("presets/" + name + ".json")) {
            String json = new String(file.readAllBytes(), StandardCharsets.UTF_8);
            return parse(json.replace("\"context\"", Integer.toString(context)), "preset " + name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** 784-512-512-10 with ReLU: MNIST. 512 is its usual width; two of them leave 670 thousand parameters. */
    public static ModelSpec mlp() {
        return parse("""
                {"input": {"shape": [784]}, "loss": "cross_entropy", "layers": [
                  {"type": "linear", "name": "fc1", "out": 512}, {"type": "relu", "name": "relu1"},
                  {"type": "linear", "name": "fc2", "out": 512}, {"type": "relu", "name": "relu2"},
                  {"type": "linear", "name": "fc3", "out": 10}]}
                """, "preset mlp");
    }

    /**
     * The next character from {@code context} characters: embedding of 32, two GELU layers of 704. With 96 characters and a context of 16:
     * 0.93 million parameters. The vocabulary comes from the text: {@link #withVocabulary}.
     */
    public static ModelSpec charMlp(int context) {
        return parse("""
                {"input": {"shape": [%d], "type": "ids"}, "loss": "cross_entropy", "layers": [
                  {"type": "embedding", "name": "embed", "vocabulary": true, "width": 32}, {"type": "flatten", "name": "flatten"},
                  {"type": "linear", "name": "fc1", "out": 704}, {"type": "gelu", "name": "gelu1"},
                  {"type": "linear", "name": "fc2", "out": 704}, {"type": "gelu", "name": "gelu2"},
                  {"type": "linear", "name": "out", "out": "vocabulary"}]}
                """.formatted(context), "preset char-mlp");
    }

    /** The characters of a text model; null if it has none. */
    public Vocabulary vocabulary() {
        return layers.stream()
                .map(ModelSpec::characters)
                .filter(String.class::isInstance)
                .findFirst()
                .map(characters -> Vocabulary.of((String) characters, "vocabulary"))
                .orElse(null);
    }

    /** What a layer says of its characters: a string of them, true, or null. */
    private static Object characters(LayerSpec layer) {
        Field<?> field = field(layer, Field.Kind.CHARACTERS);
        return field == null ? null : layer.get(field);
    }

    private static Field<?> field(LayerSpec layer, Field.Kind kind) {
        return layer.type().fields().stream()
                .filter(field -> field.kind() == kind)
                .findFirst()
                .orElse(null);
    }

    /**
     * This model over the characters of a text: the table gets a row per character, and so do layers whose {@code out} is the vocabulary.
     *
     * @throws DataException if the model reads no ids, or has another vocabulary or a table of another size already
     */
    public ModelSpec withVocabulary(Vocabulary vocabulary) {
        if (inputType != DType.I32 || layers.stream().allMatch(layer -> field(layer, Field.Kind.CHARACTERS) == null)) {
            throw new DataException("the model has no embedding: it cannot read text");
        }
        List<LayerSpec> resolved = new ArrayList<>();
        for (LayerSpec layer : layers) {
            Field<?> characters = field(layer, Field.Kind.CHARACTERS);
            String who = layer.type().name() + " '" + layer.name() + "' has ";
            // a table over another input has rows of its own: types of tokens
            if (characters != null && layer.from().stream().noneMatch(inputs::containsKey)) {
                Object known = layer.get(characters);
                if (known == null) {
                    Field<?> rows = field(layer, Field.Kind.EXTENT);
                    if (!layer.get(rows).equals((long) vocabulary.size())) {
                        throw new DataException(who + layer.get(rows) + " " + rows.name() + ", the text "
                                + vocabulary.size() + " different characters; write \"vocabulary\": true instead of "
                                + rows.name());
                    }
                    layer = layer.without(rows);
                } else if (!known.equals(true) && !known.equals(vocabulary.characters())) {
                    throw new DataException(who + "a vocabulary of "
                            + Vocabulary.of((String) known, who).size() + " characters, the text another of "
                            + vocabulary.size());
                }
                layer = layer.with(characters, vocabulary.characters());
            }
            for (Field<?> field : layer.type().fields()) {
                if (Field.VOCABULARY.equals(layer.fields().get(field.name())) && field.kind() == Field.Kind.EXTENT) {
                    layer = layer.with(field, (long) vocabulary.size());
                }
            }
            resolved.add(layer);
        }
        return new ModelSpec(inputType, inputShape, inputs, resolved, loss);
    }

    /** This model over ids below a number, where its vocabulary is open: {@link #withVocabulary} of a text whose ids are tokens. */
    public ModelSpec withIds(int classes) {
        List<LayerSpec> resolved = new ArrayList<>();
        for (LayerSpec layer : layers) {
            Field<?> characters = field(layer, Field.Kind.CHARACTERS);
            if (characters != null && Boolean.TRUE.equals(layer.get(characters))) {
                layer = layer.without(characters).with(field(layer, Field.Kind.EXTENT), (long) classes);
            }
            for (Field<?> field : layer.type().fields()) {
                if (Field.VOCABULARY.equals(layer.fields().get(field.name())) && field.kind() == Field.Kind.EXTENT) {
                    layer = layer.with(field, (long) classes);
                }
            }
            resolved.add(layer);
        }
        return new ModelSpec(inputType, inputShape, inputs, resolved, loss);
    }

    /**
     * This model with another number of ids per example: of its input, and of further ones that have as many. Tables of positions keep their rows.
     *
     * @throws DataException if it reads no row of ids
     */
    public ModelSpec reading(int ids) {
        if (inputType != DType.I32 || inputShape.rank() != 1) {
            throw new DataException("the model reads " + inputType.suffix() + " " + inputShape + ", no row of ids");
        }
        Shape shape = Shape.of(ids);
        Map<String, ArrayType> others = new LinkedHashMap<>();
        inputs.forEach((name, type) ->
                others.put(name, type.shape().equals(inputShape) ? new ArrayType(type.dtype(), shape) : type));
        List<LayerSpec> resolved = new ArrayList<>();
        for (LayerSpec layer : layers) {
            Field<?> positions = field(layer, Field.Kind.POSITIONS);
            boolean follows = positions != null && layer.get(positions) == null;
            resolved.add(follows ? layer.with(positions, inputShape.extent(0)) : layer);
        }
        return new ModelSpec(inputType, shape, others, resolved, loss);
    }

    /**
     * This model with its input flipped and shifted at random in training, by a layer in front of all others; in place of one that it has already.
     *
     * @param augmentation the layer
     * @throws DataException if the name of the layer is taken
     */
    public ModelSpec augmented(Augmentation augmentation) {
        LayerSpec layer = augmentation.layer();
        List<LayerSpec> changed = new ArrayList<>(List.of(layer));
        for (LayerSpec other : unaugmented().layers) {
            if (other.name().equals(layer.name())) {
                throw new DataException(
                        "the model has another layer called '" + layer.name() + "'; give it another name");
            }
            changed.add(other.reading(ModelJson.INPUT, layer.name()));
        }
        return new ModelSpec(inputType, inputShape, inputs, changed, loss);
    }

    /** This model without a layer that flips and shifts its input; itself where there is none in front of all others. */
    public ModelSpec unaugmented() {
        LayerSpec first = layers.get(0);
        if (!Augmentation.isOf(first) || layers.size() == 1) {
            return this;
        }
        List<LayerSpec> others = layers.stream()
                .skip(1)
                .map(layer -> layer.reading(first.name(), ModelJson.INPUT))
                .toList();
        return new ModelSpec(inputType, inputShape, inputs, others, loss);
    }

    /** Whether it says something of each id that it reads, and not of all of them together; a vocabulary must be known. */
    public boolean hasOutputPerPosition() {
        Graph graph = toGraph();
        return graph.loss().targetType() == DType.I32
                && graph.loss().targetShape(graph.output().shape()).equals(inputShape);
    }

    /** @throws DataException naming the layer whose shape, name or reference is wrong */
    public Graph toGraph() {
        return ModelGraph.of(this);
    }
}
