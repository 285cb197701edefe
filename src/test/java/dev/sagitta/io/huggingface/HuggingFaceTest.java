package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.InitialWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private final List<String> notes = new ArrayList<>();

    private Checkpoint open(Path path) {
        return HuggingFace.open(path, 0, notes::add);
    }

    private static final List<String> WITHIN_BERT =
            Folders.all(Folders.prefixed(Folders.BERT_TENSORS), Folders.prefixed(Folders.POOLER));

    private static List<String> without(List<String> lines, String name) {
        return lines.stream().filter(line -> !line.startsWith(name)).toList();
    }

    private static List<String> tied(List<String> lines) {
        return without(lines, "lm_head");
    }

    /** A name, a config, its tensors. */
    static Stream<Arguments> networks() {
        String llama3 = """
                {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}""";
        return Stream.of(
                Arguments.of("gpt2", Folders.GPT2, Folders.GPT2_TENSORS),
                Arguments.of(
                        "gpt2, untied",
                        Folders.with(
                                Folders.GPT2,
                                "tie_word_embeddings",
                                "false",
                                "n_inner",
                                "64",
                                "scale_attn_weights",
                                "false"),
                        Folders.all(Folders.GPT2_TENSORS, List.of("lm_head.weight 11 16"))),
                Arguments.of("llama", Folders.LLAMA, Folders.LLAMA_TENSORS),
                Arguments.of(
                        "llama, tied",
                        Folders.with(Folders.LLAMA, "tie_word_embeddings", "true"),
                        tied(Folders.LLAMA_TENSORS)),
                Arguments.of(
                        "llama, linear scaling",
                        Folders.with(
                                Folders.LLAMA,
                                "rope_scaling",
                                "{\"type\": \"linear\", \"factor\": 2.0}",
                                "rope_theta",
                                "500000.0"),
                        Folders.LLAMA_TENSORS),
                Arguments.of("llama 3", Folders.with(Folders.LLAMA, "rope_scaling", llama3), Folders.LLAMA_TENSORS),
                Arguments.of(
                        "llama, new keys",
                        Folders.with(
                                Folders.LLAMA,
                                "rope_theta",
                                "null",
                                "rope_parameters",
                                "{\"rope_type\": \"default\", \"rope_theta\": 500000.0}"),
                        Folders.LLAMA_TENSORS),
                Arguments.of(
                        "mistral",
                        Folders.with(Folders.of("MistralForCausalLM", Folders.LLAMA), "sliding_window", "4"),
                        Folders.LLAMA_TENSORS),
                Arguments.of(
                        "qwen2",
                        Folders.with(
                                Folders.of("Qwen2ForCausalLM", Folders.LLAMA),
                                "sliding_window",
                                "4",
                                "use_sliding_window",
                                "false",
                                "max_window_layers",
                                "28",
                                "tie_word_embeddings",
                                "true"),
                        Folders.all(tied(Folders.LLAMA_TENSORS), Folders.BIASES)),
                Arguments.of("bert", Folders.BERT, Folders.BERT_TENSORS),
                Arguments.of(
                        "bert, masked",
                        Folders.of("BertForMaskedLM", Folders.BERT),
                        Folders.all(Folders.prefixed(Folders.BERT_TENSORS), Folders.MASKED)),
                Arguments.of(
                        "bert, classifier",
                        Folders.with(
                                Folders.of("BertForSequenceClassification", Folders.BERT),
                                "id2label",
                                "{\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}"),
                        Folders.all(WITHIN_BERT, Folders.CLASSIFIER)));
    }

    private static Map<String, HostTensor> read(Path file) {
        Map<String, HostTensor> tensors = new java.util.TreeMap<>();
        try (SafetensorsFile source = SafetensorsFile.open(file)) {
            source.names().forEach(name -> tensors.put(name, source.tensor(name)));
        }
        return tensors;
    }

    private static void requireSame(Map<String, HostTensor> found, List<HostTensor> expected) {
        assertThat(found.keySet())
                .isEqualTo(new TreeSet<>(expected.stream().map(HostTensor::name).toList()));
        for (HostTensor tensor : expected) {
            HostTensor other = found.get(tensor.name());
            assertThat(other.dtype()).as(tensor.name()).isEqualTo(tensor.dtype());
            assertThat(other.shape()).as(tensor.name()).isEqualTo(tensor.shape());
            assertThat(other.bytes()).as(tensor.name()).isEqualTo(tensor.bytes());
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("networks")
    void whatIsReadIsWrittenBitForBit(String name, String config, List<String> lines) throws IOException {
        List<HostTensor> tensors = Folders.tensors(lines, DType.F32);
        Path source = Folders.write(folder.resolve("source"), config, tensors, Map.of("format", "pt"));
        Path copy = folder.resolve("copy");
        Path imported = folder.resolve("c.safetensors");
        try (Checkpoint checkpoint = open(source)) {
            List<HostTensor> ours = checkpoint.graph().everyParameter().stream()
                    .map(parameter -> checkpoint.tensor(parameter.name()))
                    .toList();
            assertThat(ours).hasSameSizeAs(tensors);
            Checkpoint.write(imported, checkpoint.model(), ours, checkpoint.derivedMetadata());
        }
        try (Checkpoint checkpoint = Checkpoint.open(imported)) {
            HuggingFace.write(checkpoint, copy, DType.F32);
        }
        requireSame(read(copy.resolve("model.safetensors")), tensors);
        assertThat(JSON.readTree(copy.resolve("config.json").toFile()))
                .isEqualTo(JSON.readTree(Folders.with(config, "torch_dtype", "\"float32\"")));
    }

    /** Of a checkpoint without the config that it came from, as training writes one. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("networks")
    void aConfigIsReadOffTheLayers(String name, String config, List<String> lines) throws IOException {
        List<HostTensor> tensors = Folders.tensors(lines, DType.F32);
        Path source = Folders.write(folder.resolve("source"), config, tensors, Map.of());
        Path copy = folder.resolve("copy");
        Path imported = folder.resolve("c.safetensors");
        String model;
        try (Checkpoint checkpoint = HuggingFace.open(source, 8, notes::add)) {
            List<HostTensor> ours = checkpoint.graph().everyParameter().stream()
                    .map(parameter -> checkpoint.tensor(parameter.name()))
                    .toList();
            model = checkpoint.model().toJson();
            Checkpoint.write(imported, checkpoint.model(), ours, Map.of());
        }
        try (Checkpoint checkpoint = Checkpoint.open(imported)) {
            HuggingFace.write(checkpoint, copy, DType.F32);
        }
        requireSame(read(copy.resolve("model.safetensors")), tensors);
        try (Checkpoint again = HuggingFace.open(copy, 8, notes::add)) {
            assertThat(again.model().toJson()).isEqualTo(model);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"char-gpt", "llama", "bert"})
    void presetsAreLaidOutSo(String preset) {
        ModelSpec model = ModelSpec.preset(preset, 24).withVocabulary(Vocabulary.of("abcde", "test"));
        Path checkpoint = folder.resolve("c.safetensors");
        List<HostTensor> weights = InitialWeights.draw(model.toGraph(), 1);
        Checkpoint.write(checkpoint, model, weights, Map.of());
        Path copy = folder.resolve("copy");
        try (Checkpoint source = Checkpoint.open(checkpoint)) {
            HuggingFace.write(source, copy, DType.F32);
        }
        try (Checkpoint again = HuggingFace.open(copy, 24, notes::add)) {
            assertThat(again.model().toJson()).isEqualTo(model.toJson());
            for (HostTensor weight : weights) {
                assertThat(again.parameter(weight.name()).bytes()).isEqualTo(weight.bytes());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"F16", "BF16"})
    void halfPrecisionIsReadAndWritten(String type) {
        DType dtype = DType.valueOf(type);
        List<HostTensor> tensors = Folders.tensors(Folders.GPT2_TENSORS, dtype);
        Path source = Folders.write(folder.resolve("source"), Folders.GPT2, tensors, Map.of());
        Path copy = folder.resolve("copy");
        try (Checkpoint checkpoint = open(source)) {
            HuggingFace.write(checkpoint, copy, dtype);
        }
        requireSame(read(copy.resolve("model.safetensors")), tensors);
        assertThat(json(copy).get("torch_dtype").textValue()).isEqualTo(dtype == DType.F16 ? "float16" : "bfloat16");
    }

    private static JsonNode json(Path folder) {
        try {
            return JSON.readTree(folder.resolve("config.json").toFile());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void shardsAreOneCheckpoint() {
        List<HostTensor> tensors = Folders.tensors(Folders.LLAMA_TENSORS, DType.F32);
        Path source = Folders.sharded(folder.resolve("source"), Folders.LLAMA, tensors);
        Path copy = folder.resolve("copy");
        try (Checkpoint checkpoint = open(source)) {
            HuggingFace.write(checkpoint, copy, DType.F32);
        }
        requireSame(read(copy.resolve("model.safetensors")), tensors);
    }

    @Test
    void aTransposedWeightIsTheOtherWayRound() {
        List<HostTensor> tensors = Folders.tensors(Folders.GPT2_TENSORS, DType.F32);
        Path source = Folders.write(folder.resolve("source"), Folders.GPT2, tensors, Map.of());
        HostTensor theirs = tensors.stream()
                .filter(tensor -> tensor.name().equals("transformer.h.1.attn.c_attn.weight"))
                .findFirst()
                .orElseThrow();
        try (Checkpoint checkpoint = open(source)) {
            HostTensor ours = checkpoint.parameter("layers.1.qkv.weight");
            assertThat(ours.shape()).isEqualTo(Shape.of(48, 16));
            for (int i = 0; i < 48; i++) {
                for (int j = 0; j < 16; j++) {
                    assertThat(ours.floatAt(16 * i + j)).isEqualTo(theirs.floatAt(48 * j + i));
                }
            }
        }
    }

    @Test
    void oldNamesAndMissingPrefixesAreUnderstood() {
        List<String> old = Folders.all(WITHIN_BERT, Folders.MASKED).stream()
                .map(line ->
                        line.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"))
                .toList();
        List<String> more = Folders.all(
                old,
                List.of(
                        "cls.seq_relationship.weight 2 16",
                        "cls.seq_relationship.bias 2",
                        "cls.predictions.decoder.weight 17 16"));
        Path bert = Folders.write(folder.resolve("bert"), Folders.of("BertForMaskedLM", Folders.BERT), more);
        open(bert).close();
        assertThat(notes)
                .anyMatch(
                        note -> note.contains(
                                "tensors of no layer of this network stay out: cls.predictions.decoder.weight, cls.seq_relationship.bias, cls.seq_relationship.weight"))
                .anyMatch(note -> note.endsWith(
                        "import and export alone carry on: bert.pooler.dense.bias, bert.pooler.dense.weight"));
        assertThat(HuggingFace.dropout(bert)).containsExactly("hidden_dropout_prob 0.1");
        List<String> bare = Folders.GPT2_TENSORS.stream()
                .map(line -> line.replace("transformer.", ""))
                .toList();
        Path gpt2 = Folders.write(
                folder.resolve("gpt2"), Folders.GPT2, Folders.all(bare, List.of("h.0.attn.bias 1 1 16 16")));
        open(gpt2).close();
    }

    @Test
    void theContextIsWhatIsAskedFor() {
        Path source = Folders.write(folder.resolve("source"), Folders.GPT2, Folders.GPT2_TENSORS);
        try (Checkpoint checkpoint = open(source)) {
            assertThat(checkpoint.model().inputShape()).isEqualTo(Shape.of(16));
        }
        try (Checkpoint checkpoint = HuggingFace.open(source, 5, notes::add)) {
            assertThat(checkpoint.model().inputShape()).isEqualTo(Shape.of(5));
        }
        Path llama = Folders.write(
                folder.resolve("llama"),
                Folders.with(Folders.LLAMA, "max_position_embeddings", "4096"),
                Folders.LLAMA_TENSORS);
        try (Checkpoint checkpoint = open(llama)) {
            assertThat(checkpoint.model().inputShape()).isEqualTo(Shape.of(128));
        }
    }

    /** A bare BERT has no use for it, and whoever exports its weights again has. */
    @Test
    void thePoolerOfABareBertStays() {
        for (boolean pooled : new boolean[] {true, false}) {
            List<String> lines = pooled ? Folders.all(Folders.BERT_TENSORS, Folders.POOLER) : Folders.BERT_TENSORS;
            List<HostTensor> tensors = Folders.tensors(lines, DType.F32);
            Path source = Folders.write(
                    folder.resolve("source" + pooled), Folders.of("BertModel", Folders.BERT), tensors, Map.of());
            Path ours = folder.resolve("c" + pooled);
            try (Checkpoint checkpoint = open(source)) {
                assertThat(checkpoint.beside()).hasSize(pooled ? 2 : 0);
                assertThat(checkpoint.parameterBytes())
                        .isEqualTo(4
                                * checkpoint.graph().everyParameter().stream()
                                        .mapToLong(parameter -> parameter.elements())
                                        .sum());
                List<HostTensor> all = new ArrayList<>(checkpoint.beside());
                checkpoint.graph().everyParameter().forEach(p -> all.add(checkpoint.tensor(p.name())));
                Checkpoint.write(ours, checkpoint.model(), all, checkpoint.derivedMetadata());
            }
            Path copy = folder.resolve("copy" + pooled);
            try (Checkpoint checkpoint = Checkpoint.open(ours)) {
                HuggingFace.write(checkpoint, copy, DType.F32);
            }
            requireSame(read(copy.resolve("model.safetensors")), tensors);
        }
    }
}
