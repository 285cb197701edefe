package dev.sagitta.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.graph.Field;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.train.optimiser.OptimiserOptions;
import dev.sagitta.train.optimiser.OptimiserType;
import dev.sagitta.train.optimiser.Optimisers;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a checkpoint says of its training run besides tensors: JSON under {@code sagitta.training}. Data order and random numbers follow from
 * seed, examples seen and step.
 *
 * @param step steps done
 * @param seen examples that they saw, each as often as it was seen: where in its epoch the next step begins, whatever the batch
 * @param examples of the training set
 * @param bits that an automatic policy keeps activations in, by tensor
 * @param measured what it measured since it last chose
 */
public record TrainingState(
        long step,
        long seen,
        int examples,
        TrainingOptions options,
        Map<String, Integer> bits,
        Map<String, Float> measured) {

    /** By the layer that gives a tensor. Files whose {@code bits} go by the layer that reads it are taken up without them: their names mean others now. */
    private static final String BITS = "keptBits";

    private static final String MEASURED = "keptMeasured";

    public String toJson() {
        ObjectNode root = new ObjectMapper().createObjectNode();
        OptimiserOptions o = options.optimiser();
        root.put("step", step)
                .put("seen", seen)
                .put("seed", options.seed())
                .put("batch", options.batch())
                .put("examples", examples);
        ObjectNode optimiser = root.putObject("optimizer");
        optimiser.put("type", o.type().name()).put("lr", o.rate());
        o.own().forEach(optimiser::put);
        optimiser.put("weightDecay", o.weightDecay());
        if (o.clips()) {
            optimiser.put("clip", o.maxNorm());
        }
        root.put("activationBits", options.activationBits());
        if (!bits.isEmpty()) {
            ObjectNode chosen = root.putObject(BITS);
            bits.forEach(chosen::put);
            ObjectNode sums = root.putObject(MEASURED);
            measured.forEach(sums::put);
        }
        return root.toString();
    }

    /** @throws dev.sagitta.io.file.DataException naming the field that is missing or wrong */
    public static TrainingState parse(JsonInput json) {
        OptimiserOptions optimiser = optimiser(json.object("optimizer"));
        TrainingOptions options = new TrainingOptions(
                (int) json.integer("batch", 1, Integer.MAX_VALUE),
                optimiser,
                json.text("activationBits", "none"),
                json.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE));
        Map<String, Integer> bits = new LinkedHashMap<>();
        numbers(json, BITS).forEach((name, value) -> {
            if (value != 1 && value != 2 && value != 4 && value != 8) {
                throw json.error("bits of '" + name + "' are " + value + ", expected 1, 2, 4 or 8");
            }
            bits.put(name, value.intValue());
        });
        Map<String, Float> measured = new LinkedHashMap<>();
        numbers(json, MEASURED).forEach((name, value) -> measured.put(name, value.floatValue()));
        return new TrainingState(
                json.integer("step", 0, 1L << 48),
                json.integer("seen", 0, Long.MAX_VALUE / 2),
                (int) json.integer("examples", 1, Integer.MAX_VALUE),
                options,
                bits,
                measured);
    }

    private static OptimiserOptions optimiser(JsonInput o) {
        String name = o.text("type");
        OptimiserType type =
                Optimisers.find(name).orElseThrow(() -> o.error("type '" + name + "', expected " + Optimisers.names()));
        double most = Double.MAX_VALUE;
        Map<String, Double> own = new LinkedHashMap<>();
        for (Field<Double> field : type.fields()) {
            own.put(field.name(), o.number(field.name(), field.least(), field.most()));
        }
        double clip = o.has("clip") ? o.number("clip", 0, most) : Double.POSITIVE_INFINITY;
        try {
            return new OptimiserOptions(type, o.number("lr", 0, most), o.number("weightDecay", 0, most), clip, own);
        } catch (IllegalArgumentException e) {
            throw o.error(e.getMessage());
        }
    }

    private static Map<String, Double> numbers(JsonInput json, String field) {
        Map<String, Double> values = new LinkedHashMap<>();
        if (json.has(field)) {
            JsonInput named = json.object(field);
            for (String name : named.fields()) {
                values.put(name, named.number(name, -Double.MAX_VALUE, Double.MAX_VALUE));
            }
        }
        return values;
    }
}
