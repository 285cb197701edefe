package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.curvature.estimator.Lanczos;
import dev.sagitta.curvature.operator.NetworkOperator;
import dev.sagitta.data.DataRows;
import dev.sagitta.data.DataSet;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A trained decoder of 260,032 parameters against llama.cpp and PyTorch in float64. */
class Stories260KTest {
    /** The text that curvature was measured on. */
    private static final int PLAY = 5;

    @TempDir
    Path folder;

    static List<String> devices() {
        return TestDevices.names();
    }

    private Checkpoint open(int context) {
        Path stories = folder.resolve("stories");
        if (!HuggingFace.isFolder(stories)) {
            Stories.write(HeldData.file("stories260K/stories260K.bin"), stories);
        }
        return HuggingFace.open(stories, context, note -> {
            throw new AssertionError(note);
        });
    }

    private static Program compile(Checkpoint checkpoint, String device, Computation first, Computation... more) {
        Program program =
                Program.compile(checkpoint.graph(), TestDevices.get(device), ProgramOptions.of(1, first, more));
        program.load(parameter -> checkpoint.parameter(parameter.name()).bytes());
        return program;
    }

    private static int[] play() {
        return HeldData.integers(
                HeldData.expected("stories260K.json").get("cases").get(PLAY).get("input_ids"));
    }

    private static HostTensor ids(int... values) {
        return HostTensor.of("ids", Shape.of(1, values.length), values);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void logitsAndLossesAreLlamaCpps(String device) {
        JsonNode cases = HeldData.expected("stories260K.json").get("cases");
        try (SafetensorsFile expected = SafetensorsFile.open(HeldData.file("tools/expected/stories260K.safetensors"))) {
            for (int number = 0; number < cases.size(); number++) {
                int[] ids = HeldData.integers(cases.get(number).get("input_ids"));
                try (Checkpoint checkpoint = open(ids.length);
                        Program program = compile(checkpoint, device, Computation.EVALUATE)) {
                    int[] targets = Arrays.copyOfRange(ids, 1, ids.length + 1);
                    targets[ids.length - 1] = -100;
                    program.tensor(Role.INPUT).upload(program.stream(), ids(ids).bytes());
                    program.tensor(Role.TARGET)
                            .upload(program.stream(), ids(targets).bytes());
                    program.run(Computation.EVALUATE);
                    float[] metrics = program.tensor(Role.METRICS).downloadFloats(program.stream());
                    assertThat((double) metrics[0] / metrics[1])
                            .isCloseTo(cases.get(number).get("loss").doubleValue(), Offset.offset(1e-5));
                }
                try (Checkpoint checkpoint = open(ids.length);
                        Program program = compile(checkpoint, device, Computation.PREDICT)) {
                    program.tensor(Role.INPUT).upload(program.stream(), ids(ids).bytes());
                    program.run(Computation.PREDICT);
                    float[] logits = program.tensor(Role.OUTPUT).downloadFloats(program.stream());
                    float[] theirs = expected.tensor("logits." + number).toFloats();
                    int skipped = logits.length - theirs.length;
                    for (int i = 0; i < theirs.length; i++) {
                        assertThat(logits[skipped + i])
                                .as("text %d, logit %d from the end", number, theirs.length - i)
                                .isCloseTo(theirs[i], Offset.offset(1e-4f));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientAndHessianProductArePyTorchs(String device) {
        JsonNode expected = HeldData.expected("curvature-stories260K.json");
        int[] ids = play();
        NameTable names = new Llama().names();
        try (Checkpoint checkpoint = open(ids.length - 1);
                Program program = compile(checkpoint, device, Computation.GRADIENT, Computation.HESSIAN_VECTOR)) {
            program.tensor(Role.INPUT)
                    .upload(
                            program.stream(),
                            ids(Arrays.copyOf(ids, ids.length - 1)).bytes());
            program.tensor(Role.TARGET)
                    .upload(
                            program.stream(),
                            ids(Arrays.copyOfRange(ids, 1, ids.length)).bytes());
            new Held(expected, ours -> names.theirs(ours).name()).requireSame(program);
        }
    }

    @Test
    void extremeEigenvaluesArePyTorchs() {
        JsonNode expected = HeldData.expected("curvature-stories260K.json").get("lanczos_60_steps");
        int[] ids = play();
        try (Checkpoint checkpoint = open(ids.length - 1)) {
            DataSet data =
                    DataSet.of(ids(Arrays.copyOf(ids, ids.length - 1)), ids(Arrays.copyOfRange(ids, 1, ids.length)));
            data.requireFits(checkpoint.graph());
            Batches batches = new Batches(
                    checkpoint.graph(),
                    TestDevices.get(TestDevices.one()),
                    ProgramOptions.of(1, Computation.HESSIAN_VECTOR),
                    DataRows.of(data));
            try (batches;
                    NetworkOperator operator = new NetworkOperator(batches, Computation.HESSIAN_VECTOR)) {
                batches.program()
                        .load(parameter ->
                                checkpoint.parameter(parameter.name()).bytes());
                Lanczos lanczos = new Lanczos(60, 1e-5);
                assertThat(lanczos.largest(operator, 1, 3).values()[0])
                        .isCloseTo(expected.get("largest_eigenvalue").doubleValue(), Percentage.withPercentage(0.01));
                assertThat(Negated.smallestEigenvalue(operator, lanczos, 3))
                        .isCloseTo(expected.get("smallest_eigenvalue").doubleValue(), Percentage.withPercentage(0.01));
            }
        }
    }
}
