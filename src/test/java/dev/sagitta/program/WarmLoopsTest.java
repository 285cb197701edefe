package dev.sagitta.program;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.kernel.Function;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nothing is prepared in a loop that runs per step, probe or batch, and nothing is waited for but the numbers that are read. */
class WarmLoopsTest {
    private static final int ROWS = 50;
    private static final int BATCH = 16;
    private static final int WIDTH = 12;

    static List<String> devices() {
        return TestDevices.names();
    }

    private static Graph graph() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        var h = Layers.activation(b, "act", Layers.linear(b, "fc1", b.input(), 16), Function.GELU);
        return b.build(Layers.linear(b, "fc2", h, 4), new CrossEntropy(CrossEntropy.IGNORED_LABEL));
    }

    private static DataSet data() {
        Random random = new Random(3);
        ByteBuffer x = ByteBuffer.allocateDirect(4 * ROWS * WIDTH).order(ByteOrder.nativeOrder());
        ByteBuffer y = ByteBuffer.allocateDirect(4 * ROWS).order(ByteOrder.nativeOrder());
        for (int i = 0; i < ROWS * WIDTH; i++) {
            x.putFloat(4 * i, (float) random.nextGaussian());
        }
        for (int i = 0; i < ROWS; i++) {
            y.putInt(4 * i, random.nextInt(4));
        }
        return DataSet.of(
                new HostTensor("x", DType.F32, Shape.of(ROWS, WIDTH), x),
                new HostTensor("y", DType.I32, Shape.of(ROWS), y));
    }

    /** What happened on a device since. */
    private record Count(long prepared, long waits) {
        static Count of(Device device, Stream stream) {
            return new Count(device.prepared(), stream.waits());
        }

        Count since(Device device, Stream stream) {
            return new Count(device.prepared() - prepared, stream.waits() - waits);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aTrainingStepWaitsForNothing(String name) {
        Device device = TestDevices.get(name);
        TrainingOptions options =
                new TrainingOptions(BATCH, OptimiserOptions.adamW(0.01).clip(1), "4", 1);
        try (Trainer trainer = new Trainer(graph(), device, data(), options)) {
            trainer.step();
            trainer.step();
            Count before = Count.of(device, device.stream());
            for (int step = 0; step < 16; step++) {
                assertThat(trainer.room()).isEqualTo(16 - step);
                trainer.enqueue();
            }
            assertThat(before.since(device, device.stream())).isEqualTo(new Count(0, 0));
            trainer.losses();
            assertThat(before.since(device, device.stream())).isEqualTo(new Count(0, 1));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void productsWaitForNothing(String name) {
        Device device = TestDevices.get(name);
        ProgramOptions options =
                ProgramOptions.of(BATCH, Computation.HESSIAN_VECTOR).probes(3);
        try (NetworkOperator operator = new NetworkOperator(
                new Batches(graph(), device, options, DataRows.of(data())), Computation.HESSIAN_VECTOR)) {
            operator.multiply();
            operator.multiply();
            Count before = Count.of(device, operator.stream());
            for (int product = 0; product < 20; product++) {
                operator.multiply();
            }
            assertThat(before.since(device, operator.stream())).isEqualTo(new Count(0, 0));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void anEvaluationWaitsOnce(String name) {
        Device device = TestDevices.get(name);
        ProgramOptions options = ProgramOptions.of(BATCH, Computation.EVALUATE);
        try (Batches batches = new Batches(graph(), device, options, DataRows.of(data()))) {
            Evaluation first = Evaluation.of(batches);
            Count before = Count.of(device, batches.program().stream());
            assertThat(Evaluation.of(batches)).isEqualTo(first);
            assertThat(before.since(device, batches.program().stream())).isEqualTo(new Count(0, 1));
        }
    }

    /** Whether batches stay on the device or are uploaded each time: the same bits. */
    @ParameterizedTest
    @MethodSource("devices")
    void residentBatchesAreTheSame(String name) {
        Device device = TestDevices.get(name);
        ProgramOptions options = ProgramOptions.of(BATCH, Computation.EVALUATE);
        try (Batches uploaded = new Batches(graph(), device, options, DataRows.of(data()), 0);
                Batches resident = new Batches(graph(), device, options, DataRows.of(data()), 1 << 20)) {
            Random random = new Random(1);
            for (Batches batches : List.of(uploaded, resident)) {
                random.setSeed(1);
                batches.program().load(parameter -> {
                    ByteBuffer values = ByteBuffer.allocateDirect((int) (4 * parameter.elements()))
                            .order(ByteOrder.nativeOrder());
                    for (int i = 0; i < parameter.elements(); i++) {
                        values.putFloat(4 * i, (float) random.nextGaussian() / 4);
                    }
                    return values;
                });
            }
            Evaluation expected = Evaluation.of(uploaded);
            assertThat(expected.examples()).isEqualTo(ROWS);
            for (int again = 0; again < 3; again++) {
                assertThat(Evaluation.of(resident)).isEqualTo(expected);
            }
        }
    }
}
