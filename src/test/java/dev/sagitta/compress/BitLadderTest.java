package dev.sagitta.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BitLadderTest {
    @Test
    void equalTensorsShareTheBudget() {
        List<BitLadder.Demand> demands = List.of(new BitLadder.Demand("a", 100, 1), new BitLadder.Demand("b", 100, 1));
        assertThat(BitLadder.allocate(demands, 2)).containsEntry("a", 2).containsEntry("b", 2);
        assertThat(BitLadder.allocate(demands, 1)).containsEntry("a", 1).containsEntry("b", 1);
        assertThat(BitLadder.allocate(demands, 8)).containsEntry("a", 8).containsEntry("b", 8);
    }

    @Test
    void theSensitiveTensorGetsMore() {
        List<BitLadder.Demand> demands =
                List.of(new BitLadder.Demand("calm", 100, 1e-3), new BitLadder.Demand("sensitive", 100, 10));
        assertThat(BitLadder.allocate(demands, 2.5)).containsEntry("calm", 1).containsEntry("sensitive", 4);
    }

    @Test
    void isWithinOneStepOfExhaustiveSearch() {
        Random random = new Random(4);
        int[] rungs = {1, 2, 4, 8};
        for (int trial = 0; trial < 50; trial++) {
            List<BitLadder.Demand> demands = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                demands.add(new BitLadder.Demand("t" + i, 64, Math.exp(3 * random.nextGaussian())));
            }
            Map<String, Integer> bits = BitLadder.allocate(demands, 2);
            double used = 0;
            double found = 0;
            for (BitLadder.Demand demand : demands) {
                used += bits.get(demand.name());
                found += demand.sensitivity() * BitLadder.scale(bits.get(demand.name()));
            }
            assertThat(used).isLessThanOrEqualTo(10);
            double best = Double.POSITIVE_INFINITY;
            for (int code = 0; code < 1 << 10; code++) {
                int total = 0;
                double variance = 0;
                for (int i = 0; i < 5; i++) {
                    int b = rungs[(code >> (2 * i)) & 3];
                    total += b;
                    variance += demands.get(i).sensitivity() * BitLadder.scale(b);
                }
                // the walk may miss the optimum by one step, of at most 4 bits here
                best = total <= 10 - 4 ? Math.min(best, variance) : best;
            }
            assertThat(found).isLessThanOrEqualTo(best * (1 + 1e-12) + 1e-12);
        }
    }

    @Test
    void namesAnImpossibleAverage() {
        assertThatThrownBy(() -> BitLadder.allocate(List.of(), 0.5))
                .hasMessageContaining("0.5")
                .hasMessageContaining("1 to 8");
    }
}
