package dev.sagitta.program;

/**
 * How well a network does on a data set.
 *
 * @param loss mean over the counted examples
 * @param accuracy fraction of them predicted correctly; 0 for a loss without classes
 * @param examples counted: those whose label is not left out
 */
public record Evaluation(double loss, double accuracy, long examples) {

    /** @param batches compiled for {@link Computation#EVALUATE}, with its parameters */
    public static Evaluation of(Batches batches) {
        double loss = 0;
        double counted = 0;
        double correct = 0;
        for (int i = 0; i < batches.count(); i++) {
            batches.run(i, Computation.EVALUATE);
            Program program = batches.program(i);
            float[] metrics = program.tensor("metrics").downloadFloats(program.stream());
            loss += metrics[0];
            counted += metrics[1];
            correct += metrics[2];
        }
        double examples = Math.max(1, counted);
        return new Evaluation(loss / examples, correct / examples, Math.round(counted));
    }
}
