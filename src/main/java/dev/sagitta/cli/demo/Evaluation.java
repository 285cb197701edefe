package dev.sagitta.cli.demo;

import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;

/** Mean loss and the fraction of right answers over examples. */
record Evaluation(double loss, double accuracy, long examples) {

    /** Examples per pass: of no influence on the result but by rounding. */
    static final int BATCH = 512;

    /** A network compiled to be evaluated again and again on the same examples. */
    static final class Evaluator implements AutoCloseable {
        private final Batches batches;

        /** @param batches compiled for {@link Computation#EVALUATE}; closed with the evaluator */
        Evaluator(Batches batches) {
            this.batches = batches;
        }

        Evaluation evaluate() {
            double loss = 0;
            double right = 0;
            double examples = 0;
            for (int i = 0; i < batches.count(); i++) {
                batches.run(i, Computation.EVALUATE);
                float[] metrics = batches.program(i).tensor("metrics").downloadFloats(batches.program().stream());
                loss += metrics[0];
                examples += metrics[1];
                right += metrics[2];
            }
            return new Evaluation(loss / examples, right / examples, (long) examples);
        }

        @Override
        public void close() {
            batches.close();
        }
    }
}
