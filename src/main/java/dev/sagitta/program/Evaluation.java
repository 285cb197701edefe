package dev.sagitta.program;

import dev.sagitta.tensor.DType;

/**
 * How well a network does on a data set. What is not known is NaN.
 *
 * @param loss mean over the counted examples; NaN where there are none; infinite or NaN where the network's own is
 * @param accuracy fraction of them predicted correctly; NaN for a loss without classes and where the loss is unknown
 * @param examples counted: those whose label is not left out
 */
public record Evaluation(double loss, double accuracy, long examples) {
    /** Of no examples at all. */
    public static final Evaluation UNKNOWN = new Evaluation(Double.NaN, Double.NaN, 0);

    /** @param batches compiled for {@link Computation#EVALUATE}, with its parameters */
    public static Evaluation of(Batches batches) {
        double loss = 0;
        double counted = 0;
        double correct = 0;
        for (float[] metrics : batches.each(Computation.EVALUATE, Role.METRICS)) {
            loss += metrics[0];
            counted += metrics[1];
            correct += metrics[2];
        }
        // 0 / 0 is NaN
        boolean classes = batches.program().graph().loss().targetType() == DType.I32;
        double mean = loss / counted;
        double accuracy = classes && Double.isFinite(mean) ? correct / counted : Double.NaN;
        return new Evaluation(mean, accuracy, Math.round(counted));
    }
}
