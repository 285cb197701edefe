package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Labels at random: a network knows by heart what it learnt from and nothing of the rest, so that each figure tells which examples it is of. */
class HeldOutRowsTest {
    private static final String DEVICE = TestDevices.one();
    private static final int EXAMPLES = 120;
    private static final int SEED = 7;

    @TempDir
    Path folder;

    private Path model;
    private Path x;
    private Path y;
    private Path trained;
    private double heldOutLoss;

    @BeforeEach
    void train() throws Exception {
        model = Files.writeString(folder.resolve("model.json"), """
                {"input": {"shape": [16]}, "loss": "cross_entropy", "layers": [{"type": "linear", "name": "fc1", "out": 64},
                 {"type": "relu"}, {"type": "linear", "name": "fc2", "out": 3}]}""");
        x = features(folder.resolve("x.npy"), EXAMPLES);
        y = labels(folder.resolve("y.npy"), EXAMPLES);
        trained = folder.resolve("c.safetensors");
        JsonNode result = run(
                        "train", "--out", trained, "--model", model, "--seed", SEED, "--steps", 150, "--lr", 0.02,
                        "--json")
                .succeeded()
                .json();
        heldOutLoss = result.get("validationLoss").doubleValue();
        assertThat(heldOutLoss).isGreaterThan(1);
        assertThat(loss(trained, "--split", "train")).isLessThan(0.05);
    }

    private static Path features(Path file, int examples) {
        SplittableRandom random = new SplittableRandom(1);
        float[] values = new float[examples * 16];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        return NpyWriter.write(file, values, examples, 16);
    }

    private static Path labels(Path file, int examples) {
        SplittableRandom random = new SplittableRandom(2);
        return NpyWriter.write(file, random.longs(examples, 0, 3).toArray(), examples);
    }

    private CommandRun run(String command, Object... more) {
        List<Object> words = new ArrayList<>(List.of(command, "--device", DEVICE));
        words.addAll(List.of(more));
        if (!words.contains("--inputs")) {
            words.addAll(List.of("--inputs", x, "--targets", y));
        }
        return CommandRun.of(words.toArray());
    }

    private double loss(Path checkpoint, Object... more) {
        List<Object> words = new ArrayList<>(List.of("--checkpoint", checkpoint));
        words.addAll(List.of(more));
        return run("eval", words.toArray()).succeeded().json().get("loss").doubleValue();
    }

    @Test
    void aPackedCheckpointKnowsWhatWasHeldOut() {
        Path packed = folder.resolve("q.safetensors");
        run("quantize", "--checkpoint", trained, "--out", packed, "--uniform", 8, "--gauss-newton")
                .succeeded();
        assertThat(loss(packed, "--split", "test")).isCloseTo(heldOutLoss, within(0.1 * heldOutLoss));
        assertThat(loss(packed, "--split", "train")).isLessThan(0.1);
        try (Checkpoint from = Checkpoint.open(trained);
                Checkpoint made = Checkpoint.open(packed)) {
            assertThat(made.heldOut()).isPresent().isEqualTo(from.heldOut());
        }
    }

    @Test
    void anotherSeedDoesNotTouchThem() {
        CommandRun run = run("eval", "--checkpoint", trained, "--split", "test", "--seed", SEED + 1);
        assertThat(run.status()).isZero();
        assertThat(run.err()).contains("the held-out examples stay those of ").contains("drawn by its seed 7");
        assertThat(run.json().get("loss").doubleValue()).isCloseTo(heldOutLoss, within(1e-5));
        // where no part is asked for, nothing is held out by any seed
        CommandRun whole = run("eval", "--checkpoint", trained, "--seed", SEED + 1);
        assertThat(whole.status()).isZero();
        assertThat(whole.err().lines()).hasSize(1);
        assertThat(whole.err()).contains("--seed has no effect");
    }

    @Test
    void resumingWithAnotherSeedHoldsOutTheSame() {
        Path out = folder.resolve("d.safetensors");
        CommandRun run = run(
                "train",
                "--resume",
                trained,
                "--out",
                out,
                "--seed",
                SEED + 1,
                "--steps",
                3,
                "--lr",
                1e-9,
                "--json",
                "-");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("the held-out examples stay those of ")
                .contains("the order of examples is that of seed 8 from here on");
        assertThat(run.json().get("validationLoss").doubleValue()).isCloseTo(heldOutLoss, within(1e-4));
        assertThat(loss(out, "--split", "test")).isCloseTo(heldOutLoss, within(1e-4));
    }

    @Test
    void whatCannotBeKnownIsSaid() throws Exception {
        Path grownX = features(folder.resolve("gx.npy"), EXAMPLES + 1);
        Path grownY = labels(folder.resolve("gy.npy"), EXAMPLES + 1);
        Object[] grown = {"--inputs", grownX, "--targets", grownY};
        CommandRun other = run("eval", with(grown, "--checkpoint", trained, "--split", "test"));
        assertThat(other.status()).isZero();
        assertThat(other.err())
                .contains(
                        "c.safetensors was trained on 120 examples of rows, these are 121 examples of rows: it may have learnt");
        run("eval", with(grown, "--checkpoint", trained)).succeeded();

        Path bare = folder.resolve("bare.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(trained)) {
            List<HostTensor> weights = checkpoint.graph().parameters().stream()
                    .map(parameter -> checkpoint.parameter(parameter.name()))
                    .toList();
            Checkpoint.write(bare, checkpoint.model(), weights, Map.of());
        }
        CommandRun old = run("eval", "--checkpoint", bare, "--split", "test");
        assertThat(old.status()).isZero();
        assertThat(old.err()).contains("bare.safetensors does not say which examples its training held out");
    }

    private static Object[] with(Object[] some, Object... more) {
        List<Object> all = new ArrayList<>(List.of(more));
        all.addAll(List.of(some));
        return all.toArray();
    }
}
