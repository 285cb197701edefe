package dev.sagitta.quant;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.file.JsonInput;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A bit allocation's table and its solution as JSON.
 *
 * <pre>
 * {"layers": [{"name": "fc1", "options": [{"bits": 4, "omega": 0.01, "bytes": 200704, "cost": 1.5,
 *      "costs": {"latency": 0.7, "bitops": 3e9}, "error": 0.2}, ...]}, ...],
 *  "tied": [["fc1", "fc2"], ...]}
 * </pre>
 *
 * {@code tied} and {@code costs} may be absent, and so may {@code bytes} and {@code cost} where they are not limited; they count as 0
 * then. The names in {@code costs} are free, but every option has the same. {@code error}, the squared rounding error, decides between options of
 * a layer with equal omegas; every option has one or none has, and then the one with more bits is preferred.
 */
public final class AllocationFile {
    private static final int MOST_LAYERS = 4096;
    private static final int MOST_OPTIONS = 64;
    private static final int MOST_BITS = 64;
    /** Sums over all layers stay within a long and a double. */
    private static final long MOST_BYTES = 1L << 50;

    private static final double LARGEST = 1e300;

    private AllocationFile() {}

    /**
     * @param limited what must be given for every option, of {@code bytes} and {@code cost}; other names are of no account
     * @throws dev.sagitta.io.file.DataException naming the layer and field that is wrong
     */
    public static BitTable read(Path file, Set<String> limited) {
        JsonInput json = JsonInput.file(file).allow("layers", "tied");
        List<BitTable.Layer> layers = new ArrayList<>();
        Boolean errors = null;
        for (JsonInput layer : json.objects("layers", MOST_LAYERS)) {
            layer.allow("name", "options");
            List<BitTable.Option> options = new ArrayList<>();
            for (JsonInput option : layer.objects("options", MOST_OPTIONS)) {
                options.add(option(option, limited));
                if (errors != null && errors != option.has("error")) {
                    throw option.error("some options have an 'error' and some have none; give it to all or to none");
                }
                errors = option.has("error");
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

    private static BitTable.Option option(JsonInput json, Set<String> limited) {
        json.allow("bits", "omega", "bytes", "cost", "costs", "error");
        boolean bytes = limited.contains(BitAllocation.Limit.BYTES) || json.has("bytes");
        boolean cost = limited.contains(BitAllocation.Limit.COST) || json.has("cost");
        Map<String, Double> costs = new TreeMap<>();
        if (json.has("costs")) {
            JsonInput named = json.object("costs");
            named.fields().forEach(name -> costs.put(name, named.number(name, 0, LARGEST)));
        }
        BitTable.Option option = new BitTable.Option(
                (int) json.integer("bits", 1, MOST_BITS),
                json.number("omega", -LARGEST, LARGEST),
                bytes ? json.integer("bytes", 0, MOST_BYTES) : 0,
                cost ? json.number("cost", 0, LARGEST) : 0,
                costs);
        return json.has("error") ? option.withError(json.number("error", 0, LARGEST)) : option;
    }

    /**
     * {@code {"layers": [{"name", "bits", "omega", "bytes", "cost"}], "total": {"omega", "bytes", "cost"}, "optimal": true}}; layers and
     * total have {@code "costs": {..}} where the table has named ones. Where the proof was not finished, {@code optimal} is false and
     * {@code bound} the omega that no plan undercuts.
     */
    public static String toJson(BitAllocation allocation) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode layers = json.putArray("layers");
        allocation
                .choice()
                .forEach((name, option) -> put(
                        layers.addObject().put("name", name).put("bits", option.bits()),
                        option.omega(),
                        option.bytes(),
                        option.cost(),
                        option.costs()));
        put(json.putObject("total"), allocation.omega(), allocation.bytes(), allocation.cost(), allocation.costs());
        json.put("optimal", allocation.optimal());
        if (!allocation.optimal()) {
            json.put("bound", allocation.bound());
        }
        return json.toPrettyString();
    }

    private static void put(ObjectNode json, double omega, long bytes, double cost, Map<String, Double> costs) {
        json.put("omega", omega).put("bytes", bytes).put("cost", cost);
        if (!costs.isEmpty()) {
            ObjectNode named = json.putObject("costs");
            costs.forEach(named::put);
        }
    }
}
