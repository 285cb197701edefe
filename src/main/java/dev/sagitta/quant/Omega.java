package dev.sagitta.quant;

import dev.sagitta.curvature.estimator.Estimate;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Sensitivity after HAWQ-V2 (Dong et al. 2020): Omega = tr(H_l) / n_l * ||Q_b(W_l) - W_l||^2, H_l the Hessian's block of weight l with n_l
 * elements, as if the rounding error had no direction.
 *
 * <p>A trace that its interval does not tell from zero, or a negative one, says nothing of how little the weight matters: its upper bound counts, or
 * its size where that is larger, so that neither noise nor negative curvature makes a weight free. Where the trace is zero without any doubt, so is
 * Omega at all bits, and the rounding error decides.
 *
 * @param traces of the loss's Hessian over each weight, by its name
 */
public record Omega(RoundingErrors errors, Map<String, Estimate> traces) implements Sensitivity {

    public Omega {
        traces = Collections.unmodifiableMap(new LinkedHashMap<>(traces));
        for (RoundingErrors.Weight weight : errors.weights()) {
            String name = weight.parameter().name();
            if (!traces.containsKey(name)) {
                throw new IllegalArgumentException("omega: there is no trace of weight '" + name + "'");
            }
        }
    }

    /** Whether the trace is positive, and its interval too. */
    public boolean certain(String weight) {
        Estimate trace = traces.get(weight);
        return trace.value() > trace.halfWidth();
    }

    /** The trace as Omega counts it. */
    public double trace(String weight) {
        Estimate trace = traces.get(weight);
        if (certain(weight)) {
            return trace.value();
        }
        // of one probe there is no interval: its size is the only scale there is
        double size = Math.abs(trace.value());
        return Double.isFinite(trace.halfWidth()) ? Math.max(size, trace.value() + trace.halfWidth()) : size;
    }

    @Override
    public double cost(String weight, int bits) {
        RoundingErrors.Weight measured = errors.weight(weight);
        return trace(weight)
                / measured.parameter().elements()
                * measured.choice(bits).squaredError();
    }
}
