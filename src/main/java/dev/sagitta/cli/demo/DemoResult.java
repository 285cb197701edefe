package dev.sagitta.cli.demo;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.program.BatchLosses;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.ProgramMemory;
import dev.sagitta.tensor.Shape;
import java.util.List;
import java.util.Map;

/** All numbers of a demo: {@code report.json}. */
@JsonInclude(JsonInclude.Include.NON_NULL)
record DemoResult(
        Run run,
        Data data,
        Model model,
        List<Training> training,
        Curvature curvature,
        List<Quantized> quantization,
        String sample,
        Map<String, Double> seconds) {

    /** Layer by layer: {@code fc1 [704, 512], gelu}. */
    static String describe(Graph graph) {
        StringBuilder text = new StringBuilder();
        for (Node node : graph.nodes()) {
            if (!node.isInput()) {
                Shape weight = node.op().parameters().isEmpty()
                        ? null
                        : node.op().parameters().get(0).shape();
                text.append(text.isEmpty() ? "" : ", ")
                        .append(weight == null ? node.op().type() : node.name() + " " + weight);
            }
        }
        return text.toString();
    }

    /** @param device its name */
    record Run(String device, String driver, long seed, int steps, int batch, double learningRate) {}

    record Data(String source, long examples, int train, int heldOut, int evaluated, Integer vocabulary) {}

    record Model(String description, long parameters, long bytes) {}

    /**
     * @param loss of the step's batch; null before the first
     * @param heldOutLoss null where it was not evaluated
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Point(int step, Double loss, Double heldOutLoss) {}

    /**
     * @param activationBits policy
     * @param bits by saved tensor, of an automatic policy
     * @param stepMilliseconds mean
     * @param memory peak bytes by category
     * @param savedBytes kept from forward to backward, at peak
     */
    record Training(
            String activationBits,
            Map<String, Integer> bits,
            List<Point> curve,
            Evaluation heldOut,
            double stepMilliseconds,
            Map<MemoryCategory, Long> memory,
            long savedBytes,
            List<ProgramMemory.SavedBytes> saved) {}

    record Curvature(
            String operator,
            int rows,
            Trace trace,
            List<LayerTrace> layers,
            List<Eigenvalue> eigenvalues,
            int lanczosSteps) {}

    /** @param halfWidth of the 95 % confidence interval */
    record Trace(double estimate, double standardError, double halfWidth, int probes) {}

    record LayerTrace(
            String name, long parameters, double trace, double standardError, double halfWidth, double averageTrace) {}

    record Eigenvalue(double value, double residualBound) {}

    /** @param standardError null where there are too few examples to tell */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Difference(double value, Double standardError) {
        static Difference of(BatchLosses.Difference difference) {
            double error = difference.standardError();
            return new Difference(difference.value(), Double.isNaN(error) ? null : (Double) error);
        }
    }

    /**
     * @param plan {@code curvature}: least v'Hv along the rounding errors; {@code trace}: least Omega; {@code uniform}
     * @param averageBits codes only
     * @param bytes of all parameters: packed weights with steps and centres, the others in fp32
     * @param predictedIncrease of the loss: half of v'Hv, on training examples
     * @param increase of the held-out loss over the fp32 network's
     * @param lessThanUniform held-out loss of the uniform plan beside it, less this one's; null for that plan itself
     * @param omega of HAWQ-V2
     * @param curvature sum of v'Hv over the weights
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Quantized(
            String plan,
            double averageBits,
            long bytes,
            double predictedIncrease,
            Difference increase,
            Difference lessThanUniform,
            double omega,
            double curvature,
            List<LayerBits> layers,
            Evaluation heldOut) {}

    /**
     * @param error squared
     * @param curvature v'Hv with v the rounding error
     */
    record LayerBits(String name, int bits, long bytes, double error, double omega, double curvature) {}
}
