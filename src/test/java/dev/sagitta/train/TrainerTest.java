package dev.sagitta.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.data.Data;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.HeapMeter;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Evaluation;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TrainerTest {
    private static final ModelSpec MODEL = ModelSpec.parse("""
            {"input": {"shape": [6]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc1", "out": 16},
             {"type": "gelu"}, {"type": "dropout", "p": 0.2}, {"type": "linear", "name": "fc2", "out": 12}, {"type": "relu"},
             {"type": "linear", "name": "fc3", "out": 3}]}""", "model");

    @TempDir
    Path folder;

    static List<String> devices() {
        // the variants for GPUs are those of cuda and of opencl, tested one by one elsewhere
        return TestDevices.names().stream()
                .filter(name -> !name.equals("opencl-gpu"))
                .toList();
    }

    /** Three classes by the largest of the first three features. */
    private DataSet data(int examples) {
        SplittableRandom random = new SplittableRandom(5);
        float[] x = new float[examples * 6];
        long[] y = new long[examples];
        for (int i = 0; i < examples; i++) {
            for (int j = 0; j < 6; j++) {
                x[6 * i + j] = (float) random.nextDouble(-1, 1);
                if (j < 3 && x[6 * i + j] > x[6 * i + (int) y[i]]) {
                    y[i] = j;
                }
            }
        }
        return Data.rows(
                NpyWriter.write(folder.resolve("x.npy"), x, examples, 6),
                NpyWriter.write(folder.resolve("y.npy"), y, examples));
    }

    private static TrainingOptions options(String bits) {
        return new TrainingOptions(20, OptimiserOptions.adamW(0.02).clip(5), bits, 3);
    }

    private static List<float[]> values(List<HostTensor> tensors) {
        return tensors.stream().map(HostTensor::toFloats).toList();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aResumedRunEqualsAnUninterruptedOne(String name) {
        Device device = TestDevices.get(name);
        DataSet data = data(70);
        for (String bits : List.of("none", "4", "auto:2")) {
            Path saved = folder.resolve("saved.safetensors");
            List<float[]> whole;
            List<float[]> parts;
            try (Trainer trainer = new Trainer(MODEL.toGraph(), device, data, options(bits))) {
                // past the first choice of bits
                run(trainer, 14);
                trainer.save(saved, MODEL);
                run(trainer, 6);
                whole = values(trainer.weights());
            }
            try (Checkpoint checkpoint = Checkpoint.open(saved);
                    Trainer trainer = resume(checkpoint, device, data)) {
                assertThat(trainer.steps()).isEqualTo(14);
                run(trainer, 6);
                parts = values(trainer.weights());
            }
            assertThat(parts).as("bits " + bits).usingRecursiveComparison().isEqualTo(whole);
        }
    }

    private static Trainer resume(Checkpoint checkpoint, Device device, DataSet data) {
        TrainingState state = TrainingState.parse(checkpoint.training().orElseThrow());
        return Trainer.resume(checkpoint, device, data, state.options(), state);
    }

    private static void run(Trainer trainer, int steps) {
        for (int i = 0; i < steps; i++) {
            trainer.step();
        }
    }

    /** Example i is the i-th unit vector: what was seen has moved its column of the weight. */
    @Test
    void aResumedEpochMissesNoExampleWhateverTheBatch() {
        int examples = 30;
        ModelSpec model = ModelSpec.parse("""
                {"input": {"shape": [30]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc", "bias": false, "out": 2}]}""", "model");
        float[] x = new float[examples * examples];
        for (int i = 0; i < examples; i++) {
            x[i * examples + i] = 1;
        }
        DataSet data = Data.rows(
                NpyWriter.write(folder.resolve("x.npy"), x, examples, examples),
                NpyWriter.write(folder.resolve("y.npy"), new long[examples], examples));
        Device device = TestDevices.get(TestDevices.names().get(0));
        Path saved = folder.resolve("saved.safetensors");
        TrainingOptions twelve = new TrainingOptions(12, OptimiserOptions.sgd(0.1, 0), "none", 0);
        TrainingOptions six = new TrainingOptions(6, OptimiserOptions.sgd(0.1, 0), "none", 0);
        float[] before;
        try (Trainer trainer = new Trainer(model.toGraph(), device, data, twelve)) {
            before = trainer.weights().get(0).toFloats();
            run(trainer, 2);
            trainer.save(saved, model);
        }
        try (Checkpoint checkpoint = Checkpoint.open(saved)) {
            TrainingState state = TrainingState.parse(checkpoint.training().orElseThrow());
            try (Trainer trainer = Trainer.resume(checkpoint, device, data, six, state)) {
                assertThat(trainer.seen()).isEqualTo(24);
                run(trainer, 1);
                float[] after = trainer.weights().get(0).toFloats();
                for (int i = 0; i < examples; i++) {
                    assertThat(after[i]).as("example " + i).isNotEqualTo(before[i]);
                }
            }
        }
    }

    @Test
    void aBatchWithoutLabelsThatCountHasNoLoss() {
        Device device = TestDevices.get(TestDevices.names().get(0));
        float[] x = new float[6 * 6];
        java.util.Arrays.fill(x, 1);
        DataSet data = Data.rows(
                NpyWriter.write(folder.resolve("x.npy"), x, 6, 6),
                NpyWriter.write(folder.resolve("y.npy"), new long[] {0, -100, -100, -100, -100, -100}, 6));
        TrainingOptions options = new TrainingOptions(1, OptimiserOptions.sgd(0.01, 0), "none", 0);
        int known = 0;
        try (Trainer trainer = new Trainer(MODEL.toGraph(), device, data, options)) {
            for (int i = 0; i < 6; i++) {
                float loss = trainer.step();
                assertThat(Float.isNaN(loss)).isEqualTo(trainer.countedTargets() == 0);
                known += Float.isNaN(loss) ? 0 : 1;
            }
        }
        assertThat(known).isEqualTo(1);
        DataSet none = Data.rows(
                NpyWriter.write(folder.resolve("x.npy"), x, 6, 6),
                NpyWriter.write(folder.resolve("y.npy"), new long[] {-100, -100, -100, -100, -100, -100}, 6));
        assertThatThrownBy(() -> new Trainer(MODEL.toGraph(), device, none, options))
                .hasMessageContaining("all labels of these 6 examples are -100");
    }

    @Test
    void learnsAndAllocatesNoMemoryOnceWarm() {
        Device device =
                TestDevices.get(TestDevices.names().get(TestDevices.names().size() - 1));
        DataSet data = data(200);
        try (Trainer trainer = new Trainer(MODEL.toGraph(), device, data, options("none"));
                Batches batches = trainer.evaluator(data, 64)) {
            Evaluation before = Evaluation.of(batches);
            run(trainer, 60);
            Evaluation after = Evaluation.of(batches);
            assertThat(before.examples()).isEqualTo(200);
            assertThat(after.loss()).isLessThan(before.loss() / 2);
            assertThat(after.accuracy()).isGreaterThan(0.8);
            long deviceBytes = device.memory().currentBytes();
            // what is left are JOCL's pointers, four transfers per step, and a generator per epoch
            assertThat(HeapMeter.bytes(trainer::step)).as("heap, per 100 steps").isLessThan(100 * 1500);
            assertThat(device.memory().currentBytes()).isEqualTo(deviceBytes);
        }
    }

    @Test
    void sgdWithMomentumLearnsToo() {
        Device device = TestDevices.get(TestDevices.names().get(0));
        DataSet data = data(100);
        TrainingOptions options = new TrainingOptions(25, OptimiserOptions.sgd(0.1, 0.9), "none", 0);
        try (Trainer trainer = new Trainer(MODEL.toGraph(), device, data, options)) {
            float first = trainer.step();
            run(trainer, 80);
            assertThat(trainer.step()).isLessThan(first / 2);
        }
    }

    @Test
    void aLossThatIsNoNumberStopsAndNamesTheStep() {
        Device device = TestDevices.get(TestDevices.names().get(0));
        TrainingOptions options = new TrainingOptions(20, OptimiserOptions.sgd(1e30, 0), "none", 0);
        try (Trainer trainer = new Trainer(MODEL.toGraph(), device, data(40), options)) {
            assertThatThrownBy(() -> run(trainer, 20))
                    .isInstanceOf(ArithmeticException.class)
                    .hasMessageMatching(
                            "training: the loss is (NaN|Infinity) at step [0-9]+, and now the output of layer '.*' .* is not finite; lower the learning rate.*");
        }
    }
}
