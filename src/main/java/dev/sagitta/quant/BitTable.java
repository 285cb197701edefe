package dev.sagitta.quant;

import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The choices of a bit allocation.
 *
 * @param layers each with its options
 * @param tied groups of layers that must take the same bits (shared weights)
 */
public record BitTable(List<Layer> layers, List<List<String>> tied) {

    /**
     * @param bits per weight
     * @param omega what the choice costs in loss: HAWQ-V2's {@code tr(H)/n * ||Q(W) - W||^2}
     * @param bytes stored
     * @param cost in another unit, for instance bit operations or measured nanoseconds
     * @param costs further ones by name; every option of a table has the same names
     * @param error squared rounding error, which decides between options of equal omega
     */
    public record Option(int bits, double omega, long bytes, double cost, Map<String, Double> costs, double error) {
        public Option {
            // sorted, so that every option lists them alike
            costs = Collections.unmodifiableSortedMap(new TreeMap<>(costs));
        }

        /** With 4^-bits for the error: a bit more halves the rounding step. */
        public Option(int bits, double omega, long bytes, double cost, Map<String, Double> costs) {
            this(bits, omega, bytes, cost, costs, Math.pow(4, -bits));
        }

        /** Without named costs. */
        public Option(int bits, double omega, long bytes, double cost) {
            this(bits, omega, bytes, cost, Map.of());
        }

        public Option withError(double squared) {
            return new Option(bits, omega, bytes, cost, costs, squared);
        }
    }

    /** The options of one layer. */
    public record Layer(String name, List<Option> options) {}

    public BitTable {
        Map<String, Layer> byName = new LinkedHashMap<>();
        for (Layer layer : layers) {
            require(
                    byName.put(layer.name(), layer) == null,
                    "layer '" + layer.name() + "' stands twice; names must be unique");
            require(!layer.options().isEmpty(), "layer '" + layer.name() + "' has no options; give it at least one");
            Set<Integer> bits = new HashSet<>();
            for (Option option : layer.options()) {
                String where = "layer '" + layer.name() + "' at " + option.bits() + " bits: ";
                require(bits.add(option.bits()), where + "stands twice");
                require(
                        Double.isFinite(option.omega()),
                        where + "omega is " + option.omega() + ", expected a finite number");
                require(option.bytes() >= 0, where + "bytes is " + option.bytes() + ", expected at least 0");
                require(
                        Double.isFinite(option.cost()) && option.cost() >= 0,
                        where + "cost is " + option.cost() + ", expected a finite number of at least 0");
                require(
                        Double.isFinite(option.error()) && option.error() >= 0,
                        where + "error is " + option.error() + ", expected a finite number of at least 0");
                requireCosts(layers.get(0).options().get(0).costs().keySet(), option.costs(), where);
            }
        }
        require(!layers.isEmpty(), "there are no layers");
        for (List<String> group : tied) {
            Set<Integer> common = null;
            for (String name : group) {
                require(
                        byName.containsKey(name),
                        "tied layer '" + name + "' is not in the table; known: " + byName.keySet());
                Set<Integer> bits = new HashSet<>();
                byName.get(name).options().forEach(option -> bits.add(option.bits()));
                require(
                        common == null || common.equals(bits),
                        "tied layers " + group + " offer different bits (" + common + " and " + bits + ")");
                common = bits;
            }
        }
    }

    private static void requireCosts(Set<String> names, Map<String, Double> costs, String where) {
        costs.forEach((name, cost) -> {
            require(
                    !BitAllocation.Limit.PLAIN.contains(name) && !name.isEmpty(),
                    where + "a cost is named '" + name + "'; choose another name than " + BitAllocation.Limit.PLAIN);
            require(
                    Double.isFinite(cost) && cost >= 0,
                    where + "cost '" + name + "' is " + cost + ", expected a finite number of at least 0");
            require(names.contains(name), where + "has a cost '" + name + "' that the first option lacks");
        });
        for (String name : names) {
            require(costs.containsKey(name), where + "cost '" + name + "' is missing; give it to every option");
        }
    }

    /** Names of the costs beside bytes and cost. */
    public Set<String> costs() {
        return layers.get(0).options().get(0).costs().keySet();
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException("bit table: " + problem);
        }
    }
}
