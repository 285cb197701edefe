package dev.sagitta.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.program.Evaluation;
import dev.sagitta.quant.Omega;
import dev.sagitta.quant.Quantizer;
import dev.sagitta.quant.RoundingCurvature;
import dev.sagitta.quant.RoundingErrors;
import java.io.PrintWriter;

/**
 * What {@code quantize} says.
 *
 * @param sensitivity what was minimised
 * @param form what {@code rounding} measures: v'Hv or v'Gv
 * @param rows that the loss was evaluated on: held-out or all
 * @param rounding null where it was not measured
 * @param omega null where it was not measured
 */
record QuantizeReport(
        String sensitivity,
        String form,
        String rows,
        Quantizer.Packed packed,
        RoundingErrors errors,
        RoundingCurvature rounding,
        Omega omega,
        Evaluation before,
        Evaluation after) {

    /**
     * {@code {"sensitivity","rows","averageBits","bytes","curvature","omega","layers":[{"name","bits","error","curvature","trace","omega"}],
     * "before","after","predictedIncrease","increase"}}; null is what was not measured.
     */
    ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance
                .objectNode()
                .put("sensitivity", sensitivity)
                .put("rows", rows)
                .put("averageBits", packed.averageBits())
                .put("bytes", packed.bytes());
        Numbers.put(json, "curvature", rounding == null ? Double.NaN : rounding.cost(packed.plan()));
        Numbers.put(json, "omega", omega == null ? Double.NaN : omega.cost(packed.plan()));
        ArrayNode layers = json.putArray("layers");
        for (RoundingErrors.Weight weight : errors.weights()) {
            String name = weight.parameter().name();
            QuantFormat format = packed.plan().formats().get(name);
            if (format != null) {
                int bits = format.bits();
                ObjectNode layer = layers.addObject()
                        .put("name", name)
                        .put("bits", bits)
                        .put("error", weight.choice(bits).squaredError());
                Numbers.put(layer, "curvature", rounding == null ? Double.NaN : rounding.cost(name, bits));
                Numbers.put(
                        layer,
                        "trace",
                        omega == null ? Double.NaN : omega.traces().get(name).value());
                Numbers.put(layer, "omega", omega == null ? Double.NaN : omega.cost(name, bits));
            }
        }
        json.set("before", evaluation(before));
        json.set("after", evaluation(after));
        Numbers.put(json, "predictedIncrease", rounding == null ? Double.NaN : rounding.lossIncrease(packed.plan()));
        Numbers.put(json, "increase", after.loss() - before.loss());
        return json;
    }

    private static ObjectNode evaluation(Evaluation evaluation) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        Numbers.put(json, "loss", evaluation.loss());
        Numbers.put(json, "accuracy", evaluation.accuracy());
        return json.put("examples", evaluation.examples());
    }

    void print(PrintWriter stdout) {
        JsonNode json = json();
        int width = 6;
        for (JsonNode layer : json.get("layers")) {
            width = Math.max(width, layer.get("name").textValue().length());
        }
        stdout.printf("%-" + width + "s %4s %12s %12s %12s %12s%n", "weight", "bits", "error", form, "trace", "omega");
        for (JsonNode layer : json.get("layers")) {
            stdout.printf(
                    "%-" + width + "s %4d %s %s %s %s%n",
                    layer.get("name").textValue(),
                    layer.get("bits").intValue(),
                    number("%12.5g", layer.get("error")),
                    number("%12.5g", layer.get("curvature")),
                    number("%12.5g", layer.get("trace")),
                    number("%12.5g", layer.get("omega")));
        }
        stdout.printf(
                "bits by %s: %s on average, %d bytes, %s %s, omega %s%n",
                sensitivity,
                number("%.3f", json.get("averageBits")),
                packed.bytes(),
                form,
                number("%.5g", json.get("curvature")),
                number("%.5g", json.get("omega")));
        print(stdout, "before", before);
        print(stdout, "after", after);
        stdout.printf(
                "increase %s, half of %s foretells %s%n",
                number("%.5f", json.get("increase")), form, number("%.5f", json.get("predictedIncrease")));
    }

    private void print(PrintWriter stdout, String when, Evaluation evaluation) {
        stdout.printf(
                "%-6s loss %s, accuracy %s, %d examples (%s)%n",
                when,
                Numbers.text("%.5f", evaluation.loss()),
                Numbers.text("%.4f", evaluation.accuracy()),
                evaluation.examples(),
                rows);
    }

    private static String number(String format, JsonNode value) {
        return Numbers.text(format, value.isNull() ? Double.NaN : value.doubleValue());
    }
}
