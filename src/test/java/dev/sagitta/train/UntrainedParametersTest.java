package dev.sagitta.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.data.Data;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.fixture.ToyOps;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.GraphBuilder;
import dev.sagitta.graph.Layers;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.graph.op.gemm.Linear;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Frozen weights and states belong to the model: drawn, saved and evaluated with it, and no optimiser touches them. */
class UntrainedParametersTest {
    private static final Device DEVICE = TestDevices.get(TestDevices.one());
    private static final int BATCH = 8;
    private static final int WIDTH = 64;

    @TempDir
    Path folder;

    private static Graph graph() {
        GraphBuilder b = GraphBuilder.features(WIDTH);
        Parameter weight = Parameter.matrix("frozen.weight", Shape.of(WIDTH, WIDTH), Parameter.Init.uniform(0.2))
                .use(Parameter.Use.FROZEN);
        Parameter state = Parameter.vector("sum.running", Shape.of(BATCH * WIDTH), Parameter.Init.ONES)
                .use(Parameter.Use.STATE);
        Node h = Layers.linear(b, "fc1", b.input(), WIDTH);
        h = b.add("frozen", new Linear(weight, null), h);
        h = Layers.activation(b, "act", b.add("sum", new ToyOps.Running(state, false), h), Function.GELU);
        return b.build(Layers.linear(b, "fc2", h, 4), new CrossEntropy(-100));
    }

    private DataSet data() {
        Random random = new Random(3);
        int rows = 20;
        float[] x = new float[rows * WIDTH];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return Data.rows(
                NpyWriter.write(folder.resolve("x.npy"), x, rows, WIDTH),
                NpyWriter.write(
                        folder.resolve("y.npy"), random.longs(rows, 0, 4).toArray(), rows));
    }

    private static Trainer trainer(DataSet data, String bits) {
        OptimiserOptions optimiser = OptimiserOptions.adamW(0.01).weightDecay(0.5);
        return new Trainer(graph(), DEVICE, data, new TrainingOptions(BATCH, optimiser, bits, 1));
    }

    private static Map<String, HostTensor> weights(Trainer trainer) {
        return trainer.weights().stream().collect(Collectors.toMap(HostTensor::name, tensor -> tensor));
    }

    @Test
    void theOptimiserTouchesTrainedParametersAlone() {
        try (Trainer trainer = trainer(data(), "none")) {
            Map<String, HostTensor> before = weights(trainer);
            assertThat(before.get("sum.running").floatAt(5)).isEqualTo(1);
            trainer.step();
            trainer.step();
            Map<String, HostTensor> after = weights(trainer);
            assertThat(after.get("frozen.weight").bytes())
                    .isEqualTo(before.get("frozen.weight").bytes());
            assertThat(after.get("fc1.weight").bytes())
                    .isNotEqualTo(before.get("fc1.weight").bytes());
            assertThat(after.get("sum.running").bytes())
                    .isNotEqualTo(before.get("sum.running").bytes());
            assertThat(trainer.snapshot().tensors())
                    .extracting(HostTensor::name)
                    .contains("frozen.weight", "sum.running")
                    .noneMatch(name -> name.startsWith("optimizer.") && name.endsWith("frozen.weight"));
        }
    }

    /** A new program goes on with the state that the one before left, as it does with the weights. */
    @ParameterizedTest
    @ValueSource(strings = {"none", "auto:2"})
    void aStateOutlivesItsProgram(String bits) {
        try (Trainer trainer = trainer(data(), bits)) {
            for (int i = 0; i < 18; i++) {
                trainer.step();
            }
            Map<String, HostTensor> now = weights(trainer);
            double far = 0;
            for (int i = 0; i < now.get("sum.running").elements(); i++) {
                far = Math.max(far, Math.abs(now.get("sum.running").floatAt(i) - 1));
            }
            // a sum of 18 steps: one that began again after the 16th would be far smaller
            assertThat(far).isGreaterThan(3);
        }
    }

    /** Saved with the model, and taken up: three steps are one and two. */
    @Test
    void aRunThatIsResumedHasItsState() {
        OpType type = OpType.of(
                "running",
                1,
                "adds its inputs up",
                m -> new ToyOps.Running(m.state("running", Shape.of(BATCH * WIDTH), Parameter.Init.ZEROS), false));
        OpTypes types = OpTypes.standard().with(type);
        ModelSpec model = ModelSpec.parse("""
                {"input": {"type": "features", "shape": [64]}, "loss": "cross_entropy", "layers": [
                 {"type": "linear", "name": "fc1", "out": 64}, {"type": "running", "name": "sum"}, {"type": "linear", "name": "fc2", "out": 4}]}""", "model", types);
        DataSet data = data();
        TrainingOptions options = new TrainingOptions(BATCH, OptimiserOptions.adamW(0.01), "none", 1);
        Path file = folder.resolve("one.safetensors");
        Map<String, HostTensor> whole;
        try (Trainer trainer = new Trainer(model.toGraph(), DEVICE, data, options)) {
            trainer.step();
            trainer.save(file, model);
            trainer.step();
            trainer.step();
            whole = weights(trainer);
        }
        try (Checkpoint checkpoint = Checkpoint.open(file, types);
                Trainer trainer = Trainer.resume(
                        checkpoint,
                        DEVICE,
                        data,
                        options,
                        TrainingState.parse(checkpoint.training().orElseThrow()))) {
            trainer.step();
            trainer.step();
            Map<String, HostTensor> parts = weights(trainer);
            assertThat(parts.keySet()).isEqualTo(whole.keySet()).contains("sum.running");
            parts.forEach((name, tensor) -> assertThat(tensor.bytes())
                    .as(name)
                    .isEqualTo(whole.get(name).bytes()));
        }
    }

    /** Also by the second program of a batch that is not full. */
    @Test
    void evaluationReadsThem() {
        DataSet data = data();
        try (Trainer trainer = trainer(data, "none");
                Batches batches = trainer.evaluator(data, BATCH)) {
            double loss = Evaluation.of(batches).loss();
            float[] zeros = new float[WIDTH * WIDTH];
            trainer.parameters().get("frozen.weight").upload(DEVICE.stream(), zeros);
            double without = Evaluation.of(batches).loss();
            assertThat(without).isNotEqualTo(loss);
            for (int i : new int[] {0, batches.count() - 1}) {
                assertThat(batches.program(i)
                                .tensor(ParameterRole.WEIGHT, "frozen.weight")
                                .downloadFloats(DEVICE.stream()))
                        .containsOnly(0);
            }
        }
    }
}
