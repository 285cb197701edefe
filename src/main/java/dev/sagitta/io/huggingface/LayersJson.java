package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.model.ModelSpec;

/** The JSON of a model in our format, put together layer by layer. */
final class LayersJson {
    /** A key of {@code config.json}. */
    static final String DEVIATION = "initializer_range";

    private final ObjectNode model;
    private final ArrayNode layers;

    private LayersJson(ObjectNode model, ArrayNode layers) {
        this.model = model;
        this.layers = layers;
    }

    /** A model that reads so many ids. */
    static LayersJson ids(int context, String loss) {
        ObjectNode model = JsonNodeFactory.instance.objectNode();
        ids(model, "input", context);
        model.put("loss", loss);
        return new LayersJson(model, model.putArray("layers"));
    }

    private static void ids(ObjectNode inputs, String name, int... extents) {
        ObjectNode input = inputs.putObject(name);
        ArrayNode shape = input.putArray("shape");
        for (int extent : extents) {
            shape.add(extent);
        }
        input.put("type", "ids");
    }

    /** A further input of ids. */
    LayersJson input(String name, int... extents) {
        ids(model.withObjectProperty("inputs"), name, extents);
        return this;
    }

    /** The next layer, to put fields into. */
    ObjectNode add(String type, String name, String... from) {
        ObjectNode layer = layers.addObject().put("type", type).put("name", name);
        if (from.length == 1) {
            layer.put("from", from[0]);
        } else if (from.length > 1) {
            ArrayNode names = layer.putArray("from");
            for (String one : from) {
                names.add(one);
            }
        }
        return layer;
    }

    /** A table of ids, its initial rows as the config has them for a training from the start. */
    void embedding(Config config, String name, int rows, int width, String... from) {
        ObjectNode layer = add("embedding", name, from).put("rows", rows).put("width", width);
        double deviation = config.number(DEVIATION, 0, 1e6, 1);
        if (deviation != 1) {
            layer.put("deviation", deviation);
        }
    }

    /** A table of positions, whose rows are said where they are more than the ids that the model reads. */
    void position(int rows) {
        ObjectNode layer = add("position", "positions");
        if (rows != model.path("input").path("shape").path(0).intValue()) {
            layer.put("rows", rows);
        }
    }

    /** A block of layers so many times, named {@code layers.0.} and so on. */
    LayersJson repeat(int times) {
        ObjectNode block = layers.addObject().put("repeat", times).put("as", "layers.{i}");
        return new LayersJson(model, block.putArray("layers"));
    }

    /** @param where what errors call it */
    ModelSpec parse(String where) {
        return ModelSpec.parse(model.toString(), where);
    }
}
