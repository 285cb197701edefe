package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A classifier learns a teacher's probabilities: loss {@code kl} with targets from a file. */
class SoftTargetsTest {
    private static final int EXAMPLES = 240;
    private static final int IN = 4;
    private static final int CLASSES = 5;

    @TempDir
    Path folder;

    /** softmax(2 W x) of random W: what a linear network can be. */
    private static float[] probabilities(float[] x, Random random) {
        double[] w = random.doubles((long) IN * CLASSES, -2, 2).toArray();
        float[] p = new float[EXAMPLES * CLASSES];
        for (int n = 0; n < EXAMPLES; n++) {
            double[] share = new double[CLASSES];
            double sum = 0;
            for (int c = 0; c < CLASSES; c++) {
                double z = 0;
                for (int i = 0; i < IN; i++) {
                    z += w[c * IN + i] * x[n * IN + i];
                }
                share[c] = Math.exp(z);
                sum += share[c];
            }
            for (int c = 0; c < CLASSES; c++) {
                p[n * CLASSES + c] = (float) (share[c] / sum);
            }
        }
        return p;
    }

    @Test
    void aStudentComesNearItsTeacher() throws Exception {
        Random random = new Random(3);
        float[] x = new float[EXAMPLES * IN];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        Path inputs = NpyWriter.write(folder.resolve("x.npy"), x, EXAMPLES, IN);
        Path targets = NpyWriter.write(folder.resolve("p.npy"), probabilities(x, random), EXAMPLES, CLASSES);
        Path model = Files.writeString(folder.resolve("student.json"), """
                {"input": {"shape": [4]}, "loss": "kl", "layers": [{"type": "linear", "name": "fc", "out": 5}]}""");
        double before = trained(inputs, targets, model, 1);
        double after = trained(inputs, targets, model, 400);
        assertThat(before).isGreaterThan(0.2);
        // a divergence of 0 can be had, and none below it
        assertThat(after).isCloseTo(0, within(0.02));
    }

    /** The validation loss after so many steps. */
    private double trained(Path inputs, Path targets, Path model, int steps) {
        Path out = folder.resolve("student" + steps + ".safetensors");
        JsonNode result = CommandRun.of(
                        "train",
                        "--device",
                        TestDevices.one(),
                        "--inputs",
                        inputs,
                        "--targets",
                        targets,
                        "--model",
                        model,
                        "--out",
                        out,
                        "--steps",
                        steps,
                        "--lr",
                        0.05,
                        "--json")
                .succeeded()
                .json();
        assertThat(result.get("validationAccuracy").isNull()).isTrue();
        return result.get("validationLoss").doubleValue();
    }
}
