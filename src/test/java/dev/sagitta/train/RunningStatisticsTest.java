package dev.sagitta.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.data.Data;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Evaluation;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Running statistics of batch norm: moved by training steps alone, saved with the weights, taken up by a run that goes on. */
class RunningStatisticsTest {
    private static final Device DEVICE = TestDevices.get(TestDevices.one());
    private static final int ROWS = 16;
    private static final int CHANNELS = 5;
    private static final int PIXELS = 6;
    private static final ModelSpec MODEL = ModelSpec.parse("""
            {"input": {"type": "features", "shape": [5, 2, 3]}, "loss": "cross_entropy", "layers": [
             {"type": "batch_norm", "name": "bn", "momentum": 0.25}, {"type": "flatten"},
             {"type": "linear", "name": "fc", "out": 4}]}""", "model");

    @TempDir
    Path folder;

    private final float[] x = new float[ROWS * CHANNELS * PIXELS];

    private DataSet data() {
        Random random = new Random(3);
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) (2 + 3 * random.nextGaussian());
        }
        return Data.rows(
                NpyWriter.write(folder.resolve("x.npy"), x, ROWS, CHANNELS, 2, 3),
                NpyWriter.write(
                        folder.resolve("y.npy"), random.longs(ROWS, 0, 4).toArray(), ROWS));
    }

    private static TrainingOptions options(int batch) {
        return new TrainingOptions(batch, OptimiserOptions.adamW(0.01), "none", 1);
    }

    private static Map<String, HostTensor> weights(Trainer trainer) {
        return trainer.weights().stream().collect(Collectors.toMap(HostTensor::name, tensor -> tensor));
    }

    /** A batch of all rows: whatever their order, its statistics are known. */
    @Test
    void aStepMovesThemTowardsTheBatchs() {
        DataSet data = data();
        try (Trainer trainer = new Trainer(MODEL.toGraph(), DEVICE, data, options(ROWS))) {
            trainer.step();
            Map<String, HostTensor> after = weights(trainer);
            int n = ROWS * PIXELS;
            for (int c = 0; c < CHANNELS; c++) {
                double sum = 0;
                for (int i = 0; i < n; i++) {
                    sum += x[(i / PIXELS * CHANNELS + c) * PIXELS + i % PIXELS];
                }
                double squares = 0;
                for (int i = 0; i < n; i++) {
                    squares += Math.pow(x[(i / PIXELS * CHANNELS + c) * PIXELS + i % PIXELS] - sum / n, 2);
                }
                assertThat((double) after.get("bn.running_mean").floatAt(c))
                        .isCloseTo(0.25 * sum / n, Offset.offset(1e-5));
                assertThat((double) after.get("bn.running_var").floatAt(c))
                        .isCloseTo(0.75 + 0.25 * squares / (n - 1), Offset.offset(1e-4));
            }
        }
    }

    /** Also a batch of one, which has no variance in training where an image is a pixel. */
    @Test
    void evaluationReadsThemAndLeavesThem() {
        DataSet data = data();
        try (Trainer trainer = new Trainer(MODEL.toGraph(), DEVICE, data, options(8))) {
            trainer.step();
            Map<String, HostTensor> before = weights(trainer);
            double whole;
            try (Batches batches = trainer.evaluator(data, ROWS)) {
                whole = Evaluation.of(batches).loss();
            }
            try (Batches batches = trainer.evaluator(data, 3)) {
                assertThat(Evaluation.of(batches).loss()).isCloseTo(whole, Offset.offset(1e-5));
            }
            weights(trainer).forEach((name, tensor) -> assertThat(tensor.bytes())
                    .as(name)
                    .isEqualTo(before.get(name).bytes()));
        }
    }

    @Test
    void aRunThatIsResumedEqualsOneThatWasNotInterrupted() {
        DataSet data = data();
        Path file = folder.resolve("two.safetensors");
        Map<String, HostTensor> whole;
        try (Trainer trainer = new Trainer(MODEL.toGraph(), DEVICE, data, options(6))) {
            trainer.step();
            trainer.step();
            trainer.save(file, MODEL);
            trainer.step();
            trainer.step();
            whole = weights(trainer);
        }
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.parameter("bn.running_mean").floatAt(0)).isNotZero();
            assertThat(checkpoint.parameter("bn.running_var").floatAt(0)).isNotEqualTo(1);
            TrainingState state = TrainingState.parse(checkpoint.training().orElseThrow());
            try (Trainer trainer = Trainer.resume(checkpoint, DEVICE, data, options(6), state)) {
                trainer.step();
                trainer.step();
                weights(trainer).forEach((name, tensor) -> assertThat(tensor.bytes())
                        .as(name)
                        .isEqualTo(whole.get(name).bytes()));
            }
        }
    }
}
