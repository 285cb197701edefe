package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.io.model.ModelSpec;
import java.util.List;
import java.util.Map;

/** A family of networks that Hugging Face's layout names: what its {@code config.json} means, and what its tensors are called. */
interface Architecture {
    List<Architecture> ALL = List.of(new Gpt2(), new Llama(), new Bert());

    /** Elementwise functions by their names there. */
    Map<String, String> FUNCTIONS = functions();

    private static Map<String, String> functions() {
        Map<String, String> functions = new java.util.LinkedHashMap<>();
        functions.put("gelu", "gelu");
        functions.put("gelu_new", "gelu_tanh");
        functions.put("gelu_pytorch_tanh", "gelu_tanh");
        functions.put("gelu_fast", "gelu_tanh");
        functions.put("relu", "relu");
        functions.put("silu", "silu");
        functions.put("swish", "silu");
        functions.put("tanh", "tanh");
        return functions;
    }

    /** The names of {@code architectures} that it serves. */
    List<String> classes();

    /** How its tensors are called. */
    NameTable names();

    /** A name of the table as files of this class have it. */
    default String written(String kind, String name) {
        return name;
    }

    /** Tokens that it can read at most. */
    int longest(Config config);

    /**
     * The network in our format.
     *
     * @param kind one of {@link #classes}
     * @param context tokens of an example
     */
    ModelSpec network(Config config, String kind, int context);

    /**
     * A {@code config.json} whose network this may be, read off its layers: the caller compares. Null where it cannot be.
     */
    ObjectNode config(NamedLayers layers);

    /** @throws dev.sagitta.io.file.DataException naming the class that is not served */
    static Architecture of(Config config) {
        String name = config.architecture();
        return ALL.stream()
                .filter(architecture -> architecture.classes().contains(name))
                .findFirst()
                .orElseThrow(() -> config.unsupported(
                        "architectures",
                        "supported: "
                                + String.join(
                                        ", ",
                                        ALL.stream()
                                                .flatMap(one -> one.classes().stream())
                                                .toList())));
    }
}
