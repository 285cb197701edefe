package dev.sagitta.graph.op.attention;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.Device;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Device memory, by the ledger, of one layer of attention over 256 to 8,192 positions: linear in them, and far below an array of T x S. */
class AttentionMemoryTest {
    private static final int SHORTEST = 256;
    private static final int LONGEST = 8192;
    private static final int WIDTH = 16;
    /** Ids of constants, statistics of sums and alignment do not grow with T. */
    private static final double SLACK = 1.05;

    @ParameterizedTest
    @EnumSource(names = {"GRADIENT", "HESSIAN_VECTOR", "HESSIAN_QUADRATIC"})
    void growsLinearly(Computation computation) {
        List<Long> bytes = new ArrayList<>();
        for (int t = SHORTEST; t <= LONGEST; t *= 2) {
            bytes.add(bytes(t, computation));
        }
        for (int i = 1; i < bytes.size(); i++) {
            assertThat((double) bytes.get(i) / bytes.get(i - 1))
                    .as("%s from %d to %d positions, %s", computation, SHORTEST << i - 1, SHORTEST << i, bytes)
                    .isLessThanOrEqualTo(2 * SLACK);
        }
        assertThat(bytes.get(bytes.size() - 1))
                .as("one array of T x S is %d", 4L * LONGEST * LONGEST)
                .isLessThan(4L * LONGEST * LONGEST / 10);
    }

    private static long bytes(int t, Computation computation) {
        Graph graph =
                ModelSpec.parse("""
                {"input": {"shape": [%d, %d]}, "loss": "mse", "layers": [
                  {"type": "linear", "name": "qkv", "out": %d}, {"type": "attention", "heads": 1, "causal": true}]}
                """.formatted(t, WIDTH, 3 * WIDTH), "model").toGraph();
        Device device = TestDevices.get(TestDevices.one());
        long before = device.memory().currentBytes();
        try (Program program =
                Program.compile(graph, device, ProgramOptions.of(1, computation).probes(2))) {
            program.stream().synchronize();
            return device.memory().currentBytes() - before;
        }
    }
}
