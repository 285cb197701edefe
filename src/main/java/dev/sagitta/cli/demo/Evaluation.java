package dev.sagitta.cli.demo;

import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;

/** Mean loss and the fraction of right answers over examples. */
record Evaluation(double loss, double accuracy, long examples) {

    /** A network compiled to be evaluated again and again on the same examples. */
    static final class Evaluator implements AutoCloseable {
        private static final int BATCH = 512;

        private final Batches batches;

        /** @param bound options with the parameters to evaluate */
        Evaluator(Graph graph, Device device, Examples examples, java.util.function.UnaryOperator<ProgramOptions> bound) {
            ProgramOptions options = bound.apply(ProgramOptions.of(BATCH, Computation.EVALUATE));
            this.batches = new Batches(graph, device, options, examples);
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
