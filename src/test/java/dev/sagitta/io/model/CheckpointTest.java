package dev.sagitta.io.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public final class CheckpointTest {
    public static final ModelSpec MODEL = ModelSpec.parse("""
            {"input": {"shape": [3]}, "loss": "cross_entropy",
             "layers": [{"type": "linear", "name": "fc1", "out": 4}, {"type": "relu"}, {"type": "linear", "name": "fc2", "out": 2}]}
            """, "model");

    @TempDir
    Path folder;

    private Path path;

    @BeforeEach
    void name() {
        path = folder.resolve("c.safetensors");
    }

    public static List<HostTensor> parameters() {
        List<HostTensor> tensors = new ArrayList<>();
        for (Parameter parameter : MODEL.toGraph().parameters()) {
            HostTensor tensor = HostTensor.allocate(parameter.name(), DType.F32, parameter.shape());
            for (int i = 0; i < tensor.elements(); i++) {
                tensor.bytes().putFloat(4 * i, i - 0.5f);
            }
            tensors.add(tensor);
        }
        return tensors;
    }

    private void expect(List<HostTensor> tensors, Map<String, String> metadata, String message) {
        Checkpoint.write(path, MODEL, tensors, metadata);
        assertThatThrownBy(() -> Checkpoint.open(path))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(path.toString())
                .hasMessageContaining(message);
    }

    @Test
    void everythingComesBack() {
        List<HostTensor> tensors = parameters();
        HostTensor moment = tensors.get(0).named("optimizer.m.fc1.weight");
        List<HostTensor> all = new ArrayList<>(tensors);
        all.add(moment);
        Checkpoint.write(path, MODEL, all, Map.of(Checkpoint.TRAINING, "{\"step\": 12}"));
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            assertThat(checkpoint.model()).isEqualTo(MODEL);
            assertThat(checkpoint.parameter("fc1.weight")).isEqualTo(tensors.get(0));
            assertThat(checkpoint.tensor("optimizer.m.fc1.weight")).isEqualTo(moment);
            assertThat(checkpoint.training().orElseThrow().integer("step", 0, 100))
                    .isEqualTo(12);
            assertThat(checkpoint.quant()).isEmpty();
            assertThat(checkpoint.parameterBytes()).isEqualTo(4 * (12 + 4 + 8 + 2));
        }
    }

    @Test
    void sixteenBitWeightsAreConverted() {
        for (DType dtype : new DType[] {DType.BF16, DType.F16}) {
            List<HostTensor> tensors = parameters();
            Checkpoint.write(
                    path, MODEL, tensors.stream().map(t -> t.convert(dtype)).toList(), Map.of());
            try (Checkpoint checkpoint = Checkpoint.open(path)) {
                assertThat(checkpoint.parameter("fc1.weight")).isEqualTo(tensors.get(0));
            }
        }
    }

    @Test
    void missingExtraAndMisshapenTensorsAreNamed() {
        expect(parameters().subList(0, 3), Map.of(), "parameter 'fc2.bias' [2] of the model is missing");
        List<HostTensor> extra = parameters();
        extra.add(HostTensor.of("fc3.weight", Shape.of(1), 1f));
        expect(
                extra,
                Map.of(),
                "tensor 'fc3.weight' belongs to no parameter of the model; expected [fc1.weight, fc1.bias,");
        List<HostTensor> misshapen = parameters();
        misshapen.set(1, HostTensor.of("fc1.bias", Shape.of(2, 2), 1f, 2f, 3f, 4f));
        expect(misshapen, Map.of(), "parameter 'fc1.bias' has shape [2, 2], the model expects [4]");
        misshapen.set(1, HostTensor.of("fc1.bias", Shape.of(4), 1, 2, 3, 4));
        expect(misshapen, Map.of(), "parameter 'fc1.bias' has dtype I32, expected F32");
    }

    @Test
    void nanAndInfinityAreNamedByTensorAndIndex() {
        List<HostTensor> tensors = parameters();
        tensors.get(0).bytes().putFloat(4 * 5, Float.NaN);
        expect(tensors, Map.of(), "tensor 'fc1.weight' holds NaN at [1, 2], expected finite numbers");
        List<HostTensor> halves = new ArrayList<>(
                parameters().stream().map(t -> t.convert(DType.F16)).toList());
        halves.get(3).bytes().putShort(2, (short) 0xfc00);
        expect(halves, Map.of(), "tensor 'fc2.bias' holds -Infinity at [1]");
        List<HostTensor> state = parameters();
        state.add(HostTensor.of("optimizer.v.fc1.bias", Shape.of(4), 1f, 2f, Float.NaN, 4f));
        expect(state, Map.of(), "tensor 'optimizer.v.fc1.bias' holds NaN at [2]");
    }

    @Test
    void malformedMetadataIsNamed() {
        expect(parameters(), Map.of(Checkpoint.MODEL, "{"), "sagitta.model: malformed JSON");
        expect(parameters(), Map.of(Checkpoint.MODEL, "{\"layers\":[]}"), "sagitta.model: field 'input' is missing");
        expect(parameters(), Map.of(Checkpoint.TRAINING, "[]"), "sagitta.training: expected a JSON object");
        expect(
                parameters(),
                Map.of(Checkpoint.QUANT, "{\"a\":1,\"a\":2}"),
                "sagitta.quant: malformed JSON: Duplicate field 'a'");
        SafetensorsFile.write(path, Map.of(), parameters());
        assertThatThrownBy(() -> Checkpoint.open(path))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no metadata 'sagitta.model'");
    }

    @Test
    void packedWeightsStandInForPlainOnes() {
        List<HostTensor> tensors = parameters();
        tensors.set(0, HostTensor.of("fc1.weight.packed", Shape.of(6), new byte[6]));
        tensors.add(HostTensor.of("fc1.weight.scales", Shape.of(4), 1f, 1f, 1f, 1f));
        expect(tensors, Map.of(), "parameter 'fc1.weight' is packed, and there is no metadata 'sagitta.quant'");
        Checkpoint.write(path, MODEL, tensors, Map.of(Checkpoint.QUANT, "{}"));
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            assertThat(checkpoint.isPacked("fc1.weight")).isTrue();
            assertThat(checkpoint.isPacked("fc2.weight")).isFalse();
            assertThatThrownBy(() -> checkpoint.parameter("fc1.weight")).hasMessageContaining("is packed in low bits");
            assertThat(checkpoint.parameterBytes()).isEqualTo(6 + 16 + 4 * (4 + 8 + 2));
        }
        tensors.add(parameters().get(0));
        expect(tensors, Map.of(Checkpoint.QUANT, "{}"), "both packed and plain");
        List<HostTensor> orphan = parameters();
        orphan.add(HostTensor.of("fc1.weight.scales", Shape.of(1), 1f));
        expect(orphan, Map.of(Checkpoint.QUANT, "{}"), "tensor 'fc1.weight.scales' belongs to no parameter");
    }

    @Test
    void aVectorHasExactlyTheParametersTensors() {
        var graph = MODEL.toGraph();
        List<HostTensor> tensors = parameters();
        SafetensorsFile.write(path, Map.of(), tensors);
        assertThat(Checkpoint.readVector(path, graph)).isEqualTo(tensors);
        SafetensorsFile.write(path, Map.of(), tensors.subList(1, 4));
        assertThatThrownBy(() -> Checkpoint.readVector(path, graph))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'fc1.weight' [4, 3] of the model is missing");
        tensors.add(HostTensor.of("more", Shape.of(1), 1f));
        SafetensorsFile.write(path, Map.of(), tensors);
        assertThatThrownBy(() -> Checkpoint.readVector(path, graph)).hasMessageContaining("extra tensor 'more'");
        tensors.remove(4);
        tensors.get(2).bytes().putFloat(4, Float.POSITIVE_INFINITY);
        SafetensorsFile.write(path, Map.of(), tensors);
        assertThatThrownBy(() -> Checkpoint.readVector(path, graph))
                .hasMessageContaining("'fc2.weight' holds Infinity at [0, 1]");
    }
}
