package dev.sagitta.io.model;

import dev.sagitta.graph.Field;
import dev.sagitta.io.file.JsonInput;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * The layers of a model's JSON with its repeated blocks written out: {@code {"repeat": 24, "as": "layers.{i}", "layers": [...]}} stands for its layers 24
 * times, names behind the prefix {@code layers.0.}, {@code layers.1.} and so on. What a layer of a block reads or shares is looked for in its block first;
 * {@code {in}} is the layer before the block: of the second copy, the last of the first one.
 *
 * @param most layers in all
 */
record LayerBlocks(LayerCodec codec, int most) {
    private static final String REPEAT = "repeat";
    private static final String AS = "as";
    private static final String LAYERS = "layers";
    private static final String COUNTER = "{i}";
    private static final String BEFORE = "{in}";

    /** Hands every layer in order to {@code then}, with the JSON it came from. */
    void read(JsonInput model, BiConsumer<JsonInput, LayerSpec> then) {
        int[] count = {0};
        for (Entry entry : entries(model, count, "input")) {
            then.accept(entry.where, entry.layer);
        }
    }

    private record Entry(JsonInput where, LayerSpec layer) {}

    /** @param before the layer before them */
    private List<Entry> entries(JsonInput json, int[] count, String before) {
        List<Entry> entries = new ArrayList<>();
        for (JsonInput item : json.objects(LAYERS, most)) {
            if (item.has(REPEAT)) {
                entries.addAll(repeated(item, count, last(entries, before)));
            } else {
                entries.add(new Entry(item, codec.read(item, entries.size())));
                if (++count[0] > most) {
                    throw item.error("the model has more than " + most + " layers");
                }
            }
        }
        return entries;
    }

    private static String last(List<Entry> entries, String before) {
        return entries.isEmpty()
                ? before
                : entries.get(entries.size() - 1).layer.name();
    }

    private List<Entry> repeated(JsonInput json, int[] count, String outside) {
        json.allow(REPEAT, AS, LAYERS);
        int times = (int) json.integer(REPEAT, 1, most);
        String as = json.text(AS);
        if (!as.contains(COUNTER)) {
            throw json.error("'" + AS + "' is \"" + as + "\", expected a prefix with " + COUNTER
                    + " in it, as \"layers." + COUNTER + "\"");
        }
        int first = count[0];
        List<Entry> block = entries(json, count, BEFORE);
        if (block.isEmpty()) {
            throw json.error("'" + LAYERS + "' is empty, expected at least one layer");
        }
        long all = first + (long) times * (count[0] - first);
        if (all > most) {
            throw json.error(
                    "repeated " + times + " times, the model has " + all + " layers, expected at most " + most);
        }
        count[0] = (int) all;
        Set<String> names = new HashSet<>();
        block.forEach(entry -> names.add(entry.layer.name()));
        List<Entry> copies = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            String prefix = as.replace(COUNTER, Integer.toString(i)) + ".";
            String before = last(copies, outside);
            for (Entry entry : block) {
                copies.add(new Entry(entry.where, inBlock(entry.layer, prefix, names, before)));
            }
        }
        return copies;
    }

    private static LayerSpec inBlock(LayerSpec layer, String prefix, Set<String> names, String before) {
        List<String> from = layer.from().stream()
                .map(name -> name.equals(BEFORE) ? before : names.contains(owner(name, names)) ? prefix + name : name)
                .toList();
        Map<String, Object> fields = new LinkedHashMap<>(layer.fields());
        for (Field<?> field : layer.type().fields()) {
            if (field.kind() == Field.Kind.PARAMETER && fields.get(field.name()) instanceof String parameter) {
                fields.put(field.name(), names.contains(owner(parameter, names)) ? prefix + parameter : parameter);
            }
        }
        return new LayerSpec(layer.type(), prefix + layer.name(), from, fields);
    }

    /** The layer that an output or a parameter belongs to: the name itself, or what stands before its last dot. */
    private static String owner(String name, Set<String> names) {
        int dot = name.lastIndexOf('.');
        return names.contains(name) || dot < 0 ? name : name.substring(0, dot);
    }
}
