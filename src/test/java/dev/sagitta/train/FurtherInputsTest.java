package dev.sagitta.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Evaluation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Networks that read more than one input: ids and their types, against one table whose rows are the sums of both. */
class FurtherInputsTest {
    private static final int ROWS = 7;
    private static final int CONTEXT = 3;
    private static final int WORDS = 5;
    private static final int WIDTH = 4;

    private static final ModelSpec BOTH = ModelSpec.parse("""
            {"input": {"shape": [3], "type": "ids"}, "inputs": {"types": {"shape": [3], "type": "ids"}}, "loss": "cross_entropy", "layers": [
             {"type": "embedding", "name": "words", "rows": 5, "width": 4},
             {"type": "embedding", "name": "kinds", "from": "types", "rows": 2, "width": 4},
             {"type": "add", "name": "sum", "from": ["words", "kinds"]},
             {"type": "flatten"}, {"type": "linear", "name": "out", "out": 3}]}""", "both");

    private static final ModelSpec ONE = ModelSpec.parse("""
            {"input": {"shape": [3], "type": "ids"}, "loss": "cross_entropy", "layers": [
             {"type": "embedding", "name": "sums", "rows": 10, "width": 4},
             {"type": "flatten"}, {"type": "linear", "name": "out", "out": 3}]}""", "one");

    private final Random random = new Random(2);
    private final int[] ids = random.ints(ROWS * CONTEXT, 0, WORDS).toArray();
    private final int[] types = random.ints(ROWS * CONTEXT, 0, 2).toArray();
    private final HostTensor labels =
            HostTensor.of("labels", Shape.of(ROWS), random.ints(ROWS, 0, 3).toArray());
    private final Map<String, HostTensor> weights = new LinkedHashMap<>();

    private static HostTensor rows(String name, int... values) {
        return HostTensor.of(name, Shape.of(ROWS, CONTEXT), values);
    }

    private DataSet both() {
        return DataSet.of(rows("ids", ids), labels).with("types", rows("types.npy", types));
    }

    private DataSet one() {
        int[] sums = new int[ids.length];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = WORDS * types[i] + ids[i];
        }
        return DataSet.of(rows("ids", sums), labels);
    }

    private Batches batches(ModelSpec model, Device device, DataSet data, int batch) {
        data.requireFits(model.toGraph());
        Batches batches =
                new Batches(model.toGraph(), device, ProgramOptions.of(batch, Computation.EVALUATE), DataRows.of(data));
        batches.program().load(parameter -> weights.get(parameter.name()).bytes());
        return batches;
    }

    private void draw() {
        for (Parameter parameter : BOTH.toGraph().everyParameter()) {
            float[] values = new float[(int) parameter.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            weights.put(parameter.name(), HostTensor.of(parameter.name(), parameter.shape(), values));
        }
        float[] sums = new float[2 * WORDS * WIDTH];
        for (int i = 0; i < sums.length; i++) {
            int row = i / WIDTH;
            sums[i] = weights.get("words.weight").floatAt(row % WORDS * WIDTH + i % WIDTH)
                    + weights.get("kinds.weight").floatAt(row / WORDS * WIDTH + i % WIDTH);
        }
        weights.put("sums.weight", HostTensor.of("sums.weight", Shape.of(2 * WORDS, WIDTH), sums));
    }

    static List<String> devices() {
        return TestDevices.names();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void allBatchesHaveTheirOwnValues(String name) {
        draw();
        Device device = TestDevices.get(name);
        // three full batches and one of a row; then the same from the device's memory
        try (Batches further = batches(BOTH, device, both(), 2);
                Batches single = batches(ONE, device, one(), 2)) {
            Evaluation expected = Evaluation.of(single);
            for (int pass = 0; pass < 2; pass++) {
                assertThat(Evaluation.of(further).loss()).isCloseTo(expected.loss(), Offset.offset(1e-6));
                assertThat(Evaluation.of(further).accuracy()).isEqualTo(expected.accuracy());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void trainingLearnsFromThem(String name) {
        Device device = TestDevices.get(name);
        TrainingOptions options = new TrainingOptions(2, OptimiserOptions.adamW(0.05), "none", 3);
        List<Float> with = new ArrayList<>();
        try (Trainer trainer = new Trainer(BOTH.toGraph(), device, both(), options)) {
            for (int i = 0; i < 60; i++) {
                with.add(trainer.step());
            }
            assertThat(with.get(59)).isLessThan(with.get(0) / 2);
        }
        // other types, another run: they are read
        try (Trainer trainer = new Trainer(BOTH.toGraph(), device, DataSet.of(rows("ids", ids), labels), options)) {
            assertThat(trainer.step()).isNotEqualTo(with.get(0));
        }
    }

    /** Of both ways that batches come to the device; further inputs beside the main one. */
    @ParameterizedTest
    @MethodSource("devices")
    void batchesOnTheDeviceAreThoseOfTheHost(String name) {
        Device device = TestDevices.get(name);
        DataSet data = both();
        ProgramOptions options = ProgramOptions.of(2, Computation.EVALUATE);
        try (Program resident = Program.compile(BOTH.toGraph(), device, options);
                Program sent = Program.compile(BOTH.toGraph(), device, options);
                TrainingBatches there = new TrainingBatches(data, device, 2, 4, Long.MAX_VALUE);
                TrainingBatches here = new TrainingBatches(data, device, 2, 4, 0)) {
            there.bind(resident);
            here.bind(sent);
            assertThat(there.bytes()).isPositive();
            assertThat(here.bytes()).isZero();
            for (int position = 0; position < 3 * ROWS; position += 2) {
                there.load(position);
                here.load(position);
                for (String input : List.of("input", "types")) {
                    assertThat(ints(resident.input(input), device))
                            .as("%s at %d", input, position)
                            .isEqualTo(ints(sent.input(input), device));
                }
                assertThat(ints(resident.tensor(Role.TARGET), device))
                        .isEqualTo(ints(sent.tensor(Role.TARGET), device));
            }
        }
    }

    private static int[] ints(Tensor tensor, Device device) {
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) tensor.bytes()).order(ByteOrder.nativeOrder());
        device.stream().download(bytes, tensor.buffer(), 0);
        int[] values = new int[bytes.capacity() / Integer.BYTES];
        bytes.clear().order(ByteOrder.nativeOrder()).asIntBuffer().get(values);
        return values;
    }

    private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(DataException.class).hasMessageContaining(message);
    }

    @Test
    void valuesThatDoNotFitAreRefused() {
        DataSet ids = DataSet.of(rows("ids", this.ids), labels);
        types[4] = 2;
        refused(
                () -> ids.with("types", rows("types.npy", types)).requireFits(BOTH.toGraph()),
                "types.npy: 2 in row 1, the model's input 'types' takes 0 to 1");
        refused(
                () -> ids.with("types", HostTensor.of("types.npy", Shape.of(ROWS, 2), new int[2 * ROWS]))
                        .requireFits(BOTH.toGraph()),
                "types.npy: an example has 2 values of i32, the model's input 'types' has 3 of i32");
        refused(
                () -> ids.with("types", HostTensor.of("types.npy", Shape.of(ROWS + 1), new int[ROWS + 1])),
                "types.npy: shape [8], expected a row for each of the 7 examples of ids");
        ModelSpec unknown = ModelSpec.parse(BOTH.toJson().replace("types", "kind_of"), "unknown");
        refused(() -> ids.requireFits(unknown.toGraph()), "the model has an input 'kind_of' of 3 i32 per example");
    }
}
