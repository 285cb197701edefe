package dev.sagitta.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BitAllocationTest {
    private static BitTable.Option option(int bits, double omega, long bytes) {
        return new BitTable.Option(bits, omega, bytes, bytes * 0.5);
    }

    private static BitTable random(long seed, int layers) {
        Random random = new Random(seed);
        List<BitTable.Layer> list = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            double sensitivity = Math.exp(random.nextGaussian() * 6);
            int size = 1 + random.nextInt(5_000_000);
            List<BitTable.Option> options = new ArrayList<>();
            for (int bits : new int[] {2, 3, 4, 8}) {
                options.add(option(
                        bits,
                        sensitivity * Math.pow(4, -bits) * (0.8 + 0.4 * random.nextDouble()),
                        (long) size * bits / 8));
            }
            list.add(new BitTable.Layer("layer" + l, options));
        }
        return new BitTable(
                list, layers > 3 ? List.of(List.of("layer0", "layer2"), List.of("layer2", "layer3")) : List.of());
    }

    /** The best feasible omega by trying everything. */
    private static double bruteForce(BitTable table, double most) {
        int layers = table.layers().size();
        double best = Double.POSITIVE_INFINITY;
        for (long code = 0; code < 1L << (2 * layers); code++) {
            double omega = 0;
            long bytes = 0;
            boolean allowed = true;
            for (int l = 0; l < layers; l++) {
                BitTable.Option option = table.layers().get(l).options().get((int) (code >> (2 * l)) & 3);
                omega += option.omega();
                bytes += option.bytes();
            }
            for (List<String> group : table.tied()) {
                int a = Integer.parseInt(group.get(0).substring(5));
                int b = Integer.parseInt(group.get(1).substring(5));
                allowed &= ((code >> (2 * a)) & 3) == ((code >> (2 * b)) & 3);
            }
            if (allowed && bytes <= most) {
                best = Math.min(best, omega);
            }
        }
        return best;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 6})
    void equalsBruteForce(int layers) {
        for (long seed = 0; seed < 25; seed++) {
            BitTable table = random(seed, layers);
            long full = table.layers().stream()
                    .mapToLong(layer -> layer.options().get(3).bytes())
                    .sum();
            for (double fraction : new double[] {0.3, 0.41, 0.5, 0.77, 1}) {
                BitAllocation found = BitAllocation.minimise(table, BitAllocation.Limit.of("bytes", full * fraction));
                assertThat(found.bytes()).isLessThanOrEqualTo((long) (full * fraction));
                assertThat(found.omega())
                        .as("seed %d, fraction %s", seed, fraction)
                        .isCloseTo(
                                bruteForce(table, full * fraction),
                                org.assertj.core.data.Percentage.withPercentage(1e-6));
            }
        }
    }

    @Test
    void limitsCostToo() {
        BitTable table = random(3, 4);
        double cost =
                BitAllocation.minimise(table, BitAllocation.Limit.cost(4e6)).cost();
        assertThat(cost).isLessThanOrEqualTo(4e6);
    }

    @Test
    void namesTheSmallestChoiceWhenTheLimitCannotBeMet() {
        BitTable table = new BitTable(
                List.of(new BitTable.Layer("a", List.of(option(2, 1, 100), option(4, 0, 200)))), List.of());
        assertThatThrownBy(() -> BitAllocation.minimise(table, BitAllocation.Limit.bytes(99)))
                .hasMessageContaining("99")
                .hasMessageContaining("smallest choice takes 100");
    }

    @Test
    void rejectsTablesThatMakeNoSense() {
        assertThatThrownBy(() -> new BitTable(List.of(), List.of())).hasMessageContaining("no layers");
        BitTable.Layer a = new BitTable.Layer("a", List.of(option(2, Double.NaN, 1)));
        assertThatThrownBy(() -> new BitTable(List.of(a), List.of())).hasMessageContaining("omega is NaN");
        BitTable.Layer b = new BitTable.Layer("b", List.of(option(2, 1, 1)));
        assertThatThrownBy(() -> new BitTable(List.of(b, b), List.of())).hasMessageContaining("stands twice");
        assertThatThrownBy(() -> new BitTable(List.of(b), List.of(List.of("b", "c"))))
                .hasMessageContaining("'c' is not in the table");
    }

    /** Sizes of a real network: after scaling, the sum of three fractions missed the limit by a bit. */
    @Test
    void aChoiceThatMeetsTheLimitExactlyIsAChoice() {
        long[] weights = {704 * 512, 704 * 704, 96 * 704};
        double[] curvature = {5.6e-4, 1.7e-4, 2.1e-3};
        List<BitTable.Layer> layers = new ArrayList<>();
        for (int l = 0; l < weights.length; l++) {
            List<BitTable.Option> options = new ArrayList<>();
            for (int bits : new int[] {2, 3, 4, 8}) {
                double omega = curvature[l] * weights[l] * Math.pow(4, -bits);
                options.add(new BitTable.Option(bits, omega, weights[l] * (bits + 1) / 8, bits * (double) weights[l]));
            }
            layers.add(new BitTable.Layer("layer" + l, options));
        }
        BitTable table = new BitTable(layers, List.of());
        for (int option = 0; option < 4; option++) {
            double omega = 0;
            long bytes = 0;
            double cost = 0;
            for (BitTable.Layer layer : layers) {
                omega += layer.options().get(option).omega();
                bytes += layer.options().get(option).bytes();
                cost += layer.options().get(option).cost();
            }
            assertThat(BitAllocation.minimise(table, BitAllocation.Limit.bytes(bytes))
                            .omega())
                    .isLessThanOrEqualTo(omega * (1 + 1e-12));
            assertThat(BitAllocation.minimise(table, BitAllocation.Limit.cost(cost))
                            .omega())
                    .isLessThanOrEqualTo(omega * (1 + 1e-12));
        }
    }
}
