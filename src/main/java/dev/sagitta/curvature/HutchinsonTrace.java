package dev.sagitta.curvature;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.Dots;
import dev.sagitta.kernel.Step;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Trace of an operator, whole and per parameter, from Rademacher probes (Hutchinson 1990): E[v'Av] = tr A.
 *
 * <p>Joint probes give every block {@code v_l . (Av)_l} from one product, at the price of the variance {@code sum_{m != l} ||A_lm||_F^2};
 * separate probes are zero outside one block and cost one product per block. Sampling stops when the confidence interval of the whole trace
 * is narrow enough, never because the mean stopped moving.
 *
 * @param maxProbes at most so many probes (per block, if separate)
 * @param relativeHalfWidth stop when the interval's half-width is at most this fraction of the estimate; 0 uses all probes
 * @param confidence of the interval, for instance 0.95
 * @param separate one set of probes per parameter
 */
public record HutchinsonTrace(int maxProbes, double relativeHalfWidth, double confidence, boolean separate) {
    /** A confidence interval needs a few samples to mean anything. */
    private static final int MIN_PROBES = 8;

    public HutchinsonTrace {
        if (maxProbes < 1 || relativeHalfWidth < 0 || !(confidence > 0 && confidence < 1)) {
            throw new IllegalArgumentException("trace: probes " + maxProbes + " (at least 1), relative half-width "
                    + relativeHalfWidth + " (at least 0), confidence " + confidence + " (between 0 and 1)");
        }
    }

    public static HutchinsonTrace joint(int probes) {
        return new HutchinsonTrace(probes, 0, 0.95, false);
    }

    public static HutchinsonTrace separate(int probes) {
        return new HutchinsonTrace(probes, 0, 0.95, true);
    }

    /** @param blocks one estimate per parameter, in the order of the layout */
    public record Result(Estimate total, List<Parameter> parameters, List<Estimate> blocks) {}

    public Result estimate(CurvatureOperator operator, long seed) {
        List<Parameter> parameters = operator.layout().parameters();
        List<Statistics> blocks = new ArrayList<>();
        parameters.forEach(parameter -> blocks.add(new Statistics()));
        Statistics total = new Statistics();
        Probes probes = new Probes(operator);
        try (BlockDots dots = new BlockDots(operator)) {
            if (separate) {
                return separate(operator, seed, probes, dots, blocks);
            }
            for (int round = 0; total.count() < maxProbes && !narrow(total); round++) {
                probes.rademacher(seed, round);
                operator.multiply();
                float[][] samples = dots.read();
                // the last round may hold more probes than asked for
                int used = Math.min(operator.probes(), maxProbes - total.count());
                for (int k = 0; k < used; k++) {
                    double sum = 0;
                    for (int l = 0; l < parameters.size(); l++) {
                        blocks.get(l).add(samples[l][k]);
                        sum += samples[l][k];
                    }
                    total.add(finite(sum));
                }
            }
        }
        return new Result(
                Estimate.of(total, confidence),
                parameters,
                blocks.stream().map(block -> Estimate.of(block, confidence)).toList());
    }

    private Result separate(
            CurvatureOperator operator, long seed, Probes probes, BlockDots dots, List<Statistics> blocks) {
        List<Parameter> parameters = operator.layout().parameters();
        List<Estimate> estimates = new ArrayList<>();
        double value = 0;
        double variance = 0;
        int count = 0;
        for (int l = 0; l < parameters.size(); l++) {
            Statistics block = blocks.get(l);
            for (int round = 0; block.count() < maxProbes && !narrow(block); round++) {
                probes.rademacher(seed, round, parameters.get(l));
                operator.multiply();
                float[] samples = dots.read()[l];
                int used = Math.min(operator.probes(), maxProbes - block.count());
                for (int k = 0; k < used; k++) {
                    block.add(finite(samples[k]));
                }
            }
            Estimate estimate = Estimate.of(block, confidence);
            estimates.add(estimate);
            value += estimate.value();
            variance += estimate.standardError() * estimate.standardError();
            count = Math.max(count, estimate.probes());
        }
        double error = Math.sqrt(variance);
        double halfWidth = Math.sqrt(estimates.stream()
                .mapToDouble(estimate -> estimate.halfWidth() * estimate.halfWidth())
                .sum());
        return new Result(new Estimate(value, error, halfWidth, count), parameters, estimates);
    }

    private boolean narrow(Statistics statistics) {
        if (relativeHalfWidth == 0 || statistics.count() < MIN_PROBES) {
            return false;
        }
        Estimate estimate = Estimate.of(statistics, confidence);
        return estimate.halfWidth() <= relativeHalfWidth * Math.abs(estimate.value());
    }

    private static double finite(double sample) {
        if (!Double.isFinite(sample)) {
            throw new ArithmeticException(
                    "trace: a probe's v'Av is " + sample + "; check weights and inputs for NaN or infinity");
        }
        return sample;
    }

    /** {@code v_l[k] . (Av)_l[k]} for all blocks and probes in one launch. */
    private static final class BlockDots implements AutoCloseable {
        private final CurvatureOperator operator;
        private final Buffer segmentsBuffer;
        private final Buffer outBuffer;
        private final Buffer workspaceBuffer;
        private final Tensor out;
        private final Step step;

        BlockDots(CurvatureOperator operator) {
            this.operator = operator;
            Device device = operator.device();
            ParameterLayout layout = operator.layout();
            int blocks = layout.parameters().size();
            int probes = operator.probes();
            long length = operator.vectors().elements();
            long[] segments = new long[blocks * probes + 1];
            for (int l = 0; l < blocks; l++) {
                Parameter parameter = layout.parameters().get(l);
                for (int k = 0; k < probes; k++) {
                    segments[l * probes + k] = probes * layout.offset(parameter) + k * parameter.elements();
                }
            }
            segments[blocks * probes] = length;
            segmentsBuffer = device.allocate(segments.length * 8L, MemoryCategory.WORKSPACE, "block segments");
            outBuffer = device.allocate(blocks * probes * 4L, MemoryCategory.WORKSPACE, "block dots");
            Shape partials = Dots.partials(device, length, 1, (long) blocks * probes);
            workspaceBuffer = device.allocate(
                    partials.elements() * Float.BYTES, MemoryCategory.WORKSPACE, "block dots workspace");
            Tensor offsets = new Tensor("block segments", segmentsBuffer, DType.I64, Shape.of(segments.length));
            offsets.upload(operator.stream(), segments);
            out = new Tensor("block dots", outBuffer, DType.F32, Shape.of(1, (long) blocks * probes));
            step = new Dots(
                            operator.vectors().reshape(Shape.of(1, length)),
                            operator.products().reshape(Shape.of(1, length)),
                            offsets,
                            out,
                            new Tensor("partials", workspaceBuffer, DType.F32, partials))
                    .prepare(device);
        }

        /** [block][probe]. */
        float[][] read() {
            step.enqueue(operator.stream());
            float[] flat = out.downloadFloats(operator.stream());
            int probes = operator.probes();
            float[][] result = new float[flat.length / probes][];
            for (int l = 0; l < result.length; l++) {
                result[l] = java.util.Arrays.copyOfRange(flat, l * probes, (l + 1) * probes);
            }
            return result;
        }

        @Override
        public void close() {
            step.close();
            workspaceBuffer.close();
            outBuffer.close();
            segmentsBuffer.close();
        }
    }
}
