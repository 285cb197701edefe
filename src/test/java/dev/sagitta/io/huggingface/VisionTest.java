package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.io.vision.VisionNetwork;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks over images by torchvision's names: weights alone, and the folder that export writes. */
class VisionTest {
    @TempDir
    Path folder;

    /** Weights of a network with a channel and five classes, called as we call them but for those of a transformer. */
    private Path weights(String name, Shape image) {
        VisionNetwork network = VisionNetwork.of(name);
        ModelSpec model = ModelSpec.vision(network, image, 5);
        Graph graph = model.toGraph();
        NameTable names = new Vision(network, model, false).names(graph);
        List<HostTensor> tensors = new ArrayList<>(Vision.beside(graph));
        for (Parameter parameter : graph.everyParameter()) {
            HostTensor zeros = HostTensor.allocate(parameter.name(), DType.F32, parameter.shape());
            NameTable.Theirs theirs = names.theirs(parameter.name());
            tensors.add(theirs.tensor(zeros).named(theirs.name()));
        }
        Path file = folder.resolve(name + ".safetensors");
        SafetensorsFile.write(file, Map.of(), tensors);
        return file;
    }

    @ParameterizedTest
    @ValueSource(strings = {"resnet20", "resnet18", "resnet50", "mobilenet-v2", "vit-tiny", "unet-small", "convnet"})
    void weightsAreReadAndWrittenByTorchvisionsNames(String name) {
        Shape image = Shape.of(1, 64, 32);
        Path file = weights(name, image);
        Path out = folder.resolve("out");
        try (Checkpoint source = HuggingFace.weights(file, name, image)) {
            assertThat(source.model().inputShape()).isEqualTo(image);
            HuggingFace.write(source, out, DType.F32);
        }
        try (SafetensorsFile before = SafetensorsFile.open(file);
                SafetensorsFile after = SafetensorsFile.open(out.resolve(HuggingFace.WEIGHTS))) {
            assertThat(after.names()).containsExactlyInAnyOrderElementsOf(before.names());
            for (String tensor : before.names()) {
                assertThat(after.shape(tensor)).isEqualTo(before.shape(tensor));
                assertThat(after.dtype(tensor)).isEqualTo(before.dtype(tensor));
            }
        }
        try (Checkpoint again = HuggingFace.open(out, 0, note -> {})) {
            assertThat(again.model().inputShape()).isEqualTo(image);
        }
    }

    @Test
    void namesAreTorchvisions() {
        try (SafetensorsFile file = SafetensorsFile.open(weights("resnet18", Shape.of(1, 64, 64)))) {
            assertThat(file.names())
                    .contains("conv1.weight", "layer1.0.bn1.running_mean", "layer2.0.downsample.0.weight", "fc.bias")
                    .contains("bn1.num_batches_tracked");
            assertThat(file.shape("layer4.1.conv2.weight")).isEqualTo(Shape.of(512, 512, 3, 3));
        }
        try (SafetensorsFile file = SafetensorsFile.open(weights("vit-tiny", Shape.of(1, 64, 64)))) {
            assertThat(file.shape("class_token")).isEqualTo(Shape.of(1, 1, 192));
            assertThat(file.shape("encoder.pos_embedding")).isEqualTo(Shape.of(1, 17, 192));
        }
    }

    @Test
    void whatDoesNotFitIsNamed() throws Exception {
        Path file = weights("resnet18", Shape.of(1, 64, 64));
        assertThatThrownBy(() -> HuggingFace.weights(file, "resnet19", null))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'resnet19' (nearest 'resnet");
        assertThatThrownBy(() -> HuggingFace.weights(file, "resnet34", null))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("of resnet34 missing");
        Path pickle = Files.write(
                folder.resolve("x.pth"),
                ByteBuffer.allocate(64)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(0x04034b50)
                        .array());
        assertThatThrownBy(() -> HuggingFace.weights(pickle, "resnet18", null))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("torch.load");
    }

    @Test
    void aCheckpointOfOursNeedsNoArchitecture() {
        Path file = folder.resolve("ours.safetensors");
        SafetensorsFile.write(file, Map.of(Checkpoint.MODEL, "{}"), List.of());
        assertThatThrownBy(() -> HuggingFace.weights(file, "resnet18", null))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("ours.safetensors: a checkpoint of Sagitta")
                .hasMessageContaining("leave out --arch");
    }

    /** Its length begins with the bytes that a pickle of protocol 2 begins with. */
    @Test
    void aHeaderOf640BytesIsNoPickle() throws Exception {
        byte[] json = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}".getBytes("US-ASCII");
        ByteBuffer bytes = ByteBuffer.allocate(8 + 640 + 4).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(640).put(json);
        while (bytes.position() < 648) {
            bytes.put((byte) ' ');
        }
        Path file = Files.write(folder.resolve("a.safetensors"), bytes.array());
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.names()).containsExactly("a");
        }
    }
}
