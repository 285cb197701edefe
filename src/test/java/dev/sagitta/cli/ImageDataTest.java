package dev.sagitta.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sagitta.fixture.ImageFiles;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.Normalisation;
import dev.sagitta.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands over folders of pictures and CIFAR's files. */
class ImageDataTest {
    private static final String DEVICE = TestDevices.one();

    @TempDir
    Path folder;

    private Path model;
    private Path checkpoint;

    @BeforeEach
    void write() throws IOException {
        checkpoint = folder.resolve("C.safetensors");
        model = Files.writeString(folder.resolve("model.json"), """
                {"input": {"shape": [3, 8, 8]}, "loss": "cross_entropy", "layers": [
                  {"type": "conv2d", "name": "conv", "out": 4, "kernel": 3, "padding": 1}, {"type": "relu"},
                  {"type": "global_avg_pool"}, {"type": "linear", "name": "fc", "out": 3}]}""");
    }

    private CommandRun train(Object... more) {
        List<Object> words = new ArrayList<>(
                List.of("train", "--device", DEVICE, "--out", checkpoint, "--batch", 8, "--lr", 0.02, "--json"));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    private CommandRun eval(Object... more) {
        List<Object> words = new ArrayList<>(List.of("eval", "--device", DEVICE, "--checkpoint", checkpoint));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    @Test
    void aFolderOfPicturesIsLearnt() throws IOException {
        Path images = folder.resolve("images");
        ImageFiles.folder(images.resolve("train"), 8, 12, "a", "b", "c");
        ImageFiles.folder(images.resolve("test"), 12, 4, "a", "b", "c");
        // the model's file says 8 x 8: the larger ones are made so
        JsonNode result = train("--images", images, "--model", model, "--steps", 60)
                .succeeded()
                .json();
        assertThat(result.get("validationAccuracy").asDouble()).isEqualTo(1);
        JsonNode test = eval("--images", images).succeeded().json();
        assertThat(test.get("examples").asInt()).isEqualTo(12);
        assertThat(test.get("accuracy").asDouble()).isEqualTo(1);
        assertThat(eval("--images", images.resolve("train"))
                        .succeeded()
                        .json()
                        .get("examples")
                        .asInt())
                .isEqualTo(36);
        CommandRun.of("curvature", "--device", DEVICE, "--checkpoint", checkpoint, "--images", images, "--probes", 4)
                .succeeded();
    }

    @Test
    void aPresetTakesTheSizeAndTheClassesOfPictures() throws IOException {
        Path images = ImageFiles.folder(folder.resolve("images"), 20, 4, "a", "b", "c", "d");
        CommandRun run = train("--images", images, "--image-size", 16, "--model", "convnet", "--steps", 1);
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err()).contains("convnet over images [3, 16, 16] of 4 classes");
        try (Checkpoint written = Checkpoint.open(checkpoint)) {
            assertThat(written.model().inputShape()).isEqualTo(Shape.of(3, 16, 16));
        }
        // the size is the checkpoint's
        assertThat(eval("--images", images).succeeded().json().get("examples").asInt())
                .isEqualTo(16);
    }

    @Test
    void cifarIsLearntByAPreset() throws IOException {
        Path cifar = folder.resolve("cifar");
        ImageFiles.cifar(cifar.resolve("data_batch_1.bin"), new int[] {0}, new int[] {1}, new int[] {2}, new int[] {1});
        ImageFiles.cifar(cifar.resolve("test_batch.bin"), new int[] {2}, new int[] {0});
        train("--cifar", cifar, "--model", "convnet", "--steps", 2).succeeded();
        assertThat(eval("--cifar", cifar).succeeded().json().get("examples").asInt())
                .isEqualTo(2);
        assertThat(eval("--cifar", cifar.resolve("data_batch_1.bin"))
                        .succeeded()
                        .json()
                        .get("examples")
                        .asInt())
                .isEqualTo(4);
    }

    /** What training did to the pixels is done by whatever reads its checkpoint, and what is made of it. */
    @Test
    void theNormalisationGoesWithTheCheckpoint() throws IOException {
        Path images = folder.resolve("images");
        ImageFiles.folder(images.resolve("train"), 8, 6, "a", "b", "c");
        ImageFiles.folder(images.resolve("test"), 8, 4, "a", "b", "c");
        double trained = train("--images", images, "--model", model, "--steps", 9, "--normalise", "auto")
                .succeeded()
                .json()
                .get("validationLoss")
                .asDouble();
        Normalisation auto = normalisation(checkpoint);
        assertThat(auto.mean()).hasSize(3);
        double here = loss(eval("--images", images).succeeded());
        assertThat(here).isCloseTo(trained, within(1e-6));
        CommandRun plain = eval("--images", images, "--normalise", "none");
        assertThat(plain.err()).contains("was trained on inputs normalised by mean [", "these are as they are");
        assertThat(loss(plain)).isNotCloseTo(trained, within(1e-3));

        Path packed = folder.resolve("P.safetensors");
        CommandRun.of(
                        "quantize",
                        "--device",
                        DEVICE,
                        "--checkpoint",
                        checkpoint,
                        "--images",
                        images,
                        "--uniform",
                        8,
                        "--out",
                        packed)
                .succeeded();
        assertThat(normalisation(packed)).isEqualTo(auto);
        Path more = folder.resolve("more.safetensors");
        assertThat(train("--images", images, "--resume", checkpoint, "--steps", 1, "--out", more)
                        .status())
                .isEqualTo(2);
        CommandRun.of(
                        "train",
                        "--device",
                        DEVICE,
                        "--images",
                        images,
                        "--resume",
                        checkpoint,
                        "--steps",
                        1,
                        "--out",
                        more)
                .succeeded();
        assertThat(normalisation(more)).isEqualTo(auto);
    }

    private static Normalisation normalisation(Path file) {
        try (Checkpoint written = Checkpoint.open(file)) {
            return written.normalisation().orElse(null);
        }
    }

    private static double loss(CommandRun run) {
        JsonNode result = run.json();
        return (result.has("loss") ? result : result.get("training"))
                .get("loss")
                .asDouble();
    }

    /** Training sees the images changed, evaluation and curvature as they are; a resumed run goes on as if it had never stopped. */
    @Test
    void augmentationIsOfTrainingAlone() throws IOException {
        Path images = ImageFiles.folder(folder.resolve("images"), 8, 8, "a", "b", "c");
        Object[] common = {"--images", images, "--model", model, "--seed", 3};
        double plain = loss(train(with(common, "--steps", 6)));
        double changed = loss(train(with(common, "--steps", 6, "--augment", "flip,crop:2")));
        assertThat(changed).isNotEqualTo(plain);
        double after = loss(eval("--images", images).succeeded());
        assertThat(loss(eval("--images", images).succeeded())).isEqualTo(after);
        try (Checkpoint written = Checkpoint.open(checkpoint)) {
            assertThat(written.model().toJson())
                    .contains(
                            "\"layers\":[{\"type\":\"augment\",\"name\":\"augment\",\"from\":\"input\",\"flip\":true,\"crop\":2}");
        }
        train(with(common, "--steps", 3, "--augment", "flip,crop:2")).succeeded();
        CommandRun.of(
                        "train",
                        "--device",
                        DEVICE,
                        "--images",
                        images,
                        "--resume",
                        checkpoint,
                        "--steps",
                        3,
                        "--out",
                        checkpoint)
                .succeeded();
        assertThat(loss(eval("--images", images).succeeded())).isEqualTo(after);

        // begun from the weights of a network that was trained otherwise, and without it
        Path tuned = folder.resolve("T.safetensors");
        CommandRun.of(
                        "train",
                        "--device",
                        DEVICE,
                        "--images",
                        images,
                        "--checkpoint",
                        checkpoint,
                        "--augment",
                        "crop:1",
                        "--steps",
                        1,
                        "--out",
                        tuned)
                .succeeded();
        try (Checkpoint written = Checkpoint.open(tuned)) {
            assertThat(written.model().toJson()).contains("\"from\":\"input\",\"crop\":1}");
        }
    }

    @Test
    void aNetworkThatWasAugmentedIsExportedAsItself() throws IOException {
        Path images = ImageFiles.folder(folder.resolve("images"), 16, 2, "a", "b", "c");
        CommandRun run = train("--images", images, "--model", "resnet20", "--steps", 1, "--augment", "flip");
        assertThat(run.status()).as(run.err()).isZero();
        Path exported = folder.resolve("exported");
        CommandRun.of("export", "--checkpoint", checkpoint, "--out", exported).succeeded();
        assertThat(exported.resolve("model.safetensors")).exists();
    }

    private static Object[] with(Object[] words, Object... more) {
        List<Object> all = new ArrayList<>(List.of(words));
        all.addAll(List.of(more));
        return all.toArray();
    }

    @Test
    void anAugmentationThatCannotBeIsOneLine() throws IOException {
        Path images = ImageFiles.folder(folder.resolve("images"), 8, 2, "a", "b", "c");
        for (String wrong : List.of("", "flip,", "crop", "crop:0", "crop:-1", "crop:5000", "flip,flip", "rotate")) {
            train("--images", images, "--model", model, "--augment", wrong)
                    .failed(2, "--augment is '" + wrong + "', expected flip, crop:N");
        }
        Path flat = Files.writeString(folder.resolve("flat.json"), """
                {"input": {"shape": [192]}, "loss": "cross_entropy", "layers": [{"type": "linear", "out": 3}]}""");
        train("--images", images, "--model", flat, "--augment", "flip")
                .failed(1, "augment: the input has shape [192], expected [channels, height, width]");
    }

    @Test
    void aNormalisationThatDoesNotFitIsOneLine() throws IOException {
        Path images = ImageFiles.folder(folder.resolve("images"), 8, 2, "a", "b", "c");
        train("--images", images, "--model", model, "--normalise", "0.5/0")
                .failed(1, "--normalise: a normalisation by mean 0.5 and deviation 0.0 of channel 0");
        train("--images", images, "--model", model, "--normalise", "half")
                .failed(1, "--normalise: 'half', expected MEAN/STD");
        train("--images", images, "--model", model, "--normalise", "1,2/1,2")
                .failed(1, images + ": an example has 3 channels, the normalisation is for 2");
        Path text = Files.writeString(folder.resolve("t.txt"), "abc".repeat(100));
        train("--text", text, "--model", "char-mlp", "--normalise", "auto")
                .failed(1, "inputs are integer ids, which are not normalised");
    }

    @Test
    void badInputIsOneLine() throws IOException {
        Path images = ImageFiles.folder(folder.resolve("images"), 8, 2, "a", "b", "c", "d");
        train("--images", images, "--model", model)
                .failed(1, images + ": label 3 at row 6, the model has 3 classes (0 to 2)");
        ImageFiles.write(images.resolve("a/1.png"), 9, 9, (x, y) -> 0);
        train("--images", images, "--model", "convnet")
                .failed(1, "a/1.png: 9 x 9 pixels, those before it have 8 x 8; give --image-size N");
        train("--images", images, "--image-size", 0, "--model", "convnet").failed(1, "--image-size is 0");
        Path cifar = ImageFiles.cifar(folder.resolve("x.bin"), new int[] {0});
        train("--cifar", cifar, "--image-size", 8, "--model", "convnet").failed(2, "--image-size is of --images");
        train("--cifar", cifar, "--context", 8, "--model", "convnet").failed(2, "--context is of --text");
        train("--cifar", Files.write(cifar, new byte[99]), "--model", "convnet").failed(1, cifar + ": 99 bytes");
        Path picture = images.resolve("b/0.png");
        CommandRun.of("train", "--images", images, "--model", model, "--out", picture)
                .failed(2, "--out " + picture + " would overwrite a file of --images " + images);
    }
}
