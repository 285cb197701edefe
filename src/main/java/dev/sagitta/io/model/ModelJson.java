package dev.sagitta.io.model;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.file.StrictJson;
import dev.sagitta.kernel.Function;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The JSON of a {@link ModelSpec}, read strictly and written canonically. */
final class ModelJson {
    private static final int MOST_LAYERS = 4096;
    private static final int MOST_AXES = 8;
    private static final long LARGEST_EXTENT = 1L << 40;
    private static final int LONGEST_NAME = 200;
    private static final String INPUT = "input";
    /** Tensors whose names begin so are the optimiser's. */
    private static final String RESERVED = "optimizer";

    private ModelJson() {}

    static ModelSpec parse(JsonInput json) {
        json.allow(INPUT, "layers", "loss");
        JsonInput input = json.object(INPUT).allow("shape", "type");
        String type = input.text("type", "features");
        if (!type.equals("features") && !type.equals("ids")) {
            throw input.error("'type' is \"" + type + "\", expected \"features\" or \"ids\"");
        }
        Shape shape;
        try {
            shape = Shape.of(input.integers("shape", MOST_AXES, 1, LARGEST_EXTENT));
        } catch (IllegalArgumentException e) {
            throw input.error(e.getMessage());
        }
        String loss = json.text("loss");
        if (!loss.equals(ModelSpec.CROSS_ENTROPY) && !loss.equals(ModelSpec.MEAN_SQUARED_ERROR)) {
            throw json.error("'loss' is \"" + loss + "\", expected \"" + ModelSpec.CROSS_ENTROPY + "\" or \""
                    + ModelSpec.MEAN_SQUARED_ERROR + "\"");
        }
        List<LayerSpec> layers = new ArrayList<>();
        Map<String, Integer> taken = new HashMap<>();
        for (JsonInput layer : json.objects("layers", MOST_LAYERS)) {
            LayerSpec parsed = layer(layer, layers.size());
            Integer other = taken.putIfAbsent(parsed.name(), layers.size());
            if (other != null || parsed.name().equals(INPUT)) {
                throw layer.error("the name '" + parsed.name() + "' is taken by "
                        + (other == null ? "the input" : "layers[" + other + "]") + "; give it another \"name\"");
            }
            layers.add(parsed);
        }
        if (layers.isEmpty()) {
            throw json.error("'layers' is empty, expected at least one layer");
        }
        return new ModelSpec(type.equals("ids") ? DType.I32 : DType.F32, shape, layers, loss);
    }

    private static LayerSpec layer(JsonInput json, int index) {
        String type = json.text("type");
        String name = name(json, type, index);
        switch (type) {
            case "linear":
                json.allow("type", "name", "out", "bias", "tied");
                return linear(json, name);
            case "embedding":
                json.allow("type", "name", "rows", "vocabulary", "width");
                return embedding(json, name);
            case "bias":
                json.allow("type", "name");
                return new LayerSpec.Bias(name);
            case "dropout":
                json.allow("type", "name", "p");
                float p = (float) json.number("p", 0, 1);
                if (!(p < 1)) {
                    throw json.error("'p' is 1, expected less: nothing would be left");
                }
                return new LayerSpec.Dropout(name, p);
            case "flatten":
                json.allow("type", "name");
                return new LayerSpec.Flatten(name);
            case "add":
                json.allow("type", "name", "from");
                return new LayerSpec.Add(name, json.text("from"));
            default:
                for (Function function : Function.values()) {
                    if (function.symbol().equals(type)) {
                        json.allow("type", "name");
                        return new LayerSpec.Pointwise(name, function);
                    }
                }
                throw json.error("unknown layer type '" + type + "'; known: " + String.join(", ", knownTypes()));
        }
    }

    static List<String> knownTypes() {
        List<String> types = new ArrayList<>(List.of("linear", "embedding", "bias", "dropout", "flatten", "add"));
        for (Function function : Function.values()) {
            types.add(function.symbol());
        }
        return types;
    }

    private static LayerSpec linear(JsonInput json, String name) {
        String tied = json.has("tied") ? json.text("tied") : null;
        boolean bias = json.flag("bias", tied == null);
        if (tied != null && bias) {
            throw json.error("'bias' is true, a tied layer has none; add a layer of type \"bias\" after it");
        }
        boolean ofVocabulary =
                json.isText("out") ? json.text("out").equals("vocabulary") : tied != null && !json.has("out");
        long out = ofVocabulary ? ModelSpec.OF_VOCABULARY : json.integer("out", 1, LARGEST_EXTENT);
        return new LayerSpec.Linear(name, out, bias, tied);
    }

    private static LayerSpec embedding(JsonInput json, String name) {
        long width = json.integer("width", 1, LARGEST_EXTENT);
        if (json.has("rows") == json.has("vocabulary")) {
            throw json.error(
                    "expected either 'rows' or 'vocabulary', found " + (json.has("rows") ? "both" : "neither"));
        }
        if (json.has("rows")) {
            return new LayerSpec.Embedding(name, json.integer("rows", 1, Integer.MAX_VALUE), null, width);
        }
        if (json.isText("vocabulary")) {
            Vocabulary vocabulary = Vocabulary.of(json.text("vocabulary"), json.where());
            return new LayerSpec.Embedding(name, vocabulary.size(), vocabulary, width);
        }
        if (!json.flag("vocabulary", false)) {
            throw json.error("'vocabulary' is false, expected true or a string of characters");
        }
        return new LayerSpec.Embedding(name, ModelSpec.OF_VOCABULARY, null, width);
    }

    private static String name(JsonInput json, String type, int index) {
        String name = json.text("name", type + index);
        boolean printable = name.codePoints().allMatch(c -> c > ' ' && c < 0x7f);
        if (name.isEmpty() || name.length() > LONGEST_NAME || !printable) {
            throw json.error("'name' is '" + name + "', expected 1 to " + LONGEST_NAME
                    + " printable ASCII characters without spaces");
        }
        if (name.equals(RESERVED) || name.startsWith(RESERVED + ".")) {
            throw json.error("'name' is '" + name + "', which is reserved for the optimiser's tensors");
        }
        return name;
    }

    static String format(ModelSpec model) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = StrictJson.factory().createGenerator(text)) {
            g.writeStartObject();
            g.writeObjectFieldStart(INPUT);
            g.writeFieldName("shape");
            long[] extents = model.inputShape().toArray();
            g.writeArray(extents, 0, extents.length);
            g.writeStringField("type", model.inputType() == DType.I32 ? "ids" : "features");
            g.writeEndObject();
            g.writeStringField("loss", model.loss());
            g.writeArrayFieldStart("layers");
            for (LayerSpec layer : model.layers()) {
                g.writeStartObject();
                g.writeStringField("type", layer.type());
                g.writeStringField("name", layer.name());
                writeFields(g, layer);
                g.writeEndObject();
            }
            g.writeEndArray();
            g.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    private static void writeFields(JsonGenerator g, LayerSpec layer) throws IOException {
        if (layer instanceof LayerSpec.Linear linear) {
            if (linear.tied() != null) {
                g.writeStringField("tied", linear.tied());
            }
            if (linear.out() != ModelSpec.OF_VOCABULARY) {
                g.writeNumberField("out", linear.out());
            } else if (linear.tied() == null) {
                g.writeStringField("out", "vocabulary");
            }
            if (!linear.bias() && linear.tied() == null) {
                g.writeBooleanField("bias", false);
            }
        } else if (layer instanceof LayerSpec.Embedding embedding) {
            if (embedding.vocabulary() != null) {
                g.writeStringField("vocabulary", embedding.vocabulary().characters());
            } else if (embedding.rows() == ModelSpec.OF_VOCABULARY) {
                g.writeBooleanField("vocabulary", true);
            } else {
                g.writeNumberField("rows", embedding.rows());
            }
            g.writeNumberField("width", embedding.width());
        } else if (layer instanceof LayerSpec.Dropout dropout) {
            g.writeNumberField("p", dropout.probability());
        } else if (layer instanceof LayerSpec.Add add) {
            g.writeStringField("from", add.from());
        }
    }
}
