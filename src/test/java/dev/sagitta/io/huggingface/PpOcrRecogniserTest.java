package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Program;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.tensor.Shape;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A trained reader of lines, 2.7 million parameters, against ONNX Runtime: the classes of every column are those of the text that it reads. */
class PpOcrRecogniserTest {
    /** Of float64 evaluation and ONNX Runtime in fp32 over all columns: one of them is ill-conditioned. */
    private static final double TOLERANCE = 2e-3;

    static List<String> devices() {
        return TestDevices.names();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void linesAreReadAsByOnnxRuntime(String device) {
        JsonNode expected = HeldData.expected("ppocr-recogniser.json");
        try (SafetensorsFile weights = SafetensorsFile.open(HeldData.file(PpOcrRecogniser.WEIGHTS));
                SafetensorsFile images = SafetensorsFile.open(HeldData.file(PpOcr.IMAGES))) {
            PpOcrRecogniser network = new PpOcrRecogniser(weights);
            JsonNode cases = expected.get("cases");
            int count = TestDevices.small() ? 1 : cases.size();
            for (int number = 0; number < count; number++) {
                HostTensor image = images.tensor(cases.get(number).get("image").textValue());
                float[] logits = predict(device, network, expected.get("blocks"), image);
                requireSame(logits, cases.get(number));
                if (number == 0) {
                    float[] column = images.tensor("line.0.logits.5").toFloats();
                    for (int i = 0; i < column.length; i++) {
                        assertThat(logits[5 * PpOcrRecogniser.CLASSES + i]).isCloseTo(column[i], Offset.offset(1e-4f));
                    }
                }
            }
        }
    }

    private static float[] predict(String device, PpOcrRecogniser network, JsonNode blocks, HostTensor image) {
        long width = image.shape().extent(1);
        try (Program program = Program.compile(
                network.graph(blocks, width), TestDevices.get(device), ProgramOptions.of(1, Computation.PREDICT))) {
            program.load(network::parameter);
            program.input("input")
                    .upload(
                            program.stream(),
                            HostTensor.of("line", Shape.of(1, 3, 48, width), PpOcr.input(image, false))
                                    .bytes());
            program.run(Computation.PREDICT);
            return program.tensor(Role.OUTPUT).downloadFloats(program.stream());
        }
    }

    private static void requireSame(float[] logits, JsonNode expected) {
        int[] classes = HeldData.integers(expected.get("classes"));
        assertThat(logits).hasSize(classes.length * PpOcrRecogniser.CLASSES);
        for (int column = 0; column < classes.length; column++) {
            int from = column * PpOcrRecogniser.CLASSES;
            int best = 0;
            for (int i = 1; i < PpOcrRecogniser.CLASSES; i++) {
                best = logits[from + i] > logits[from + best] ? i : best;
            }
            String what = expected.get("text").textValue() + ", column " + column;
            assertThat(best).as(what).isEqualTo(classes[column]);
            assertThat((double) logits[from + best])
                    .as(what)
                    .isCloseTo(expected.get("logits").get(column).doubleValue(), Offset.offset(TOLERANCE));
            assertThat(probability(logits, from, best))
                    .as(what)
                    .isCloseTo(expected.get("probabilities").get(column).doubleValue(), Offset.offset(5e-4));
        }
    }

    private static double probability(float[] logits, int from, int best) {
        double sum = 0;
        for (int i = 0; i < PpOcrRecogniser.CLASSES; i++) {
            sum += Math.exp(logits[from + i] - (double) logits[from + best]);
        }
        return 1 / sum;
    }
}
