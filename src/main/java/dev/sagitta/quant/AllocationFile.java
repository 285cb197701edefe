package dev.sagitta.quant;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.JsonInput;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The integer programme's table and its solution as JSON.
 *
 * <pre>
 * {"layers": [{"name": "fc1", "options": [{"bits": 4, "omega": 0.01, "bytes": 200704, "cost": 1.5}, ...]}, ...],
 *  "tied": [["fc1", "fc2"], ...]}
 * </pre>
 *
 * {@code tied} may be absent, and so may the one of {@code bytes} and {@code cost} that is not limited, which counts as 0.
 */
public final class AllocationFile {
    private static final int MOST_LAYERS = 4096;
    private static final int MOST_OPTIONS = 64;
    private static final int MOST_BITS = 64;
    /** Sums over all layers stay within a long and a double. */
    private static final long MOST_BYTES = 1L << 50;

    private static final double LARGEST = 1e300;

    private AllocationFile() {}

    /** @throws dev.sagitta.io.DataException naming the layer and field that is wrong */
    public static BitTable read(Path file, BitAllocation.Limit limit) {
        JsonInput json = JsonInput.file(file).allow("layers", "tied");
        List<BitTable.Layer> layers = new ArrayList<>();
        for (JsonInput layer : json.objects("layers", MOST_LAYERS)) {
            layer.allow("name", "options");
            List<BitTable.Option> options = new ArrayList<>();
            for (JsonInput option : layer.objects("options", MOST_OPTIONS)) {
                options.add(option(option, limit));
            }
            layers.add(new BitTable.Layer(layer.text("name"), options));
        }
        List<List<String>> tied = json.has("tied") ? json.textLists("tied", MOST_LAYERS, MOST_LAYERS) : List.of();
        for (List<String> group : tied) {
            if (group.isEmpty()) {
                throw json.error("'tied' has an empty group, expected names of layers that take the same bits");
            }
        }
        try {
            return new BitTable(layers, tied);
        } catch (IllegalArgumentException e) {
            throw json.error(e.getMessage());
        }
    }

    private static BitTable.Option option(JsonInput json, BitAllocation.Limit limit) {
        json.allow("bits", "omega", "bytes", "cost");
        boolean bytes = limit == BitAllocation.Limit.BYTES || json.has("bytes");
        boolean cost = limit == BitAllocation.Limit.COST || json.has("cost");
        return new BitTable.Option(
                (int) json.integer("bits", 1, MOST_BITS),
                json.number("omega", -LARGEST, LARGEST),
                bytes ? json.integer("bytes", 0, MOST_BYTES) : 0,
                cost ? json.number("cost", 0, LARGEST) : 0);
    }

    /** {@code {"layers": [{"name", "bits", "omega", "bytes", "cost"}], "total": {"omega", "bytes", "cost"}, "optimal": true}}. */
    public static ObjectNode toJson(BitAllocation allocation) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode layers = json.putArray("layers");
        allocation.choice().forEach((name, option) -> layers.addObject()
                .put("name", name)
                .put("bits", option.bits())
                .put("omega", option.omega())
                .put("bytes", option.bytes())
                .put("cost", option.cost()));
        json.putObject("total")
                .put("omega", allocation.omega())
                .put("bytes", allocation.bytes())
                .put("cost", allocation.cost());
        return json.put("optimal", true);
    }
}
