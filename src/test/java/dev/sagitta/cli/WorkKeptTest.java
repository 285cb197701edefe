package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.data.Data;
import dev.sagitta.device.Device;
import dev.sagitta.fixture.NpyWriter;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingOptions;
import dev.sagitta.train.TrainingState;
import dev.sagitta.train.optimiser.OptimiserOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever ends a training run, what it had learnt is in a file. */
class WorkKeptTest {
    private static final String DEVICE = TestDevices.one();
    private static final int EXAMPLES = 60;
    private static final Pattern BAD_STEP = Pattern.compile("the loss is (?:NaN|Infinity) at step ([0-9]+);");

    @TempDir
    Path folder;

    private Path model;
    private Path x;
    private Path y;
    private Path out;

    /** A regression with one target whose square is beyond fp32: the step that meets it has an infinite loss. */
    @BeforeEach
    void write() throws Exception {
        model = Files.writeString(folder.resolve("model.json"), """
                {"input": {"shape": [3]}, "loss": "mse", "layers": [{"type": "linear", "name": "fc", "out": 1}]}""");
        SplittableRandom random = new SplittableRandom(1);
        float[] features = new float[3 * EXAMPLES];
        for (int i = 0; i < features.length; i++) {
            features[i] = (float) random.nextDouble(-1, 1);
        }
        x = NpyWriter.write(folder.resolve("x.npy"), features, EXAMPLES, 3);
        y = targets("y.npy", 0);
        out = folder.resolve("c.safetensors");
    }

    private Path targets(String name, float first) {
        float[] targets = new float[EXAMPLES];
        // not one of those that seed 0 holds out
        targets[1] = first;
        return NpyWriter.write(folder.resolve(name), targets, EXAMPLES, 1);
    }

    private List<Object> words(Path targets, Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", "--device", DEVICE, "--inputs", x, "--targets", targets));
        words.addAll(List.of("--out", out));
        words.addAll(List.of(more));
        return words;
    }

    private CommandRun train(Path targets, Object... more) {
        return CommandRun.of(words(targets, more).toArray());
    }

    private static long step(Path checkpoint) {
        try (Checkpoint opened = Checkpoint.open(checkpoint)) {
            return TrainingState.parse(opened.training().orElseThrow()).step();
        }
    }

    @Test
    void anInfiniteLossLeavesTheLastGoodState() {
        Path bad = targets("bad.npy", 1e30f);
        Object[] options = {"--model", model, "--batch", 1, "--checkpoint-every", 1, "--report-every", 1000};
        List<Object> words = words(bad, options);
        words.addAll(List.of("--steps", 1000));
        CommandRun run = CommandRun.of(words.toArray());
        run.failed(1, "the loss is Infinity at step ");
        Matcher matcher = BAD_STEP.matcher(run.err());
        assertThat(matcher.find()).isTrue();
        long at = Long.parseLong(matcher.group(1));
        assertThat(at).isBetween(4L, 54L);
        assertThat(run.err()).contains(out + " holds step " + (at - 2) + ": go on from there with --resume " + out);
        assertThat(step(out)).isEqualTo(at - 2);
        train(y, "--resume", out, "--steps", 2).succeeded();

        // the last state is held to the same: the batch after it has no finite loss
        words = words(bad, options);
        words.addAll(List.of("--steps", at - 1));
        run = CommandRun.of(words.toArray());
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err())
                .contains("the loss is Infinity after step " + (at - 1) + ", the last one")
                .contains("holds step ");
        assertThat(step(out)).isEqualTo(at - 2);
    }

    @Test
    void aLogThatFailsDoesNotCostTheWork() {
        CommandRun run = train(y, "--model", model, "--steps", 10, "--report-every", 2, "--metrics", "/dev/full");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err().lines()).hasSize(1);
        assertThat(run.err()).contains("cannot write /dev/full").contains("training goes on without it");
        assertThat(run.out()).contains("wrote " + out);
        assertThat(step(out)).isEqualTo(10);
    }

    @Test
    void aLogThatCannotBeOpenedIsSaidBeforeAnythingIsRead() {
        CommandRun.of(
                        "train",
                        "--model",
                        model,
                        "--inputs",
                        folder.resolve("absent.npy"),
                        "--targets",
                        y,
                        "--out",
                        out,
                        "--metrics",
                        folder.resolve("no/m.jsonl"))
                .failed(1, "m.jsonl: there is no folder");
    }

    private Process start(String prefix, Path err, List<Object> words) throws Exception {
        StringBuilder command = new StringBuilder(prefix + "exec '" + System.getProperty("java.home")
                + "/bin/java' -Xmx512m -XX:+PerfDisableSharedMem '-Dsagitta.cuda.modules="
                + System.getProperty("sagitta.cuda.modules", "") + "' -cp '" + System.getProperty("java.class.path")
                + "' " + Main.class.getName());
        words.forEach(word -> command.append(" '").append(word).append("'"));
        return new ProcessBuilder("sh", "-c", command.toString())
                .redirectError(err.toFile())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    /** A process that may write no more than 8 MiB to a file stands for a disk that is full; a checkpoint has 17. */
    @Test
    void aFullDiskLeavesTheFileBefore() throws Exception {
        Path wide = Files.writeString(folder.resolve("wide.json"), """
                {"input": {"shape": [3]}, "loss": "mse", "layers": [{"type": "linear", "out": 280000}, {"type": "linear", "out": 1}]}""");
        train(y, "--model", wide, "--steps", 2, "--batch", 2).succeeded();
        byte[] before = Files.readAllBytes(out);
        assertThat(before.length).isGreaterThan(16 << 20);
        Path err = folder.resolve("err");
        Process process =
                start("ulimit -f 16384; ", err, words(y, "--resume", out, "--steps", 4, "--checkpoint-every", 1));
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        String said = Files.readString(err);
        assertThat(process.exitValue()).as(said).isEqualTo(1);
        assertThat(said).contains("cannot write " + out).contains("training goes on, and it is tried again");
        assertThat(said.lines().reduce((a, b) -> b).orElse(""))
                .contains("cannot write " + out)
                .contains("; no checkpoint was written");
        assertThat(Files.readAllBytes(out)).isEqualTo(before);
        assertThat(folder).isDirectoryNotContaining(path -> path.toString().endsWith(".tmp"));
    }

    /** No signal handler runs. */
    @Test
    void aKilledProcessLeavesWhatItSavedOnTheWay() throws Exception {
        Path err = folder.resolve("err");
        Process process = start("", err, words(y, "--model", model, "--steps", 100_000_000, "--checkpoint-every", 10));
        try {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
            while (!Files.exists(out)) {
                assertThat(process.isAlive()).as(Files.readString(err)).isTrue();
                assertThat(System.nanoTime()).isLessThan(end);
                Thread.sleep(20);
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(step(out)).isPositive().matches(step -> step % 10 == 0);
        train(y, "--resume", out, "--steps", 2).succeeded();
    }

    private interface Body {
        void run(Trainer trainer, List<String> notes, CheckpointKeeper keeper);
    }

    private void withTrainer(CheckpointKeeper.Interval interval, Body body) {
        ModelSpec spec = ModelSpec.read(model);
        Device device = TestDevices.get(DEVICE);
        TrainingOptions options = new TrainingOptions(4, OptimiserOptions.sgd(0.01, 0), "none", 0);
        List<String> notes = new ArrayList<>();
        try (Trainer trainer = new Trainer(spec.toGraph(), device, Data.rows(x, y), options)) {
            body.run(trainer, notes, new CheckpointKeeper(trainer, spec, out, interval, () -> false, notes::add));
        }
    }

    @Test
    void anyOtherFailureSavesWhatWasDone() {
        withTrainer(new CheckpointKeeper.Interval(0, true), (trainer, notes, keeper) -> {
            TrainingLoop loop = new TrainingLoop(trainer, null, keeper, () -> false, () -> {});
            assertThatThrownBy(() -> loop.run(100, 7, report -> {
                        throw new OutOfMemoryError("as if");
                    }))
                    .isInstanceOf(OutOfMemoryError.class);
            assertThat(notes).containsExactly(out + " holds step 7; go on with --resume " + out);
            assertThat(step(out)).isEqualTo(7);
        });
    }

    @Test
    void checkpointsAreOnByDefaultAndDoNotTakeTheTime() {
        withTrainer(new CheckpointKeeper.Interval(5, true), (trainer, notes, keeper) -> {
            for (int i = 1; i <= 12; i++) {
                trainer.step();
                keeper.stepped();
                // a state is written when the step after it went well
                assertThat(Files.exists(out)).isEqualTo(i >= 6);
            }
            assertThat(step(out)).isEqualTo(10);
            assertThat(notes).isEmpty();
        });
    }

    /** Reports take time, here 50 milliseconds each: it is not the steps'. */
    @Test
    void theSpeedIsThatOfTheSteps() {
        withTrainer(new CheckpointKeeper.Interval(0, true), (trainer, notes, keeper) -> {
            int steps = 20;
            TrainingReport last = new TrainingLoop(trainer, null, keeper, () -> false, () -> {})
                    .run(steps, 1, report -> {
                        try {
                            Thread.sleep(50);
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                    });
            double busy = steps * 4 / last.examplesPerSecond();
            assertThat(busy).isLessThan(last.seconds() - 0.05 * (steps - 1) + 1e-3);
        });
    }
}
