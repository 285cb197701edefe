package dev.sagitta.curvature.estimator;

import dev.sagitta.curvature.CurvatureOperator;
import dev.sagitta.curvature.Probes;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.random.Random;
import java.util.ArrayList;
import java.util.List;

/**
 * Trace of an operator, whole and per parameter, from Rademacher probes (Hutchinson 1990): E[v'Av] = tr A.
 *
 * <p>Joint probes give every block {@code v_l . (Av)_l} from one product, at the price of the variance {@code sum_{m != l} ||A_lm||_F^2};
 * separate probes are zero outside one block and cost one product per block. Sampling stops when the confidence interval of the whole trace
 * is narrow enough, never because the mean stopped moving.
 *
 * <p>Probe j of a seed is one vector, component by component named by parameter and index, so samples do not depend on how many probes an
 * operator takes at once, on batches or on the device, but for rounding. Operators over parts of the rows, one to a machine, see the same
 * probes: their samples, weighed by the rows, add up to those of the whole. An operator over some parameters sees their part of each probe.
 *
 * @param maxProbes at most so many probes (per block, if separate)
 * @param relativeHalfWidth stop when the interval's half-width is at most this fraction of the estimate; 0 uses all probes
 * @param confidence of the interval, for instance 0.95
 * @param separate one set of probes per parameter
 */
public record HutchinsonTrace(int maxProbes, double relativeHalfWidth, double confidence, boolean separate) {
    /**
     * The interval is looked at after so many probes, twice as many, and so on, whatever an operator takes at once: it needs a few samples to
     * mean anything, and every look is one more chance that a narrow one is luck.
     */
    private static final int LOOK_EVERY = 8;

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

    /**
     * The samples, and with them estimate and number of probes, do not depend on how many probes the operator takes at once, but for
     * rounding: the products that a last round holds too many are not looked at.
     *
     * @throws ArithmeticException if a product is not finite
     */
    public Result estimate(CurvatureOperator operator, long seed) {
        try (Probes probes = new Probes(operator, Random.Kind.RADEMACHER, purpose(), seed);
                BlockDots dots = new BlockDots(operator)) {
            return separate ? separate(operator, probes, dots) : joint(operator, probes, dots);
        }
    }

    private Probes.Purpose purpose() {
        return separate ? Probes.Purpose.SEPARATE : Probes.Purpose.JOINT;
    }

    private Result joint(CurvatureOperator operator, Probes probes, BlockDots dots) {
        List<Parameter> parameters = operator.layout().parameters();
        List<Statistics> blocks = new ArrayList<>();
        parameters.forEach(parameter -> blocks.add(new Statistics()));
        Statistics total = new Statistics();
        for (long first = 0; !enough(total); first += operator.probes()) {
            probes.draw(first);
            operator.multiply();
            dots.read();
            for (int k = 0; k < operator.probes() && !enough(total); k++) {
                double sum = 0;
                for (int l = 0; l < blocks.size(); l++) {
                    blocks.get(l).add(dots.of(l, k));
                    sum += dots.of(l, k);
                }
                total.add(finite(sum));
            }
        }
        return new Result(
                Estimate.of(total, confidence),
                parameters,
                blocks.stream().map(block -> Estimate.of(block, confidence)).toList());
    }

    private Result separate(CurvatureOperator operator, Probes probes, BlockDots dots) {
        List<Parameter> parameters = operator.layout().parameters();
        List<Estimate> estimates = new ArrayList<>();
        double value = 0;
        double variance = 0;
        double squaredHalfWidth = 0;
        int count = 0;
        for (int l = 0; l < parameters.size(); l++) {
            Statistics block = new Statistics();
            for (long first = 0; !enough(block); first += operator.probes()) {
                probes.draw(first, l);
                operator.multiply();
                dots.read();
                for (int k = 0; k < operator.probes() && !enough(block); k++) {
                    block.add(finite(dots.of(l, k)));
                }
            }
            Estimate estimate = Estimate.of(block, confidence);
            estimates.add(estimate);
            value += estimate.value();
            variance += estimate.standardError() * estimate.standardError();
            squaredHalfWidth += estimate.halfWidth() * estimate.halfWidth();
            count = Math.max(count, estimate.probes());
        }
        Estimate total = new Estimate(value, Math.sqrt(variance), Math.sqrt(squaredHalfWidth), count);
        return new Result(total, parameters, estimates);
    }

    private boolean enough(Statistics statistics) {
        return statistics.count() >= maxProbes
                || statistics.count() > 0 && statistics.count() % LOOK_EVERY == 0 && narrow(statistics);
    }

    private boolean narrow(Statistics statistics) {
        if (relativeHalfWidth == 0) {
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
}
