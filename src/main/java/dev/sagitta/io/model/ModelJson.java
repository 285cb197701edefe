package dev.sagitta.io.model;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.file.StrictJson;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The JSON of a {@link ModelSpec}, read strictly and written canonically. */
final class ModelJson {
    private static final int MOST_LAYERS = 4096;
    private static final int MOST_AXES = 8;
    private static final long LARGEST_EXTENT = 1L << 40;
    static final String INPUT = "input";
    private static final String INPUTS = "inputs";
    private static final String INPUT_NAME = "[A-Za-z][A-Za-z0-9_]{0,63}";

    private ModelJson() {}

    static ModelSpec parse(JsonInput json, OpTypes types) {
        json.allow(INPUT, INPUTS, "layers", "loss");
        ArrayType input = input(json.object(INPUT));
        Map<String, ArrayType> inputs = new LinkedHashMap<>();
        if (json.has(INPUTS)) {
            JsonInput more = json.object(INPUTS);
            for (String name : more.fields()) {
                if (name.equals(INPUT) || !name.matches(INPUT_NAME)) {
                    throw more.error(
                            "an input is called '" + name + "', expected letters, digits and _, and not 'input'");
                }
                inputs.put(name, input(more.object(name)));
            }
        }
        LossSpec loss = LossSpec.read(json, "loss");
        List<LayerSpec> layers = new ArrayList<>();
        Map<String, Integer> taken = new HashMap<>();
        LayerBlocks blocks = new LayerBlocks(new LayerCodec(types), MOST_LAYERS);
        blocks.read(json, (where, layer) -> {
            Integer other = taken.putIfAbsent(layer.name(), layers.size());
            if (other != null || layer.name().equals(INPUT) || inputs.containsKey(layer.name())) {
                throw where.error("the name '" + layer.name() + "' is taken by "
                        + (other == null ? "the input" : "layers[" + other + "]") + "; give it another \"name\"");
            }
            layers.add(layer);
        });
        if (layers.isEmpty()) {
            throw json.error("'layers' is empty, expected at least one layer");
        }
        return new ModelSpec(input.dtype(), input.shape(), inputs, layers, loss);
    }

    private static ArrayType input(JsonInput json) {
        json.allow("shape", "type");
        String type = json.text("type", "features");
        if (!type.equals("features") && !type.equals("ids")) {
            throw json.error("'type' is \"" + type + "\", expected \"features\" or \"ids\"");
        }
        try {
            Shape shape = Shape.of(json.integers("shape", MOST_AXES, 1, LARGEST_EXTENT));
            return type.equals("ids") ? ArrayType.i32(shape) : ArrayType.f32(shape);
        } catch (IllegalArgumentException e) {
            throw json.error(e.getMessage());
        }
    }

    static String format(ModelSpec model) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = StrictJson.factory().createGenerator(text)) {
            g.writeStartObject();
            write(g, INPUT, new ArrayType(model.inputType(), model.inputShape()));
            if (!model.inputs().isEmpty()) {
                g.writeObjectFieldStart(INPUTS);
                for (Map.Entry<String, ArrayType> input : model.inputs().entrySet()) {
                    write(g, input.getKey(), input.getValue());
                }
                g.writeEndObject();
            }
            model.loss().write(g, "loss");
            g.writeArrayFieldStart("layers");
            for (LayerSpec layer : model.layers()) {
                LayerCodec.write(g, layer);
            }
            g.writeEndArray();
            g.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    private static void write(JsonGenerator g, String name, ArrayType type) throws IOException {
        g.writeObjectFieldStart(name);
        g.writeFieldName("shape");
        long[] extents = type.shape().toArray();
        g.writeArray(extents, 0, extents.length);
        g.writeStringField("type", type.dtype() == DType.I32 ? "ids" : "features");
        g.writeEndObject();
    }
}
