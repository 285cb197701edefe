package dev.sagitta.compress;

import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.SavedStore;
import dev.sagitta.tensor.Gather;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How many bits saved activations are kept in: all exact, all at one width, or {@code auto:AVG}: bits per tensor that minimise the gradient's
 * variance at AVG stored bits per activation element, masks included. ReLU's masks take one bit whatever the policy.
 *
 * <p>Rounding is unbiased: the mean of what is read back is what was kept. So is the mean of a gradient or an Hv where everything between was
 * kept exactly or is read linearly: linear layers, ReLU (a mask, exact), dropout (drawn again). A smooth activation (gelu, tanh, silu) reads
 * its input through s' and s'': these derivatives are biased, and no number of draws takes that away. {@code v'Hv} in a pass of its own
 * ({@code HESSIAN_QUADRATIC}) is quadratic in what was kept and biased for every network. docs/activations.md has figures; where a product
 * must be exact, keep activations exactly.
 *
 * <p>An automatic policy starts every tensor at the same width and learns while programs compiled with {@link #store} run
 * {@link Computation#MEASURED_GRADIENT}, which some steps of a training do in place of the gradient. Call {@link #resolve} from time to time; when it says that bits changed, compile the program again.
 */
public final class ActivationPolicy {
    /** New bits must lower the predicted variance by this fraction: compiling again has a price. */
    private static final double HYSTERESIS = 0.1;

    /** Of the reader's cotangent noise that reaches the weights: the square of a typical s'' (0.5 for gelu and tanh near 0). */
    private static final double NONLINEAR_GAIN = 0.25;

    private static final int EXACT = 32;

    private final String text;
    private final int fixedBits;
    private final double average;
    /** What was chosen; whatever else a program keeps has {@link #startBits}. */
    private final Map<String, Integer> chosen = new LinkedHashMap<>();

    private ActivationPolicy(String text, int fixedBits, double average) {
        this.text = text;
        this.fixedBits = fixedBits;
        this.average = average;
    }

    public static ActivationPolicy none() {
        return new ActivationPolicy("none", EXACT, 0);
    }

    /** @param text {@code none}, {@code 8}, {@code 4}, {@code 2}, {@code 1} or {@code auto:AVG} with 1 to 8 bits */
    public static ActivationPolicy parse(String text) {
        switch (text) {
            case "none":
                return none();
            case "1":
            case "2":
            case "4":
            case "8":
                return new ActivationPolicy(text, Integer.parseInt(text), 0);
            default:
        }
        if (text.startsWith("auto:")) {
            try {
                double average = Double.parseDouble(text.substring("auto:".length()));
                if (average >= 1 && average <= 8) {
                    return new ActivationPolicy(text, 0, average);
                }
            } catch (NumberFormatException e) {
                // told below, together with an average out of range
            }
        }
        throw new IllegalArgumentException(
                "activation bits '" + text + "': expected none, 8, 4, 2, 1 or auto:AVG with 1 <= AVG <= 8");
    }

    public boolean isAutomatic() {
        return average > 0;
    }

    public boolean isExact() {
        return fixedBits == EXACT;
    }

    /** What programs are compiled with. */
    public SavedStore store() {
        if (isExact()) {
            return SavedStore.EXACT;
        }
        return new CodecStore(tensor -> bits(tensor.name()));
    }

    /** Of a kept value, and of its tangents. */
    private int bits(String name) {
        return isAutomatic() ? chosen.getOrDefault(name, startBits()) : fixedBits;
    }

    private int startBits() {
        return average >= 8 ? 8 : average >= 4 ? 4 : average >= 2 ? 2 : 1;
    }

    /** Bits by tensor, in the order of the network, of what a program's gradient keeps; empty for exact and fixed policies. */
    public Map<String, Integer> bits(Program program) {
        Map<String, Integer> bits = new LinkedHashMap<>();
        if (isAutomatic()) {
            program.saved().forEach(tensor -> bits.put(tensor.name(), bits(tensor.name())));
        }
        return bits;
    }

    /** Takes the bits that an earlier run chose, before programs are compiled. */
    public void restore(Map<String, Integer> earlier) {
        if (isAutomatic()) {
            chosen.putAll(earlier);
        }
    }

    /**
     * What the program measured since its compilation, by tensor; empty unless the policy is automatic. A sum that is not finite is unknown
     * and left out.
     */
    public Map<String, Float> measured(Program program) {
        Map<String, Float> sums = new LinkedHashMap<>();
        if (isAutomatic()) {
            if (!program.options().computations().contains(Computation.MEASURED_GRADIENT)) {
                throw new IllegalStateException("activation bits '" + text
                        + "' are chosen by what a program measures; compile it for " + Computation.MEASURED_GRADIENT);
            }
            List<String> names =
                    program.saved().stream().map(SavedStore.SavedTensor::name).toList();
            float[] all = Gather.floats(
                    program.stream(),
                    names.stream()
                            .map(name -> program.tensor(CodecStore.sensitivity(name)))
                            .toList());
            for (int i = 0; i < all.length; i++) {
                if (Float.isFinite(all[i])) {
                    sums.put(names.get(i), all[i]);
                }
            }
        }
        return sums;
    }

    /** Goes on measuring from what an earlier program had measured. */
    public void restoreMeasured(Program program, Map<String, Float> earlier) {
        program.saved().stream()
                .map(SavedStore.SavedTensor::name)
                .filter(name -> isAutomatic() && earlier.containsKey(name))
                .forEach(name -> program.tensor(CodecStore.sensitivity(name))
                        .upload(program.stream(), new float[] {earlier.get(name)}));
    }

    /**
     * Solves for new bits from what the program measured since its compilation. A cost that is not finite is unknown, not zero: then no
     * bits change.
     *
     * @return whether they differ: then compile again
     */
    public boolean resolve(Program program) {
        List<SavedStore.SavedTensor> saved = program.saved();
        if (!isAutomatic() || saved.isEmpty()) {
            return false;
        }
        Map<String, Float> costs = measured(program);
        if (costs.size() < saved.size()) {
            return false;
        }
        List<BitLadder.Demand> demands = new ArrayList<>();
        long elements = 0;
        double used = 0;
        double now = 0;
        for (SavedStore.SavedTensor tensor : saved) {
            int width = bits(tensor.name());
            double cost = costs.get(tensor.name());
            double gain = tensor.linear() ? 1 : NONLINEAR_GAIN;
            double atOneBit = gain * cost / BitLadder.scale(width);
            demands.add(new BitLadder.Demand(tensor.name(), tensor.elements(), atOneBit));
            elements += tensor.elements();
            used += (double) tensor.elements() * width;
            now += atOneBit * BitLadder.scale(width);
        }
        if (now == 0) {
            return false;
        }
        double codeBits = Math.max(1, average - program.memory().maskBytes() * 8.0 / elements);
        Map<String, Integer> better = BitLadder.allocate(demands, codeBits);
        double then = 0;
        for (BitLadder.Demand demand : demands) {
            then += demand.sensitivity() * BitLadder.scale(better.get(demand.name()));
        }
        boolean overBudget = used > codeBits * elements;
        if (better.equals(bits(program)) || !overBudget && then > (1 - HYSTERESIS) * now) {
            return false;
        }
        chosen.putAll(better);
        return true;
    }

    @Override
    public String toString() {
        return text;
    }
}
