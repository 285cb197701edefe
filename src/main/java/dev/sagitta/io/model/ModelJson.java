package dev.sagitta.io.model;

import com.fasterxml.jackson.core.JsonGenerator;
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
import java.util.List;
import java.util.Map;

/** The JSON of a {@link ModelSpec}, read strictly and written canonically. */
final class ModelJson {
    private static final int MOST_LAYERS = 4096;
    private static final int MOST_AXES = 8;
    private static final long LARGEST_EXTENT = 1L << 40;
    private static final String INPUT = "input";

    private ModelJson() {}

    static ModelSpec parse(JsonInput json, OpTypes types) {
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
        LayerBlocks blocks = new LayerBlocks(new LayerCodec(types), MOST_LAYERS);
        blocks.read(json, (where, layer) -> {
            Integer other = taken.putIfAbsent(layer.name(), layers.size());
            if (other != null || layer.name().equals(INPUT)) {
                throw where.error("the name '" + layer.name() + "' is taken by "
                        + (other == null ? "the input" : "layers[" + other + "]") + "; give it another \"name\"");
            }
            layers.add(layer);
        });
        if (layers.isEmpty()) {
            throw json.error("'layers' is empty, expected at least one layer");
        }
        return new ModelSpec(type.equals("ids") ? DType.I32 : DType.F32, shape, layers, loss);
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
                LayerCodec.write(g, layer);
            }
            g.writeEndArray();
            g.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }
}
