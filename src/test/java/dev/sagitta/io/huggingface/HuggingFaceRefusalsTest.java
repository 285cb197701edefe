package dev.sagitta.io.huggingface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.train.InitialWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is refused of a folder, and how it is said. */
class HuggingFaceRefusalsTest {
    @TempDir
    Path folder;

    private static Checkpoint open(Path path) {
        return HuggingFace.open(path, 0, note -> {});
    }

    private static List<String> without(List<String> lines, String name) {
        return lines.stream().filter(line -> !line.startsWith(name)).toList();
    }

    private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String... words) {
        assertThatThrownBy(call)
                .isInstanceOf(DataException.class)
                .message()
                .contains(words)
                .doesNotContain("\n");
    }

    /** A key, its value, what an error says. */
    static Stream<Arguments> configs() {
        String gpt2 = Folders.GPT2;
        String llama = Folders.LLAMA;
        String bert = Folders.BERT;
        return Stream.of(
                Arguments.of(
                        Folders.with(gpt2, "activation_function", "\"xyz\""),
                        "config.json: 'activation_function' is \"xyz\", which is not supported; supported: gelu, gelu_new"),
                Arguments.of(
                        Folders.with(gpt2, "scale_attn_by_inverse_layer_idx", "true"),
                        "'scale_attn_by_inverse_layer_idx' is true, which is not supported; expected false"),
                Arguments.of(Folders.with(gpt2, "n_head", "3"), "config.json: layers"),
                Arguments.of(Folders.with(gpt2, "vocab_size", "null"), "'vocab_size' is null, expected an integer"),
                Arguments.of(Folders.with(gpt2, "n_layer", "100000000"), "config.json: "),
                Arguments.of(Folders.with(gpt2, "n_embd", "2147483647"), "config.json: "),
                Arguments.of(
                        Folders.with(gpt2, "quantization_config", "{\"bits\": 4}"),
                        "'quantization_config' is {\"bits\":4}, which is not supported"),
                Arguments.of(
                        Folders.of("T5Model", gpt2),
                        "'architectures' is [\"T5Model\"], which is not supported; supported: GPT2LMHeadModel, LlamaForCausalLM"),
                Arguments.of(Folders.with(gpt2, "architectures", "null"), "field 'architectures' is missing"),
                Arguments.of(
                        Folders.with(llama, "hidden_act", "\"xyz\""),
                        "'hidden_act' is \"xyz\", which is not supported"),
                Arguments.of(
                        Folders.with(llama, "rope_scaling", "{\"type\": \"yarn\", \"factor\": 2}"),
                        "rope_scaling: 'type' is \"yarn\", which is not supported; supported: default, linear, llama3"),
                Arguments.of(
                        Folders.with(llama, "sliding_window", "4"), "'sliding_window' is 4, which is not supported"),
                Arguments.of(
                        Folders.with(llama, "num_attention_heads", "3"),
                        "'num_attention_heads' is 3, which does not divide 'hidden_size' 8"),
                Arguments.of(
                        Folders.with(
                                Folders.of("Qwen2ForCausalLM", llama),
                                "sliding_window",
                                "4",
                                "use_sliding_window",
                                "true",
                                "max_window_layers",
                                "1"),
                        "'max_window_layers' is 1, which is not supported"),
                Arguments.of(
                        Folders.with(
                                Folders.of("MistralForCausalLM", llama),
                                "layer_types",
                                "[\"sliding_attention\", \"full_attention\"]"),
                        "'layer_types' is [\"sliding_attention\",\"full_attention\"], which is not supported"),
                Arguments.of(
                        Folders.with(bert, "position_embedding_type", "\"relative_key\""),
                        "'position_embedding_type' is \"relative_key\", which is not supported; supported: absolute"),
                Arguments.of(Folders.with(bert, "is_decoder", "true"), "'is_decoder' is true, which is not supported"));
    }

    @ParameterizedTest
    @MethodSource("configs")
    void whatANetworkCannotDoIsNamed(String config, String message) {
        Path source = Folders.write(folder.resolve("source"), config, List.of("x 1"));
        refused(() -> open(source), message);
    }

    @Test
    void aContextBeyondTheTableIsRefused() {
        Path source = Folders.write(folder.resolve("source"), Folders.GPT2, Folders.GPT2_TENSORS);
        refused(
                () -> HuggingFace.open(source, 17, note -> {}),
                "a context of 17 tokens is beyond the 16 that the network can read");
    }

    @Test
    void missingAndUnknownTensorsAreListedWithTheNearestName() {
        List<String> lines = new ArrayList<>(Folders.LLAMA_TENSORS);
        lines.replaceAll(line -> line.replace("model.layers.1.mlp.gate_proj", "model.layers.1.mlp.gate_prj"));
        refused(
                () -> open(Folders.write(folder.resolve("a"), Folders.LLAMA, lines)),
                "1 tensor of LlamaForCausalLM missing: 'model.layers.1.mlp.gate_proj.weight' (there is 'model.layers.1.mlp.gate_prj.weight')",
                "1 tensor of no parameter of LlamaForCausalLM: 'model.layers.1.mlp.gate_prj.weight' (nearest 'model.layers.1.mlp.gate_proj.weight')");
        refused(
                () -> open(Folders.write(
                        folder.resolve("b"), Folders.LLAMA, without(Folders.LLAMA_TENSORS, "model.layers.0.mlp"))),
                "3 tensors of LlamaForCausalLM missing: 'model.layers.0.mlp.gate_proj.weight'");
        refused(
                () -> open(Folders.write(
                        folder.resolve("c"), Folders.LLAMA, Folders.all(Folders.LLAMA_TENSORS, Folders.BIASES))),
                "6 tensors of no parameter of LlamaForCausalLM",
                "and 3 more");
        refused(
                () -> open(Folders.write(
                        folder.resolve("d"),
                        Folders.GPT2,
                        Folders.all(Folders.GPT2_TENSORS, List.of("wte.weight 11 8")))),
                "tensors 'transformer.wte.weight' and 'wte.weight' are both transformer.wte.weight");
    }

    @Test
    void wrongShapesAndTypesAreNamed() {
        List<String> lines = new ArrayList<>(Folders.GPT2_TENSORS);
        lines.replaceAll(line ->
                line.replace("transformer.h.0.attn.c_attn.weight 8 24", "transformer.h.0.attn.c_attn.weight 24 8"));
        refused(
                () -> open(Folders.write(folder.resolve("a"), Folders.GPT2, lines)),
                "tensor 'transformer.h.0.attn.c_attn.weight' has shape [24, 8], GPT2LMHeadModel by config.json has [8, 24]");
        List<HostTensor> tensors =
                new ArrayList<>(Folders.tensors(without(Folders.GPT2_TENSORS, "transformer.ln_f.bias"), DType.F32));
        tensors.add(HostTensor.of("transformer.ln_f.bias", Shape.of(8), new int[8]));
        refused(
                () -> open(Folders.write(folder.resolve("b"), Folders.GPT2, tensors, Map.of())),
                "tensor 'transformer.ln_f.bias' has dtype I32, expected F32, F16 or BF16");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../source/model.safetensors",
                "/etc/passwd",
                "a/b.safetensors",
                "..",
                "",
                "x.bin",
                "model\\u0000.safetensors"
            })
    void anIndexStaysInItsFolder(String name) {
        Path source = folder.resolve("source");
        Folders.config(source, Folders.LLAMA);
        Folders.index(source, "\"lm_head.weight\": \"" + name.replace("\\u", "\\u") + "\"");
        refused(() -> open(source), "expected the name of a .safetensors file in this folder, without a path");
    }

    @Test
    void shardsMustBeWhatTheIndexSays() throws IOException {
        List<HostTensor> tensors = Folders.tensors(Folders.LLAMA_TENSORS, DType.F32);
        Path source = Folders.sharded(folder.resolve("source"), Folders.LLAMA, tensors);
        Path second = source.resolve("model-00002-of-00002.safetensors");
        byte[] bytes = Files.readAllBytes(second);
        Files.write(second, java.util.Arrays.copyOf(bytes, bytes.length - 5));
        refused(() -> open(source), "model-00002-of-00002.safetensors", "truncated");
        Files.delete(second);
        refused(() -> open(source), "model-00002-of-00002.safetensors, and there is no such file");
        Files.write(second, bytes);
        Folders.index(source, "\"lm_head.weight\": \"model-00002-of-00002.safetensors\"");
        refused(
                () -> open(source),
                "'lm_head.weight' is in model-00002-of-00002.safetensors, which has no such tensor");
        Folders.index(source, "\"lm_head.weight\": \"model-00001-of-00002.safetensors\"");
        refused(() -> open(source), "of model-00001-of-00002.safetensors is not in the index");
        Folders.index(source, "\"lm_head.weight\": 5");
        refused(() -> open(source), "'lm_head.weight' is 5, expected a string");
        Files.delete(source.resolve("model.safetensors.index.json"));
        refused(() -> open(source), "there is neither model.safetensors nor model.safetensors.index.json");
        Files.delete(source.resolve("config.json"));
        refused(() -> open(source), "there is no config.json");
    }

    @Test
    void whatCannotBeExportedLeavesNothingBehind() throws IOException {
        Path source = Folders.write(folder.resolve("source"), Folders.GPT2, Folders.GPT2_TENSORS);
        List<HostTensor> large =
                new ArrayList<>(Folders.tensors(without(Folders.GPT2_TENSORS, "transformer.ln_f.bias"), DType.F32));
        large.add(HostTensor.of("transformer.ln_f.bias", Shape.of(8), new float[] {0, 1e6f, 0, 0, 0, 0, 0, 0}));
        Path beyond = Folders.write(folder.resolve("beyond"), Folders.GPT2, large, Map.of());
        Path out = folder.resolve("out");
        try (Checkpoint checkpoint = open(beyond)) {
            refused(
                    () -> HuggingFace.write(checkpoint, out, DType.F16),
                    "as F16: tensor 'norm.bias' holds Infinity at [1]");
        }
        try (Checkpoint checkpoint = open(source)) {
            refused(
                    () -> HuggingFace.write(checkpoint, beyond, DType.F32),
                    "cannot write folder",
                    "it is there and not empty");
            refused(() -> HuggingFace.write(checkpoint, folder.resolve("no/where"), DType.F32), "cannot write");
            refused(
                    () -> HuggingFace.write(checkpoint, beyond.resolve("config.json"), DType.F32),
                    "a file of that name is there");
            Files.createDirectory(out);
            HuggingFace.write(checkpoint, out, DType.F32);
        }
        Path mlp = folder.resolve("mlp.safetensors");
        ModelSpec model = ModelSpec.parse(
                "{\"input\": {\"shape\": [4]}, \"loss\": \"mse\", \"layers\": [{\"type\": \"linear\", \"name\": \"a\", \"out\": 2}]}",
                "m");
        Checkpoint.write(mlp, model, InitialWeights.draw(model.toGraph(), 1), Map.of());
        try (Checkpoint checkpoint = Checkpoint.open(mlp)) {
            refused(
                    () -> HuggingFace.write(checkpoint, folder.resolve("mlp"), DType.F32),
                    "its layers are not those of GPT2LMHeadModel, ");
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("source", "beyond", "out", "mlp.safetensors");
        }
    }

    /** Whatever stands in a config or an index: a checkpoint, or one line that says what is wrong. */
    @Test
    void hostileTextsAreRefusedInOneLine() {
        Random random = new Random(11);
        List<String> values = List.of(
                "0",
                "-1",
                "1e400",
                "9223372036854775808",
                "2147483647",
                "4611686018427387904",
                "null",
                "true",
                "\"x\"",
                "[]",
                "{}",
                "0.5",
                "1048576");
        List<HostTensor> tensors = Folders.tensors(Folders.LLAMA_TENSORS, DType.F32);
        Path source = Folders.sharded(folder.resolve("source"), Folders.LLAMA, tensors);
        int opened = 0;
        for (String config :
                List.of(Folders.LLAMA, Folders.GPT2, Folders.BERT, Folders.of("Qwen2ForCausalLM", Folders.LLAMA))) {
            for (int i = 0; i < 150; i++) {
                StringBuilder text = new StringBuilder(config);
                if (i % 2 == 0) {
                    // another value in the place of one
                    List<java.util.regex.MatchResult> found = java.util.regex.Pattern.compile("(?<=:) ?[^,}]+")
                            .matcher(config)
                            .results()
                            .toList();
                    java.util.regex.MatchResult one = found.get(random.nextInt(found.size()));
                    text.replace(one.start(), one.end(), values.get(random.nextInt(values.size())));
                } else {
                    text.setCharAt(random.nextInt(text.length()), (char) (32 + random.nextInt(95)));
                }
                Folders.config(source, text.toString());
                try {
                    open(source).close();
                    opened++;
                } catch (DataException e) {
                    assertThat(e.getMessage())
                            .as(text.toString())
                            .doesNotContain("\n")
                            .contains("source");
                }
            }
        }
        assertThat(opened).isPositive();
    }
}
