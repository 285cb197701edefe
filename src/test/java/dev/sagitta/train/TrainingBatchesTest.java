package dev.sagitta.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a program is given at each step, whether rows are gathered on the device or by the host. */
class TrainingBatchesTest {
    private static final int ROWS = 37;
    private static final int BATCH = 8;
    private static final long SEED = 5;
    private static final long PLENTY = 1 << 20;

    static Stream<Arguments> runs() {
        return TestDevices.names().stream().flatMap(device -> Stream.of("features", "ids", "regression")
                .flatMap(kind -> Stream.of(0L, PLENTY).map(bytes -> Arguments.of(device, kind, bytes))));
    }

    private static Graph graph(String kind) {
        String first = kind.equals("ids")
                ? "{\"type\": \"embedding\", \"name\": \"e\", \"width\": 3, \"rows\": 50}, {\"type\": \"flatten\"},"
                : "";
        return ModelSpec.parse(
                        """
                        {"input": %s, "loss": "%s", "layers": [%s {"type": "linear", "name": "fc", "out": 5}]}""".formatted(
                                        kind.equals("ids") ? "{\"shape\": [3], \"type\": \"ids\"}" : "{\"shape\": [3]}",
                                        kind.equals("regression") ? "mse" : "cross_entropy",
                                        first),
                        "test")
                .toGraph();
    }

    /** Ids and labels are small integers, whose bits are those of fp32 numbers below the normal ones. */
    private static HostTensor tensor(String name, DType dtype, int columns, Random random) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(4 * ROWS * columns).order(ByteOrder.nativeOrder());
        for (int i = 0; i < ROWS * columns; i++) {
            if (dtype == DType.F32) {
                bytes.putFloat(4 * i, (float) random.nextGaussian());
            } else {
                bytes.putInt(4 * i, random.nextInt(5));
            }
        }
        return new HostTensor(name, dtype, columns == 1 ? Shape.of(ROWS) : Shape.of(ROWS, columns), bytes);
    }

    private static DataSet data(String kind) {
        Random random = new Random(1);
        return DataSet.of(
                tensor("x", kind.equals("ids") ? DType.I32 : DType.F32, 3, random),
                kind.equals("regression") ? tensor("y", DType.F32, 5, random) : tensor("y", DType.I32, 1, random));
    }

    private static byte[] contents(Program program, Role role) {
        Tensor tensor = program.tensor(role);
        byte[] all = new byte[(int) tensor.bytes()];
        tensor.download(program.stream()).get(all);
        return all;
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] all = new byte[buffer.capacity()];
        buffer.get(0, all);
        return all;
    }

    @ParameterizedTest
    @MethodSource("runs")
    void everyStepHasItsRows(String name, String kind, long residentBytes) {
        Device device = TestDevices.get(name);
        DataSet data = data(kind);
        ProgramOptions options = ProgramOptions.of(BATCH, Computation.GRADIENT);
        long before = device.memory().current().getOrDefault(MemoryCategory.DATA, 0L);
        DataOrder order = new DataOrder(ROWS, SEED);
        int[] rows = new int[BATCH];
        ByteBuffer inputs = ByteBuffer.allocateDirect(data.inputBytes(BATCH)).order(ByteOrder.nativeOrder());
        ByteBuffer targets = ByteBuffer.allocateDirect(data.targetBytes(BATCH)).order(ByteOrder.nativeOrder());
        try (TrainingBatches batches = new TrainingBatches(data, device, BATCH, SEED, residentBytes)) {
            assertThat(device.memory().current().getOrDefault(MemoryCategory.DATA, 0L) - before)
                    .isEqualTo(batches.bytes());
            assertThat(batches.bytes() > 0).isEqualTo(residentBytes > 0);
            // a second program, as after new activation bits
            for (int program = 0; program < 2; program++) {
                try (Program one = Program.compile(graph(kind), device, options)) {
                    batches.bind(one);
                    // beyond the end of the first epoch
                    for (int step = 0; step < 6; step++) {
                        batches.load((long) step * BATCH);
                        order.fill((long) step * BATCH, rows);
                        data.batch(rows, 0, BATCH, inputs, targets);
                        assertThat(contents(one, Role.INPUT)).isEqualTo(bytes(inputs));
                        assertThat(contents(one, Role.TARGET)).isEqualTo(bytes(targets));
                        assertThat(batches.counted()).isEqualTo(data.countedTargets(rows, 0, BATCH));
                    }
                }
            }
        }
        assertThat(device.memory().current().getOrDefault(MemoryCategory.DATA, 0L))
                .isEqualTo(before);
    }

    /** Then rows cross at each step, and nothing of the attempt is left. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    @Tag("simcuda")
    void withoutMemoryForAllExamplesTrainingGoesOn(int allocation) {
        Device device = TestDevices.get("cuda");
        assumeTrue(SimulatedFaults.available(device.info()), "no simulated driver");
        long before = device.memory().current().getOrDefault(MemoryCategory.DATA, 0L);
        try (SimulatedFaults faults = new SimulatedFaults()) {
            faults.failAllocation(allocation);
            try (TrainingBatches batches = new TrainingBatches(data("features"), device, BATCH, SEED, PLENTY)) {
                assertThat(batches.bytes()).isZero();
                assertThat(device.memory().current().getOrDefault(MemoryCategory.DATA, 0L))
                        .isEqualTo(before);
                ProgramOptions options = ProgramOptions.of(BATCH, Computation.GRADIENT);
                try (Program program = Program.compile(graph("features"), device, options)) {
                    batches.bind(program);
                    batches.load(0);
                    assertThat(contents(program, Role.INPUT)).isNotEqualTo(new byte[BATCH * 12]);
                }
            }
        }
    }

    @Test
    void aBatchBeyondWhatABufferHoldsIsRefused() {
        Device device = TestDevices.get(TestDevices.one());
        assertThatThrownBy(() -> new TrainingBatches(data("features"), device, Integer.MAX_VALUE, SEED))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is beyond 2 GiB; take fewer");
    }
}
