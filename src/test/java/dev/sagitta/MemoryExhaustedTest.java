package dev.sagitta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.curvature.NetworkGradient;
import dev.sagitta.curvature.estimator.HutchinsonTrace;
import dev.sagitta.curvature.estimator.Lanczos;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.device.OutOfDeviceMemoryException;
import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.StatisticsObserver;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Whichever allocation finds no memory: the error says so, nothing stays taken, and the next attempt succeeds. */
@Tag("simcuda")
class MemoryExhaustedTest {
    private static final int ROWS = 10;
    private static final int WIDTH = 3;

    private final Device device = TestDevices.get("cuda");

    private static Graph graph() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        var h = Layers.activation(b, "act", Layers.linear(b, "fc1", b.input(), 4), Function.GELU);
        return b.build(Layers.linear(b, "fc2", h, 2), ElementwiseLoss.meanSquaredError());
    }

    private static HostTensor numbers(String name, int columns) {
        Random random = new Random(columns);
        ByteBuffer bytes = ByteBuffer.allocateDirect(4 * ROWS * columns).order(ByteOrder.nativeOrder());
        for (int i = 0; i < ROWS * columns; i++) {
            bytes.putFloat(4 * i, (float) random.nextGaussian());
        }
        return new HostTensor(name, DType.F32, Shape.of(ROWS, columns), bytes);
    }

    private static DataSet data() {
        return DataSet.of(numbers("x", WIDTH), numbers("y", 2));
    }

    /** Batches of four rows, the last one of two. */
    private Batches batches(ProgramOptions options) {
        return new Batches(graph(), device, options, DataRows.of(data()));
    }

    private void failsCleanly(Runnable work) {
        assumeTrue(SimulatedFaults.available(device.info()), "no simulated driver");
        // what a device allocates once, for all that comes
        work.run();
        long before = device.memory().currentBytes();
        int failed = 0;
        for (int allocation = 1; ; allocation++) {
            try (SimulatedFaults faults = new SimulatedFaults()) {
                faults.failAllocation(allocation);
                work.run();
            } catch (OutOfDeviceMemoryException e) {
                failed++;
            }
            assertThat(device.memory().currentBytes())
                    .as("after allocation %d failed: %s", allocation, device.memory())
                    .isEqualTo(before);
            // some are tried for the sake of speed alone, and done without
            if (allocation > failed + 8) {
                break;
            }
        }
        assertThat(failed).isGreaterThan(3);
        work.run();
    }

    @Test
    void anEvaluation() {
        failsCleanly(() -> {
            StatisticsObserver observer = new StatisticsObserver();
            ProgramOptions options = ProgramOptions.of(4, Computation.EVALUATE).observer(observer);
            try (Batches batches = batches(options)) {
                Evaluation.of(batches);
                observer.of(batches);
            }
        });
    }

    @Test
    void aGradient() {
        failsCleanly(() -> {
            try (Batches batches = batches(ProgramOptions.of(4, Computation.GRADIENT));
                    NetworkGradient gradient = new NetworkGradient(batches)) {
                gradient.compute();
            }
        });
    }

    @Test
    void aTrace() {
        failsCleanly(() -> {
            ProgramOptions options =
                    ProgramOptions.of(4, Computation.HESSIAN_VECTOR).probes(2);
            try (NetworkOperator operator = new NetworkOperator(batches(options), Computation.HESSIAN_VECTOR)) {
                HutchinsonTrace.joint(2).estimate(operator, 1);
            }
        });
    }

    @Test
    void eigenvalues() {
        failsCleanly(() -> {
            ProgramOptions options = ProgramOptions.of(4, Computation.HESSIAN_VECTOR);
            try (NetworkOperator operator = new NetworkOperator(batches(options), Computation.HESSIAN_VECTOR)) {
                // weights of zero: the Hessian is that of the last bias
                Lanczos.DEFAULT.largest(operator, 1, 1);
            }
        });
    }

    @Test
    void aTrainingStep() {
        failsCleanly(() -> {
            TrainingOptions options =
                    new TrainingOptions(4, OptimiserOptions.adamW(0.01).clip(1), "auto:4", 1);
            try (Trainer trainer = new Trainer(graph(), device, data(), options)) {
                trainer.step();
                trainer.state();
            }
        });
    }
}
