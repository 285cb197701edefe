package dev.sagitta.io.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.loss.CrossEntropy;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.io.file.DataException;
import dev.sagitta.kernel.loss.ElementLoss;
import dev.sagitta.tensor.Shape;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

public final class ModelSpecTest {
    /** Every layer type and field. */
    public static final String EVERYTHING = """
            {"input": {"shape": [3], "type": "ids"}, "loss": "cross_entropy", "layers": [
              {"type": "embedding", "name": "embed", "vocabulary": "abc\u00e9", "width": 4},
              {"type": "bias", "name": "shift"}, {"type": "tanh"}, {"type": "linear", "out": 4, "bias": false},
              {"type": "gelu"}, {"type": "gelu_tanh"}, {"type": "silu"}, {"type": "sigmoid"}, {"type": "relu"},
              {"type": "add", "from": "shift"}, {"type": "dropout", "p": 0.1}, {"type": "flatten"},
              {"type": "linear", "name": "fc", "out": 4}, {"type": "linear", "name": "head", "tied": "embed.weight"}]}
            """;

    private static String model(String layers) {
        return "{\"input\":{\"shape\":[4]},\"loss\":\"mse\",\"layers\":[" + layers + "]}";
    }

    @Test
    void theDesignsExampleIsRead() {
        ModelSpec model = ModelSpec.parse("""
                {"input": {"shape": [784]}, "loss": "cross_entropy",
                 "layers": [{"type": "linear", "name": "fc1", "out": 512}, {"type": "gelu"}, {"type": "linear", "name": "fc2", "out": 10}]}
                """, "model");
        Graph graph = model.toGraph();
        assertThat(graph.parameters())
                .extracting(Parameter::name)
                .containsExactly("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias");
        assertThat(graph.parameters().get(0).shape()).isEqualTo(Shape.of(512, 784));
        assertThat(graph.loss().type()).isEqualTo("cross_entropy");
    }

    @Test
    void theCanonicalJsonDescribesTheSameModel() {
        for (ModelSpec model : new ModelSpec[] {
            ModelSpec.parse(EVERYTHING, "model"),
            ModelSpec.mlp(),
            ModelSpec.charMlp(16),
            ModelSpec.preset("char-mlp", 8)
        }) {
            assertThat(ModelSpec.parse(model.toJson(), "again")).isEqualTo(model);
            assertThat(ModelSpec.parse(model.toJson(), "again").toJson()).isEqualTo(model.toJson());
        }
        Graph graph = ModelSpec.parse(EVERYTHING, "model").toGraph();
        assertThat(graph.output().shape()).isEqualTo(Shape.of(4));
        assertThat(graph.parameters())
                .extracting(Parameter::name)
                .containsExactly("embed.weight", "shift.bias", "linear3.weight", "fc.weight", "fc.bias");
    }

    @Test
    void presetsHaveTheSizesTheyPromise() {
        assertThat(ModelSpec.preset("mlp").toGraph().parameterCount())
                .isEqualTo(784 * 512 + 512 + 512 * 512 + 512 + 5120 + 10);
        StringBuilder ascii = new StringBuilder();
        for (char c = ' '; c < ' ' + 96; c++) {
            ascii.append(c);
        }
        ModelSpec text = ModelSpec.preset("char-mlp").withVocabulary(Vocabulary.of(ascii.toString(), "x"));
        assertThat(text.toGraph().parameterCount()).isBetween(900_000L, 1_100_000L);
        assertThat(text.vocabulary().characters()).isEqualTo(ascii.toString());
        assertThatThrownBy(() -> ModelSpec.preset("resnet"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("known: mlp, char-mlp");
    }

    @Test
    void aVocabularyIsTakenOnceAndOnlyByModelsOfText() {
        Vocabulary two = Vocabulary.of("ab", "x");
        assertThatThrownBy(() -> ModelSpec.mlp().withVocabulary(two))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cannot read text");
        assertThatThrownBy(() -> ModelSpec.charMlp(4).toGraph())
                .isInstanceOf(DataException.class)
                .hasMessageContaining("give --text");
        ModelSpec taken = ModelSpec.charMlp(4).withVocabulary(two);
        assertThat(taken.withVocabulary(two)).isEqualTo(taken);
        assertThatThrownBy(() -> taken.withVocabulary(Vocabulary.of("abc", "x")))
                .hasMessageContaining("another of 3");
        ModelSpec fixed = ModelSpec.parse(
                "{\"input\":{\"shape\":[4],\"type\":\"ids\"},\"loss\":\"cross_entropy\",\"layers\":[{\"type\":\"embedding\",\"rows\":7,"
                        + "\"width\":2},{\"type\":\"flatten\"},{\"type\":\"linear\",\"out\":7}]}",
                "model");
        assertThatThrownBy(() -> fixed.withVocabulary(two))
                .hasMessageContaining("has 7 rows, the text 2 different characters");
    }

    @Test
    void aBlockReadsWhatStandsBeforeIt() {
        ModelSpec model = ModelSpec.parse(
                model(
                        "{\"repeat\":2,\"as\":\"a.{i}\",\"layers\":[{\"repeat\":2,\"as\":\"{i}\",\"layers\":[{\"type\":\"gelu\",\"name\":\"g\"},"
                                + "{\"type\":\"add\",\"name\":\"sum\",\"from\":[\"{in}\",\"g\"]}]}]}"),
                "model");
        assertThat(model.layers().stream().filter(layer -> layer.name().endsWith("sum")))
                .extracting(layer -> layer.from().get(0))
                .containsExactly("input", "a.0.0.sum", "a.0.1.sum", "a.1.0.sum");
    }

    @Test
    void aBlockIsRepeated() {
        ModelSpec model = ModelSpec.parse(
                model("{\"type\":\"linear\",\"name\":\"in\",\"out\":4},"
                        + "{\"repeat\":2,\"as\":\"layers.{i}\",\"layers\":[{\"type\":\"linear\",\"name\":\"fc\",\"out\":4},{\"type\":\"gelu\"},"
                        + "{\"type\":\"add\",\"from\":\"fc\"},{\"type\":\"add\",\"from\":[\"in\",\"fc\"]},{\"type\":\"linear\",\"tied\":\"fc.weight\"},"
                        + "{\"repeat\":2,\"as\":\"{i}\",\"layers\":[{\"type\":\"tanh\",\"name\":\"t\"}]}]}"),
                "model");
        assertThat(model.layers())
                .extracting(LayerSpec::name)
                .containsExactly(
                        "in",
                        "layers.0.fc",
                        "layers.0.gelu1",
                        "layers.0.add2",
                        "layers.0.add3",
                        "layers.0.linear4",
                        "layers.0.0.t",
                        "layers.0.1.t",
                        "layers.1.fc",
                        "layers.1.gelu1",
                        "layers.1.add2",
                        "layers.1.add3",
                        "layers.1.linear4",
                        "layers.1.0.t",
                        "layers.1.1.t");
        assertThat(model.layers().get(10).from()).containsExactly("layers.1.fc");
        assertThat(model.layers().get(11).from()).containsExactly("in", "layers.1.fc");
        assertThat(ModelSpec.parse(model.toJson(), "again")).isEqualTo(model);
        Graph graph = model.toGraph();
        assertThat(graph.parameters())
                .extracting(Parameter::name)
                .containsExactly(
                        "in.weight",
                        "in.bias",
                        "layers.0.fc.weight",
                        "layers.0.fc.bias",
                        "layers.1.fc.weight",
                        "layers.1.fc.bias");
    }

    /** Any layer may say what it reads. */
    @Test
    void aLayerReadsWhatItNames() {
        Graph graph = ModelSpec.parse(
                        model(
                                "{\"type\":\"linear\",\"name\":\"a\",\"out\":3},{\"type\":\"linear\",\"name\":\"b\",\"from\":\"input\",\"out\":3},"
                                        + "{\"type\":\"add\",\"from\":[\"b\",\"a\"]}"),
                        "model")
                .toGraph();
        assertThat(graph.output().node().inputs()).extracting(Wire::name).containsExactly("b", "a");
        assertThat(graph.nodes().get(2).inputs()).extracting(Wire::name).containsExactly("input");
    }

    static Stream<Arguments> malformed() {
        return Stream.of(
                Arguments.of(
                        model("{\"type\":\"conv\"}"),
                        "model: layers[0]: unknown layer type 'conv'; known: linear, embedding, bias,"),
                Arguments.of(model("{\"type\":\"gelu\"},{\"type\":\"linear\"}"), "layers[1]: field 'out' is missing"),
                Arguments.of(
                        model("{\"type\":\"linear\",\"out\":3,\"in\":4}"),
                        "layers[0]: unknown field 'in'; known: type, name, from, tied, out"),
                Arguments.of(model("{\"name\":\"x\"}"), "layers[0]: field 'type' is missing"),
                Arguments.of(model("{\"type\":\"linear\",\"out\":0}"), "'out' is 0, expected an integer from 1"),
                Arguments.of(model("{\"type\":\"linear\",\"out\":2.5}"), "'out' is 2.5, expected an integer"),
                Arguments.of(model("{\"type\":\"linear\",\"out\":1e400}"), "expected an integer"),
                Arguments.of(model("{\"type\":\"linear\",\"out\":\"many\"}"), "'out' is \"many\", expected an integer"),
                Arguments.of(model("{\"type\":\"linear\",\"out\":1099511627776}"), "more than 2^40 elements"),
                Arguments.of(
                        model("{\"type\":\"linear\",\"out\":3,\"bias\":1}"), "'bias' is 1, expected true or false"),
                Arguments.of(model("{\"type\":\"dropout\",\"p\":1}"), "'p' is 1"),
                Arguments.of(model("{\"type\":\"dropout\",\"p\":-0.1}"), "'p' is -0.1, expected a number"),
                Arguments.of(model("{\"type\":\"dropout\",\"p\":null}"), "'p' is null"),
                Arguments.of(
                        model("{\"type\":\"add\",\"from\":\"x\"}"),
                        "layers[0] (add 'add0'): there is no earlier layer 'x'"),
                Arguments.of(
                        model("{\"type\":\"linear\",\"out\":3},{\"type\":\"add\",\"from\":\"input\"}"),
                        "layers[1] (add 'add1'): add: "),
                Arguments.of(
                        model("{\"type\":\"gelu\",\"name\":\"a\"},{\"type\":\"gelu\",\"name\":\"a\"}"),
                        "'a' is taken by layers[0]"),
                Arguments.of(model("{\"type\":\"gelu\",\"name\":\"input\"}"), "'input' is taken by the input"),
                Arguments.of(model("{\"type\":\"gelu\",\"name\":\"\"}"), "'name' is ''"),
                Arguments.of(model("{\"type\":\"gelu\",\"name\":\"optimizer\"}"), "reserved"),
                Arguments.of(
                        model("{\"type\":\"embedding\",\"rows\":3,\"width\":2}"), "layers[0] (embedding 'embedding0')"),
                Arguments.of(
                        model("{\"type\":\"embedding\",\"width\":2}"), "either 'rows' or 'vocabulary', found neither"),
                Arguments.of(model("{\"type\":\"embedding\",\"vocabulary\":\"ba\",\"width\":2}"), "vocabulary entry 1"),
                Arguments.of(
                        model("{\"type\":\"linear\",\"tied\":\"x.weight\"}"),
                        "there is no earlier weight 'x.weight' to share"),
                Arguments.of(
                        model(
                                "{\"type\":\"linear\",\"name\":\"a\",\"out\":4},{\"type\":\"linear\",\"tied\":\"a.bias\"}"),
                        "there is no earlier weight 'a.bias' to share"),
                Arguments.of(
                        model(
                                "{\"type\":\"linear\",\"name\":\"a\",\"out\":4},{\"type\":\"linear\",\"tied\":\"a.weight\",\"out\":5}"),
                        "out is 5, the tied weight has 4 rows"),
                Arguments.of(
                        model("{\"type\":\"linear\",\"tied\":\"a.weight\",\"bias\":true}"), "a tied layer has none"),
                Arguments.of(
                        model("{\"repeat\":0,\"as\":\"{i}\",\"layers\":[]}"),
                        "layers[0]: 'repeat' is 0, expected an integer"),
                Arguments.of(model("{\"repeat\":2,\"layers\":[]}"), "layers[0]: field 'as' is missing"),
                Arguments.of(
                        model("{\"repeat\":2,\"as\":\"x\",\"layers\":[]}"),
                        "'as' is \"x\", expected a prefix with {i} in it"),
                Arguments.of(model("{\"repeat\":2,\"as\":\"{i}\",\"layers\":[]}"), "layers[0]: 'layers' is empty"),
                Arguments.of(
                        model(
                                "{\"repeat\":4000,\"as\":\"{i}\",\"layers\":[{\"repeat\":4000,\"as\":\"{i}\",\"layers\":[{\"type\":\"gelu\"}]}]}"),
                        "repeated 4000 times, the model has 16000000 layers, expected at most 4096"),
                Arguments.of(
                        model("{\"repeat\":2,\"as\":\"{i}\",\"layers\":[{\"type\":\"gelu\",\"from\":\"x\"}]}"),
                        "layers[0] (gelu '0.gelu0'): there is no earlier layer 'x'"),
                Arguments.of(
                        model("{\"type\":\"gelu\",\"from\":[\"input\",\"input\"]}"),
                        "'from' names 2 layers, gelu reads 1"),
                Arguments.of(model("{\"type\":\"gelu\",\"from\":[1]}"), "'from[0]' is 1, expected a string"),
                Arguments.of(
                        model("{\"type\":\"gelu\",\"name\":\"a\"},{\"type\":\"gelu\",\"from\":\"a.1\"}"),
                        "has no output 1, it has 1"),
                Arguments.of(model("{\"type\":\"add\"}"), "layers[0]: field 'from' is missing"),
                Arguments.of(model(""), "'layers' is empty"),
                Arguments.of(model("7"), "'layers[0]' is 7, expected an object"),
                Arguments.of(
                        "{\"input\":{\"shape\":[4]},\"loss\":\"l3\",\"layers\":[]}",
                        "'loss' is \"l3\", expected one of cross_entropy, mse, l1, huber, bce_with_logits, cosine, kl"),
                Arguments.of(
                        "{\"input\":{\"shape\":[4]},\"loss\":{\"type\":\"huber\",\"beta\":2},\"layers\":[]}", "beta"),
                Arguments.of(
                        "{\"input\":{\"shape\":[4]},\"loss\":{\"type\":\"huber\",\"delta\":0},\"layers\":[]}", "delta"),
                Arguments.of("{\"input\":{\"shape\":[4]},\"loss\":{\"delta\":1},\"layers\":[]}", "'type'"),
                Arguments.of("{\"input\":{\"shape\":[4]},\"loss\":7,\"layers\":[]}", "'loss'"),
                Arguments.of("{\"input\":{\"shape\":[4]},\"layers\":[]}", "field 'loss' is missing"),
                Arguments.of(
                        "{\"input\":{\"shape\":[0]},\"loss\":\"mse\",\"layers\":[]}", "model: input: 'shape[0]' is 0"),
                Arguments.of(
                        "{\"input\":{\"shape\":4},\"loss\":\"mse\",\"layers\":[]}", "'shape' is 4, expected an array"),
                Arguments.of(
                        "{\"input\":{\"shape\":[1000000000000,1000000000000]},\"loss\":\"mse\",\"layers\":[]}",
                        "63 bits"),
                Arguments.of(
                        "{\"input\":{\"shape\":[4],\"type\":\"pixels\"},\"loss\":\"mse\",\"layers\":[]}",
                        "\"features\" or \"ids\""),
                Arguments.of(
                        "{\"input\":{\"shape\":[4],\"type\":\"ids\"},\"loss\":\"mse\",\"layers\":[{\"type\":\"relu\"}]}",
                        "which only an embedding can"),
                Arguments.of("{\"input\":{},\"input\":{}}", "Duplicate field 'input'"),
                Arguments.of("{} x", "malformed JSON"),
                Arguments.of("[".repeat(1000), "malformed JSON"),
                Arguments.of("", "found nothing"),
                Arguments.of("[1]", "found an array"));
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void aWrongModelIsNamed(String json, String message) {
        assertThatThrownBy(() -> ModelSpec.parse(json, "model").toGraph())
                .isInstanceOf(DataException.class)
                .hasMessageContaining(message)
                .message()
                .matches("\\P{Cntrl}*");
    }

    @Test
    void aLossWithFieldsIsAnObjectAndOneWithoutItsName() {
        String layers = ",\"layers\":[{\"type\":\"linear\",\"name\":\"fc\",\"out\":2}]}";
        String head = "{\"input\":{\"shape\":[4],\"type\":\"features\"},\"loss\":";
        String half = head + "{\"type\":\"huber\",\"delta\":0.5}" + layers;
        assertThat(ModelSpec.parse(half, "model").toJson()).isEqualTo(half);
        assertThat(ModelSpec.parse(half, "model").toGraph().loss())
                .isEqualTo(new ElementwiseLoss(ElementLoss.Kind.HUBER, 0.5f));
        assertThat(ModelSpec.parse(head + "{\"type\":\"huber\",\"delta\":1}" + layers, "model")
                        .toJson())
                .isEqualTo(head + "\"huber\"" + layers);
        assertThat(ModelSpec.parse(head + "{\"type\":\"mse\"}" + layers, "model")
                        .toJson())
                .isEqualTo(head + "\"mse\"" + layers);
        String smoothed = head + "{\"type\":\"cross_entropy\",\"label_smoothing\":0.125}" + layers;
        assertThat(ModelSpec.parse(smoothed, "model").toJson()).isEqualTo(smoothed);
        assertThat(ModelSpec.parse(smoothed, "model").toGraph().loss())
                .isEqualTo(new CrossEntropy(CrossEntropy.IGNORED_LABEL, 0.125f));
        assertThat(ModelSpec.parse(head + "{\"type\":\"cross_entropy\",\"label_smoothing\":0}" + layers, "model")
                        .toJson())
                .isEqualTo(head + "\"cross_entropy\"" + layers);
    }
}
