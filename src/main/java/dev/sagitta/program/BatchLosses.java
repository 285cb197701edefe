package dev.sagitta.program;

/**
 * A network's losses batch by batch, to tell it from another one on the same rows: the difference has a standard error, in which what both find
 * hard cancels.
 */
public final class BatchLosses {
    private final double[] sums;
    private final double[] counted;
    private final double correct;

    private BatchLosses(double[] sums, double[] counted, double correct) {
        this.sums = sums;
        this.counted = counted;
        this.correct = correct;
    }

    /** @param batches compiled for {@link Computation#EVALUATE}, with its parameters */
    public static BatchLosses of(Batches batches) {
        double[] sums = new double[batches.count()];
        double[] counted = new double[sums.length];
        double correct = 0;
        float[][] metrics = batches.each(Computation.EVALUATE, Role.METRICS);
        for (int i = 0; i < sums.length; i++) {
            sums[i] = metrics[i][0];
            counted[i] = metrics[i][1];
            correct += metrics[i][2];
        }
        return new BatchLosses(sums, counted, correct);
    }

    private static double sum(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum;
    }

    /** Of all rows; of a loss with classes. */
    public Evaluation evaluation() {
        double examples = sum(counted);
        return new Evaluation(sum(sums) / examples, correct / examples, Math.round(examples));
    }

    /**
     * @param value of the mean losses over all rows
     * @param standardError over other rows of the same kind; NaN from fewer than two batches
     */
    public record Difference(double value, double standardError) {}

    /**
     * How much larger this loss is than another network's. The standard error comes from how the differences of batches scatter, so rows of a
     * batch may depend on each other, as neighbours in a text do; batches are taken as independent.
     *
     * @throws IllegalArgumentException if the other network was not evaluated in the same batches
     */
    public Difference minus(BatchLosses other) {
        if (!java.util.Arrays.equals(counted, other.counted)) {
            throw new IllegalArgumentException(
                    "difference of losses: the two networks were evaluated on " + counted.length + " and "
                            + other.counted.length + " batches of other rows; evaluate both on the same");
        }
        double examples = sum(counted);
        double mean = (sum(sums) - sum(other.sums)) / examples;
        int batches = 0;
        double squares = 0;
        for (int i = 0; i < sums.length; i++) {
            double deviation = sums[i] - other.sums[i] - mean * counted[i];
            squares += deviation * deviation;
            batches += counted[i] > 0 ? 1 : 0;
        }
        double error = batches < 2 ? Double.NaN : Math.sqrt(squares * batches / (batches - 1)) / examples;
        return new Difference(mean, error);
    }
}
