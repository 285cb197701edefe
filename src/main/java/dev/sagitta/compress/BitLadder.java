package dev.sagitta.compress;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Bits per saved tensor that minimise the gradient variance {@code sum_l c_l S(b_l)}, {@code S(b) = (2^b - 1)^-2}, within an average number
 * of bits per element. Every tensor starts on the lowest rung of 1, 2, 4, 8; the step with the largest gain per added bit is taken while it
 * fits. S is convex along the rungs, so gains only fall and the walk is within one step of the optimum.
 */
public final class BitLadder {
    private static final int[] RUNGS = {1, 2, 4, 8};

    private BitLadder() {}

    /**
     * @param elements of the tensor
     * @param sensitivity c_l: its gradient variance if it were kept with one bit
     */
    public record Demand(String name, long elements, double sensitivity) {}

    /**
     * @param averageBits of the codes, at least 1
     * @return bits by name, in the order of the demands
     */
    public static Map<String, Integer> allocate(List<Demand> demands, double averageBits) {
        if (!(averageBits >= 1 && averageBits <= 8)) {
            throw new IllegalArgumentException("bit ladder: average of " + averageBits + " bits, expected 1 to 8");
        }
        Map<String, Integer> rung = new LinkedHashMap<>();
        double budget = 0;
        for (Demand demand : demands) {
            rung.put(demand.name(), 0);
            budget += demand.elements() * (averageBits - RUNGS[0]);
        }
        // ties by name, so that the same sensitivities give the same bits
        PriorityQueue<Demand> queue = new PriorityQueue<>(
                Comparator.comparingDouble((Demand demand) -> -gain(demand, rung.get(demand.name())))
                        .thenComparing(Demand::name));
        queue.addAll(demands);
        while (!queue.isEmpty()) {
            Demand demand = queue.poll();
            int at = rung.get(demand.name());
            if (at + 1 == RUNGS.length) {
                continue;
            }
            double price = (double) demand.elements() * (RUNGS[at + 1] - RUNGS[at]);
            if (price <= budget) {
                budget -= price;
                rung.put(demand.name(), at + 1);
                queue.add(demand);
            }
        }
        Map<String, Integer> bits = new LinkedHashMap<>();
        rung.forEach((name, at) -> bits.put(name, RUNGS[at]));
        return bits;
    }

    /** Variance saved per added bit and element by the next step. */
    private static double gain(Demand demand, int at) {
        if (at + 1 == RUNGS.length) {
            return 0;
        }
        double saved = demand.sensitivity() * (scale(RUNGS[at]) - scale(RUNGS[at + 1]));
        return saved / ((double) demand.elements() * (RUNGS[at + 1] - RUNGS[at]));
    }

    /** S(b): how the variance of stochastic rounding falls with the bits. */
    static double scale(int bits) {
        double levels = (1 << bits) - 1;
        return 1 / (levels * levels);
    }
}
