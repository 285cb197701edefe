package dev.sagitta.train;

import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.tensor.DType;

/**
 * How well a network does on a data set.
 *
 * @param loss mean over the examples
 * @param accuracy fraction predicted correctly; null where the loss knows no classes
 * @param examples that counted: ignored labels do not
 */
public record Evaluation(double loss, Double accuracy, long examples) {

    /** @param batches compiled for {@link Computation#EVALUATE} */
    public static Evaluation over(Batches batches) {
        double loss = 0;
        double correct = 0;
        long counted = 0;
        for (int i = 0; i < batches.count(); i++) {
            batches.run(i, Computation.EVALUATE);
            float[] metrics = batches.program(i).tensor("metrics").downloadFloats(batches.program(i).stream());
            loss += metrics[0];
            counted += Math.round(metrics[1]);
            correct += metrics[2];
        }
        boolean classes = batches.program().graph().loss().targetType() == DType.I32;
        return new Evaluation(loss / counted, classes ? correct / counted : null, counted);
    }
}
