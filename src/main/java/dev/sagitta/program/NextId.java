package dev.sagitta.program;

import dev.sagitta.random.RandomStream;
import java.nio.FloatBuffer;

/**
 * Chooses an id by what a network says of each: the likeliest, or one drawn from the softmax of logits / temperature over the likeliest {@code topK} of those
 * whose probabilities, from the likeliest down, first reach {@code topP}. Of equal logits the lower id counts as the likelier.
 *
 * <p>Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020, for the share.
 */
public final class NextId {
    private final double temperature;
    private final int topK;
    private final double topP;
    private final RandomStream random;
    private double[] weights = {};
    private long[] order = {};

    /**
     * @param temperature 0 for the likeliest
     * @param topK 0 for all
     * @param topP above 0, 1 for all
     * @param seed of the draws
     * @throws IllegalArgumentException naming the setting that is out of range
     */
    public NextId(double temperature, int topK, double topP, long seed) {
        if (!(temperature >= 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("temperature " + temperature + ", expected 0 or above");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("top-k " + topK + ", expected 0 for all, or a number of ids");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("top-p " + topP + ", expected above 0 and at most 1");
        }
        this.temperature = temperature;
        this.topK = topK;
        this.topP = topP;
        this.random = RandomStream.of(seed, "sampling");
    }

    /** Whether it is the likeliest id always. */
    public boolean isGreedy() {
        return temperature == 0 || topK == 1;
    }

    /** @throws IllegalArgumentException if a logit is not a number */
    public int of(FloatBuffer logits) {
        int best = 0;
        for (int i = 0; i < logits.limit(); i++) {
            if (Float.isNaN(logits.get(i))) {
                throw notANumber(i);
            }
            best = logits.get(i) > logits.get(best) ? i : best;
        }
        if (isGreedy()) {
            return best;
        }
        return draw(logits, logits.get(best));
    }

    static IllegalArgumentException notANumber(int logit) {
        return new IllegalArgumentException("logit " + logit + " is not a number; look at the weights");
    }

    private int draw(FloatBuffer logits, float most) {
        int n = logits.limit();
        if (weights.length != n) {
            weights = new double[n];
            order = new long[n];
        }
        double total = 0;
        for (int i = 0; i < n; i++) {
            weights[i] = Math.exp((logits.get(i) - most) / temperature);
            total += weights[i];
        }
        boolean all = (topK == 0 || topK >= n) && topP == 1;
        if (all) {
            return pick(n, total, true);
        }
        for (int i = 0; i < n; i++) {
            // ascending keys: bits of a positive float grow with it, and the likeliest come first
            int bits = Float.floatToIntBits((float) weights[i]);
            order[i] = (long) (Integer.MAX_VALUE - bits) << 32 | i;
        }
        java.util.Arrays.sort(order);
        int count = topK == 0 ? n : Math.min(topK, n);
        double kept = 0;
        for (int i = 0; i < count; i++) {
            kept += weights[(int) order[i]];
        }
        double wanted = topP * kept;
        double sum = 0;
        int used = 0;
        while (used < count && (used == 0 || sum < wanted)) {
            sum += weights[(int) order[used++]];
        }
        return pick(used, sum, false);
    }

    private int pick(int count, double total, boolean inOrder) {
        double at = random.nextDouble() * total;
        int last = 0;
        for (int i = 0; i < count; i++) {
            last = inOrder ? i : (int) order[i];
            at -= weights[last];
            if (at < 0) {
                return last;
            }
        }
        return last;
    }
}
