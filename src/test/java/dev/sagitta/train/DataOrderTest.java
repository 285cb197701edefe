package dev.sagitta.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class DataOrderTest {
    @Test
    void everyEpochShowsEachExampleOnce() {
        DataOrder order = new DataOrder(10, 1);
        int[] two = new int[20];
        order.fill(0, two);
        assertThat(java.util.Arrays.copyOf(two, 10)).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        assertThat(java.util.Arrays.copyOfRange(two, 10, 20))
                .containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
                .isNotEqualTo(java.util.Arrays.copyOf(two, 10));
        int[] middle = new int[6];
        new DataOrder(10, 1).fill(7, middle);
        assertThat(middle).isEqualTo(java.util.Arrays.copyOfRange(two, 7, 13));
    }

    /** Of two independent permutations about one place is the same: Poisson, above 9 with a probability of 1e-7. */
    @Test
    void anEpochKeepsNoMorePlacesThanChanceDoes() {
        int examples = 60_000;
        int epochs = 4;
        int kept = 0;
        for (long seed = 0; seed < 5; seed++) {
            int[] all = new int[epochs * examples];
            new DataOrder(examples, seed).fill(0, all);
            for (int epoch = 1; epoch < epochs; epoch++) {
                int same = same(all, (epoch - 1) * examples, all, epoch * examples, examples);
                assertThat(same).as("seed %d, epoch %d", seed, epoch).isLessThan(10);
                kept += same;
            }
        }
        // of 15 pairs
        assertThat(kept).isBetween(3, 35);
    }

    @Test
    void seedsHaveOrdersOfTheirOwn() {
        int examples = 60_000;
        int[] last = new int[examples];
        new DataOrder(examples, 0).fill(0, last);
        for (long seed : new long[] {1, 2, 31, 1L << 32}) {
            int[] order = new int[examples];
            new DataOrder(examples, seed).fill(0, order);
            assertThat(same(last, 0, order, 0, examples)).as("seed " + seed).isLessThan(10);
            last = order;
        }
    }

    private static int same(int[] a, int from, int[] b, int to, int count) {
        int same = 0;
        for (int i = 0; i < count; i++) {
            same += a[from + i] == b[to + i] ? 1 : 0;
        }
        return same;
    }

    /** Names of equal hash codes, and seeds that a multiple of 31 away met the hash of another name, had the same weights. */
    @Test
    void parametersAndSeedsHaveWeightsOfTheirOwn() {
        Graph graph = ModelSpec.parse("""
                        {"input": {"shape": [20]}, "loss": "mse", "layers": [{"type": "linear", "name": "Aa", "out": 20},
                         {"type": "linear", "name": "BB", "out": 20}, {"type": "linear", "name": "BC", "out": 20}]}""", "model").toGraph();
        List<HostTensor> weights = InitialWeights.draw(graph, 0);
        List<HostTensor> next = InitialWeights.draw(graph, 1);
        float[] first = weights.get(0).toFloats();
        for (HostTensor other : List.of(weights.get(2), weights.get(4), next.get(0), next.get(2), next.get(4))) {
            float[] values = other.toFloats();
            double dot = 0;
            double one = 0;
            double two = 0;
            for (int i = 0; i < first.length; i++) {
                dot += first[i] * values[i];
                one += first[i] * first[i];
                two += values[i] * values[i];
            }
            // 400 numbers: a standard deviation of 0.05
            assertThat(Math.abs(dot / Math.sqrt(one * two))).as(other.name()).isLessThan(0.25);
        }
    }
}
