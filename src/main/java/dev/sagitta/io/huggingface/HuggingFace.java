package dev.sagitta.io.huggingface;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.model.Vocabulary;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Folders of Hugging Face's layout: {@code config.json} with {@code model.safetensors}, or shards with an index, in F32, F16 or BF16. Read, one is a
 * checkpoint like others; written, it is what {@code from_pretrained} takes. Networks: GPT-2, Llama and those that share its names, BERT; networks over images
 * by torchvision's names, with timm's {@code config.json} or without one.
 */
public final class HuggingFace {
    public static final String CONFIG = "config.json";
    /** The file that {@link #write} writes the weights to. */
    public static final String WEIGHTS = Shards.SINGLE;

    /** In a {@code config.json}: the characters that ids stand for, where they do; Hugging Face passes it over. */
    static final String CHARACTERS = "sagitta_characters";

    /** Tokens of an example where nothing says how many. */
    public static final int CONTEXT = 128;

    private HuggingFace() {}

    /** Whether a path is one for {@link #open}, and not a file. */
    public static boolean isFolder(Path path) {
        return Files.isDirectory(path);
    }

    /** The files of such a folder that are there; a path that is no folder by itself. */
    public static List<Path> files(Path path) {
        return isFolder(path) ? Shards.files(path) : List.of(path);
    }

    /**
     * A folder as a checkpoint. Its network reads {@code context} tokens per example.
     *
     * @param context 0 for what the network can read, {@link #CONTEXT} at most
     * @param note takes a line about what of the folder is left out
     * @throws DataException naming the file, key or tensor that is missing, unknown or wrong
     */
    public static Checkpoint open(Path folder, int context, Consumer<String> note) {
        return open(folder, context, null, note);
    }

    /**
     * The same; a network over images reads those of a size.
     *
     * @param image [channels, height, width] or [height, width]; null for the size that the config has
     */
    public static Checkpoint open(Path folder, int context, Shape image, Consumer<String> note) {
        Config config = config(folder);
        if (config.has(Vision.ARCHITECTURE) && !config.has("architectures")) {
            return Vision.open(folder, config, image);
        }
        Architecture architecture = Architecture.of(config);
        String kind = config.architecture();
        int longest = architecture.longest(config);
        if (context > longest) {
            throw config.error(
                    "a context of " + context + " tokens is beyond the " + longest + " that the network can read");
        }
        ModelSpec model = network(config, architecture, kind, context > 0 ? context : Math.min(longest, CONTEXT));
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(Checkpoint.MODEL, model.toJson());
        metadata.put(Checkpoint.HUGGING_FACE, config.json());
        Shards shards = Shards.open(folder);
        NamedTensors tensors;
        try {
            tensors = NamedTensors.of(
                    folder, shards, metadata, graph(model, config), architecture.names(), kind, " by " + CONFIG);
        } catch (RuntimeException e) {
            shards.close();
            throw e;
        }
        if (!tensors.leftOut().isEmpty()) {
            note.accept(
                    folder + ": tensors of no layer of this network stay out: " + String.join(", ", tensors.leftOut()));
        }
        if (!tensors.kept().isEmpty()) {
            note.accept(folder + ": tensors of no layer of this network, which import and export alone carry on: "
                    + String.join(", ", tensors.kept()));
        }
        return Checkpoint.of(tensors, OpTypes.standard());
    }

    /**
     * Weights of a network over images, called as torchvision calls them, as a checkpoint: a safetensors file, or a folder of such.
     *
     * @param architecture its name, of {@link dev.sagitta.io.vision.VisionNetwork}
     * @param image [channels, height, width] or [height, width] of what it reads; null for what is usual
     * @throws DataException naming the architecture, or the tensor that is missing, unknown or wrong
     */
    public static Checkpoint weights(Path path, String architecture, Shape image) {
        return Vision.open(path, architecture, image);
    }

    /** Rates of dropout that a folder's config has, as in "attn_pdrop 0.1": its network here has no such layers, which training alone would use. */
    public static List<String> dropout(Path folder) {
        return config(folder).rates("dropout", "pdrop");
    }

    private static Config config(Path folder) {
        Path file = folder.resolve(CONFIG);
        if (!Files.exists(file)) {
            throw new DataException(folder + ": there is no " + CONFIG + ": not a folder of Hugging Face's layout");
        }
        return new Config(JsonInput.file(file));
    }

    /** The network that a {@code config.json} describes, at a context. */
    static ModelSpec network(Config config, Architecture architecture, String kind, int context) {
        config.requireAbsent("quantization_config");
        ModelSpec model;
        try {
            model = architecture.network(config, kind, context);
            String characters = config.text(CHARACTERS, null);
            return characters == null ? model : model.withVocabulary(Vocabulary.of(characters, CHARACTERS));
        } catch (DataException e) {
            throw config.isOurs(e) ? e : config.error(e.getMessage());
        }
    }

    /** Shapes that do not fit are the config's fault. */
    private static Graph graph(ModelSpec model, Config config) {
        try {
            return model.toGraph();
        } catch (DataException e) {
            throw config.error(e.getMessage());
        }
    }

    /**
     * Writes a checkpoint's network and weights as such a folder, whole or not at all.
     *
     * @param folder that is not there yet, or empty
     * @param dtype F32, F16 or BF16, to which weights are rounded
     * @throws DataException if the network is none that this layout has names for, weights are packed, a number is beyond the type, or the folder
     *     cannot be written
     */
    public static void write(Checkpoint checkpoint, Path folder, DType dtype) {
        Export.of(checkpoint, dtype).write(folder);
    }
}
