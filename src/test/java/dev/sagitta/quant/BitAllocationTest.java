package dev.sagitta.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
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

    /** Its omega is the largest of all plans', in every digit: what rounding adds to it must not put it out of the search's reach. */
    @Test
    void theLeastLimitLeavesTheSmallestOptions() {
        for (int seed = 0; seed < 300; seed++) {
            BitTable table = random(seed, 1 + seed % 12);
            double least = table.layers().stream()
                    .mapToDouble(layer -> layer.options().get(0).cost())
                    .sum();
            assertThat(BitAllocation.minimise(table, BitAllocation.Limit.cost(least))
                            .choice()
                            .values())
                    .as("seed %d", seed)
                    .allSatisfy(option -> assertThat(option.bits()).isEqualTo(2));
        }
    }

    /** Decimals of one to three digits, so that sums meet limits and each other exactly; the reference counts in thousandths. */
    @Test
    void decimalsAddUpAsTheyAreWritten() {
        Random random = new Random(7);
        for (int i = 0; i < 1_000; i++) {
            int layers = 1 + random.nextInt(4);
            long[][][] thousandths = new long[4][layers][3];
            List<BitTable.Layer> list = new ArrayList<>();
            for (int l = 0; l < layers; l++) {
                List<BitTable.Option> options = new ArrayList<>();
                for (int o = 0; o < 3; o++) {
                    for (long[][] quantity : thousandths) {
                        quantity[l][o] = random.nextInt(4) * (random.nextBoolean() ? 100 : 1);
                    }
                    options.add(new BitTable.Option(
                            o + 2,
                            thousandths[0][l][o] / 1e3 - 0.1,
                            thousandths[1][l][o],
                            thousandths[2][l][o] / 1e3,
                            Map.of("latency", thousandths[3][l][o] / 1e3)));
                }
                list.add(new BitTable.Layer("layer" + l, options));
            }
            long[] most = {0, random.nextInt(layers * 200), random.nextInt(layers * 200), random.nextInt(layers * 200)};
            long best = Long.MAX_VALUE;
            for (int code = 0; code < Math.pow(3, layers); code++) {
                long[] sums = new long[4];
                for (int l = 0, rest = code; l < layers; l++, rest /= 3) {
                    for (int q = 0; q < 4; q++) {
                        sums[q] += thousandths[q][l][rest % 3];
                    }
                }
                if (sums[1] <= most[1] && sums[2] <= most[2] && sums[3] <= most[3]) {
                    best = Math.min(best, sums[0]);
                }
            }
            BitAllocation.Limit[] limits = {
                BitAllocation.Limit.bytes(most[1]),
                BitAllocation.Limit.cost(most[2] / 1e3),
                BitAllocation.Limit.of("latency", most[3] / 1e3)
            };
            BitTable table = new BitTable(list, List.of());
            if (best == Long.MAX_VALUE) {
                assertThatThrownBy(() -> BitAllocation.minimise(table, limits))
                        .as("table %d", i)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("cannot be met");
                continue;
            }
            BitAllocation found = BitAllocation.minimise(table, limits);
            assertThat(Math.round((found.omega() + 0.1 * layers) * 1e3))
                    .as("table %d", i)
                    .isEqualTo(best);
            assertThat(found.optimal()).isTrue();
            assertThat(found.bytes()).isLessThanOrEqualTo(most[1]);
            assertThat(found.cost()).isLessThanOrEqualTo(most[2] / 1e3);
            assertThat(found.costs().get("latency")).isLessThanOrEqualTo(most[3] / 1e3);
        }
    }

    @Test
    void theOrderOfLayersAndOptionsHasNoSay() {
        Random random = new Random(11);
        for (long seed = 0; seed < 20; seed++) {
            BitTable table = random(seed, 40);
            long limit = table.layers().stream()
                            .mapToLong(layer -> layer.options().get(3).bytes())
                            .sum()
                    / 3;
            BitAllocation found = BitAllocation.minimise(table, BitAllocation.Limit.bytes(limit));
            assertThat(found.optimal()).isTrue();
            List<BitTable.Layer> layers = new ArrayList<>();
            for (BitTable.Layer layer : table.layers()) {
                List<BitTable.Option> options = new ArrayList<>(layer.options());
                Collections.shuffle(options, random);
                layers.add(new BitTable.Layer(layer.name(), options));
            }
            Collections.shuffle(layers, random);
            BitAllocation again =
                    BitAllocation.minimise(new BitTable(layers, table.tied()), BitAllocation.Limit.bytes(limit));
            assertThat(again.choice()).isEqualTo(found.choice());
            assertThat(again.omega()).isEqualTo(found.omega());
        }
    }

    /** Costs of 17 digits: the total of a plan, as a limit, admits the plan. */
    @Test
    void theTotalOfAPlanIsALimitThatAdmitsIt() {
        Random random = new Random(3);
        for (int i = 0; i < 50; i++) {
            List<BitTable.Layer> layers = new ArrayList<>();
            for (int l = 0; l < 30; l++) {
                List<BitTable.Option> options = new ArrayList<>();
                for (int bits = 2; bits < 6; bits++) {
                    options.add(new BitTable.Option(
                            bits, Math.exp(5 * random.nextGaussian()) / bits, 0, bits * random.nextDouble()));
                }
                layers.add(new BitTable.Layer("layer" + l, options));
            }
            BitTable table = new BitTable(layers, List.of());
            BitAllocation found = BitAllocation.minimise(table, BitAllocation.Limit.cost(40));
            BitAllocation again = BitAllocation.minimise(table, BitAllocation.Limit.cost(found.cost()));
            assertThat(again.omega()).isEqualTo(found.omega());
            assertThat(again.cost()).isLessThanOrEqualTo(found.cost());
        }
    }

    @Test
    void numbersOfAnySizeAreTold() {
        BitTable table = new BitTable(
                List.of(
                        new BitTable.Layer(
                                "a",
                                List.of(
                                        new BitTable.Option(2, 1e300, 1L << 50, 1e-300),
                                        new BitTable.Option(4, 1e-300, 1L << 50, 1e300))),
                        new BitTable.Layer(
                                "b",
                                List.of(
                                        new BitTable.Option(2, 3e-300, 1L << 50, 1e-300),
                                        new BitTable.Option(4, -1e-300, 1L << 50, 2e-300)))),
                List.of());
        assertThat(BitAllocation.minimise(table, BitAllocation.Limit.cost(1e299))
                        .omega())
                .isEqualTo(1e300);
        assertThat(BitAllocation.minimise(table, BitAllocation.Limit.cost(1.0000001e300))
                        .choice()
                        .get("b")
                        .bits())
                .isEqualTo(4);
        assertThat(BitAllocation.minimise(table, BitAllocation.Limit.bytes(1L << 51))
                        .optimal())
                .isTrue();
        assertThatThrownBy(() -> BitAllocation.minimise(table, BitAllocation.Limit.bytes((1L << 51) - 1)))
                .hasMessageContaining("2251799813685247 bytes cannot be met")
                .hasMessageContaining("takes 2251799813685248");
        assertThatThrownBy(() -> BitAllocation.minimise(table, BitAllocation.Limit.cost(0)))
                .hasMessageContaining("limit of 0 cost cannot be met");
    }

    @Test
    void limitsThatMakeNoSenseAreNamed() {
        BitTable table = random(1, 3);
        assertThatThrownBy(() -> BitAllocation.minimise(table)).hasMessageContaining("nothing is limited");
        assertThatThrownBy(() -> BitAllocation.Limit.cost(Double.NaN)).hasMessageContaining("'cost' is NaN");
        assertThatThrownBy(() -> BitAllocation.Limit.of("x", Double.POSITIVE_INFINITY))
                .hasMessageContaining("'x' is Infinity");
        assertThatThrownBy(() -> BitAllocation.minimise(table, BitAllocation.Limit.of("x", 1)))
                .hasMessageContaining("nothing in the table is named 'x'")
                .hasMessageContaining("[bytes, cost]");
        assertThatThrownBy(
                        () -> BitAllocation.minimise(table, BitAllocation.Limit.cost(1), BitAllocation.Limit.cost(2)))
                .hasMessageContaining("'cost' is limited twice");
        assertThatThrownBy(() -> BitAllocation.minimise(table, BitAllocation.Limit.cost(-1)))
                .hasMessageContaining("limit of -1 cost cannot be met");
    }

    @Test
    void namedCostsAreChecked() {
        BitTable.Option plain = new BitTable.Option(2, 1, 1, 1);
        assertThatThrownBy(() -> table(plain, new BitTable.Option(3, 1, 1, 1, Map.of("x", 1.0))))
                .hasMessageContaining("layer 'a' at 3 bits: has a cost 'x' that the first option lacks");
        assertThatThrownBy(() -> table(new BitTable.Option(3, 1, 1, 1, Map.of("x", 1.0)), plain))
                .hasMessageContaining("layer 'a' at 2 bits: cost 'x' is missing");
        assertThatThrownBy(() -> table(new BitTable.Option(3, 1, 1, 1, Map.of("x", Double.NaN))))
                .hasMessageContaining("cost 'x' is NaN");
        assertThatThrownBy(() -> table(new BitTable.Option(3, 1, 1, 1, Map.of("x", -1.0))))
                .hasMessageContaining("cost 'x' is -1.0");
        assertThatThrownBy(() -> table(new BitTable.Option(3, 1, 1, 1, Map.of("bytes", 1.0))))
                .hasMessageContaining("a cost is named 'bytes'");
    }

    private static BitTable table(BitTable.Option... options) {
        return new BitTable(List.of(new BitTable.Layer("a", List.of(options))), List.of());
    }

    /** Omegas of 17 digits over many decades, as measured ones are, and three limits at once. */
    @Test
    void threeHundredLayersUnderThreeLimits() {
        for (long seed = 0; seed < 5; seed++) {
            BitTable table = measured(seed, 300);
            BitAllocation.Limit[] limits = limits(table, 0.2);
            BitAllocation found = assertTimeout(
                    Duration.ofSeconds(20),
                    () -> BitAllocation.minimise(table, limits),
                    "less than a second when alone");
            assertThat(found.optimal()).isTrue();
            assertThat(found.bytes()).isLessThanOrEqualTo(limits[0].most().longValueExact());
            assertThat(found.costs().get("latency"))
                    .isLessThanOrEqualTo(limits[2].most().doubleValue());
            assertThat(BitAllocation.minimise(table, limits)).isEqualTo(found);
        }
    }

    static BitTable measured(long seed, int layers) {
        Random random = new Random(seed);
        List<BitTable.Layer> list = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            double trace = Math.exp(3.5 * random.nextGaussian());
            long size = (long) (1e3 * Math.pow(1e4, random.nextDouble()));
            double activations = Math.exp(random.nextGaussian());
            double speed = Math.exp(0.7 * random.nextGaussian());
            List<BitTable.Option> options = new ArrayList<>();
            for (int bits : new int[] {2, 3, 4, 5, 6, 7, 8, 16}) {
                options.add(new BitTable.Option(
                        bits,
                        trace * size * Math.pow(4, -bits) * (0.8 + 0.4 * random.nextDouble()),
                        size * bits / 8,
                        Math.rint(size * activations * bits),
                        Map.of("latency", 1e-6 * size * speed * bits * (0.9 + 0.2 * random.nextDouble()))));
            }
            list.add(new BitTable.Layer("layer" + l, options));
        }
        return new BitTable(list, List.of());
    }

    static BitAllocation.Limit[] limits(BitTable table, double share) {
        double[] least = new double[3];
        double[] most = new double[3];
        for (BitTable.Layer layer : table.layers()) {
            for (int q = 0; q < 3; q++) {
                int quantity = q;
                double[] all = layer.options().stream()
                        .mapToDouble(o -> quantity == 0
                                ? o.bytes()
                                : quantity == 1 ? o.cost() : o.costs().get("latency"))
                        .sorted()
                        .toArray();
                least[q] += all[0];
                most[q] += all[all.length - 1];
            }
        }
        double[] at = IntStream.range(0, 3)
                .mapToDouble(q -> least[q] + share * (most[q] - least[q]))
                .toArray();
        return new BitAllocation.Limit[] {
            BitAllocation.Limit.bytes((long) at[0]),
            BitAllocation.Limit.cost(at[1]),
            BitAllocation.Limit.of("latency", at[2])
        };
    }
}
