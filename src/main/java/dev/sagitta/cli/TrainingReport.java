package dev.sagitta.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.program.Evaluation;

/**
 * What training says of itself between steps.
 *
 * @param loss mean over the labels that counted since the last report; NaN where there were none
 * @param held of the held-out examples
 * @param seconds since the first step, all included
 * @param examplesPerSecond of the steps alone, evaluation and saving left out
 * @param savedBytes of saved activations
 */
record TrainingReport(
        long step, double loss, Evaluation held, double seconds, double examplesPerSecond, long savedBytes) {

    ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("step", step);
        Numbers.put(json, "loss", loss);
        Numbers.put(json, "validationLoss", held.loss());
        Numbers.put(json, "validationAccuracy", held.accuracy());
        json.put("validationExamples", held.examples());
        json.put("seconds", seconds);
        Numbers.put(json, "examplesPerSecond", examplesPerSecond);
        return json.put("savedActivationBytes", savedBytes);
    }

    @Override
    public String toString() {
        return Numbers.text("step %7.0f", step)
                + "  loss " + Numbers.text("%.5f", loss)
                + "  validation " + Numbers.text("%.5f", held.loss())
                + (Double.isNaN(held.accuracy()) ? "" : "  accuracy " + Numbers.text("%.4f", held.accuracy()))
                + "  " + Numbers.text("%.0f", examplesPerSecond)
                + " examples/s  saved activations " + Numbers.text("%.3f", savedBytes * 1e-6) + " MB";
    }
}
