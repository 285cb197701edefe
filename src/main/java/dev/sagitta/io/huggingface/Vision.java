package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.LayerSpec;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.io.vision.VisionNetwork;
import dev.sagitta.tensor.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Networks over images whose tensors are called as torchvision calls them: in a file by themselves, or in a folder with timm's {@code config.json}. How many channels an image has and how many
 * classes there are is what the first and the last weight say.
 *
 * @param model layers have torchvision's names but for those of the tables here
 */
record Vision(VisionNetwork network, ModelSpec model, boolean isTimm) {
    /** The key of a {@code config.json} that names the network, where Hugging Face's own have {@code architectures}. */
    static final String ARCHITECTURE = "architecture";

    private static final String WEIGHT = ".weight";
    private static final String RUNNING = ".running_mean";
    /** Batches that a norm has seen, I64: of no use to a network whose running statistics have a fixed momentum, and missed by PyTorch where it is not there. */
    private static final String COUNTER = ".num_batches_tracked";

    private static final NameTable TRANSFORMER = NameTable.of("", """
            class_token.weight                                         class_token unsqueezed
            encoder.pos_embedding.weight                               encoder.pos_embedding unsqueezed
            conv_proj.weight                                           conv_proj.weight
            conv_proj.bias                                             conv_proj.bias
            encoder.layers.encoder_layer_{i}.ln_1.weight               encoder.layers.encoder_layer_{i}.ln_1.weight
            encoder.layers.encoder_layer_{i}.ln_1.bias                 encoder.layers.encoder_layer_{i}.ln_1.bias
            encoder.layers.encoder_layer_{i}.self_attention.in_proj.weight  encoder.layers.encoder_layer_{i}.self_attention.in_proj_weight
            encoder.layers.encoder_layer_{i}.self_attention.in_proj.bias    encoder.layers.encoder_layer_{i}.self_attention.in_proj_bias
            encoder.layers.encoder_layer_{i}.self_attention.out_proj.weight  encoder.layers.encoder_layer_{i}.self_attention.out_proj.weight
            encoder.layers.encoder_layer_{i}.self_attention.out_proj.bias    encoder.layers.encoder_layer_{i}.self_attention.out_proj.bias
            encoder.layers.encoder_layer_{i}.ln_2.weight               encoder.layers.encoder_layer_{i}.ln_2.weight
            encoder.layers.encoder_layer_{i}.ln_2.bias                 encoder.layers.encoder_layer_{i}.ln_2.bias
            encoder.layers.encoder_layer_{i}.mlp.0.weight              encoder.layers.encoder_layer_{i}.mlp.0.weight
            encoder.layers.encoder_layer_{i}.mlp.0.bias                encoder.layers.encoder_layer_{i}.mlp.0.bias
            encoder.layers.encoder_layer_{i}.mlp.3.weight              encoder.layers.encoder_layer_{i}.mlp.3.weight
            encoder.layers.encoder_layer_{i}.mlp.3.bias                encoder.layers.encoder_layer_{i}.mlp.3.bias
            encoder.ln.weight                                          encoder.ln.weight
            encoder.ln.bias                                            encoder.ln.bias
            heads.head.weight                                          heads.head.weight
            heads.head.bias                                            heads.head.bias
            """);

    private static final NameTable TIMM_TRANSFORMER = NameTable.of("", """
            class_token.weight                                         cls_token unsqueezed
            encoder.pos_embedding.weight                               pos_embed unsqueezed
            conv_proj.weight                                           patch_embed.proj.weight
            conv_proj.bias                                             patch_embed.proj.bias
            encoder.layers.encoder_layer_{i}.ln_1.weight               blocks.{i}.norm1.weight
            encoder.layers.encoder_layer_{i}.ln_1.bias                 blocks.{i}.norm1.bias
            encoder.layers.encoder_layer_{i}.self_attention.in_proj.weight   blocks.{i}.attn.qkv.weight
            encoder.layers.encoder_layer_{i}.self_attention.in_proj.bias     blocks.{i}.attn.qkv.bias
            encoder.layers.encoder_layer_{i}.self_attention.out_proj.weight  blocks.{i}.attn.proj.weight
            encoder.layers.encoder_layer_{i}.self_attention.out_proj.bias    blocks.{i}.attn.proj.bias
            encoder.layers.encoder_layer_{i}.ln_2.weight               blocks.{i}.norm2.weight
            encoder.layers.encoder_layer_{i}.ln_2.bias                 blocks.{i}.norm2.bias
            encoder.layers.encoder_layer_{i}.mlp.0.weight              blocks.{i}.mlp.fc1.weight
            encoder.layers.encoder_layer_{i}.mlp.0.bias                blocks.{i}.mlp.fc1.bias
            encoder.layers.encoder_layer_{i}.mlp.3.weight              blocks.{i}.mlp.fc2.weight
            encoder.layers.encoder_layer_{i}.mlp.3.bias                blocks.{i}.mlp.fc2.bias
            encoder.ln.weight                                          norm.weight
            encoder.ln.bias                                            norm.bias
            heads.head.weight                                          head.weight
            heads.head.bias                                            head.bias
            """);

    /** timm's names of the networks that have others of their own here. */
    private static final String TIMM_NAME = "(vit|deit)-tiny-patch16-\\d+(\\..*)?";

    /** The network of an architecture's name; null if there is none. */
    private static VisionNetwork find(String name) {
        return VisionNetwork.of(isTimm(name) ? "vit-tiny" : name);
    }

    private static boolean isTimm(String name) {
        return name.toLowerCase(Locale.ROOT).replace('_', '-').matches(TIMM_NAME);
    }

    /** A folder's network by its {@code config.json}. */
    static Checkpoint open(Path folder, Config config, Shape image) {
        String name = config.text(ARCHITECTURE, "");
        VisionNetwork network = find(name);
        if (network == null) {
            throw config.unsupported(ARCHITECTURE, "supported: " + String.join(", ", VisionNetwork.names()));
        }
        Config pretrained = config.object("pretrained_cfg");
        Shape size = image != null ? image : (pretrained == null ? config : pretrained).shape("input_size");
        return open(folder, network, size, Map.of(Checkpoint.HUGGING_FACE, config.json()));
    }

    /** Weights by themselves: a file, or a folder of files without more. */
    static Checkpoint open(Path path, String architecture, Shape image) {
        VisionNetwork network = find(architecture);
        if (network == null) {
            String nearest = NearestName.of(architecture, VisionNetwork.names());
            throw new DataException("there is no architecture '" + architecture + "'"
                    + (nearest == null ? "" : " (nearest '" + nearest + "')") + "; known: "
                    + String.join(", ", VisionNetwork.names()));
        }
        requireNoModel(path);
        return open(path, network, image, Map.of());
    }

    /** @throws DataException if the file says itself what its network is */
    private static void requireNoModel(Path path) {
        if (!Files.isRegularFile(path)) {
            return;
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            if (file.metadata().containsKey(Checkpoint.MODEL)) {
                throw new DataException(
                        path + ": a checkpoint of Sagitta, which says itself what its network is; leave out --arch");
            }
        }
    }

    private static Checkpoint open(Path path, VisionNetwork network, Shape image, Map<String, String> more) {
        Shards shards = Shards.openAny(path);
        try {
            boolean isTimm = shards.names().contains("cls_token");
            ModelSpec usual = ModelSpec.vision(network, network.input(), network.classes());
            Vision first = new Vision(network, usual, isTimm);
            Shape size = image == null || image.rank() < 2 ? network.input() : image;
            Shape input =
                    Shape.of(first.extent(shards, 0, 1, network.input().extent(0)), size.extent(-2), size.extent(-1));
            int classes = Math.toIntExact(first.extent(shards, usual.layers().size() - 1, 0, network.classes()));
            Vision vision = new Vision(network, ModelSpec.vision(network, input, classes), isTimm);
            Graph graph = vision.graph(path);
            Map<String, String> metadata = new LinkedHashMap<>(more);
            metadata.put(Checkpoint.MODEL, vision.model.toJson());
            String source = " of images " + input + " and " + classes + " classes";
            return Checkpoint.of(
                    NamedTensors.of(path, shards, metadata, graph, vision.names(graph), network.name(), source),
                    OpTypes.standard());
        } catch (RuntimeException e) {
            shards.close();
            throw e;
        }
    }

    private Graph graph(Path path) {
        try {
            return model.toGraph();
        } catch (DataException e) {
            throw new DataException(
                    path + ": " + network.name() + " cannot read images " + model.inputShape() + ": " + e.getMessage(),
                    e);
        }
    }

    /** An extent of a layer's weight as the files have it. */
    private long extent(Shards shards, int layer, int axis, long absent) {
        String ours = model.layers().get(layer).name() + WEIGHT;
        NameTable.Theirs there = isTransformer() ? transformer().theirs(ours) : null;
        String name = there == null ? ours : there.name();
        if (!shards.names().contains(name)) {
            return absent;
        }
        Shape shape = shards.of(name).shape(name);
        long extent = shape.rank() > axis ? shape.extent(axis) : absent;
        return extent > 0 && extent <= Integer.MAX_VALUE ? extent : absent;
    }

    private boolean isTransformer() {
        return model.layers().stream().anyMatch(layer -> layer.name().equals("class_token"));
    }

    private NameTable transformer() {
        return isTimm ? TIMM_TRANSFORMER : TRANSFORMER;
    }

    /** Names of all parameters. */
    NameTable names(Graph graph) {
        if (isTransformer()) {
            return transformer();
        }
        List<String> lines = new ArrayList<>();
        for (Parameter parameter : graph.everyParameter()) {
            lines.add(parameter.name() + " " + parameter.name());
        }
        for (String counter : counters(graph)) {
            lines.add("- " + counter);
        }
        return NameTable.of("", String.join("\n", lines));
    }

    private static List<String> counters(Graph graph) {
        return graph.everyParameter().stream()
                .map(Parameter::name)
                .filter(name -> name.endsWith(RUNNING))
                .map(name -> name.substring(0, name.length() - RUNNING.length()) + COUNTER)
                .toList();
    }

    /** Whether a tensor is nothing that someone would miss. */
    static boolean isCounter(String name) {
        return name.endsWith(COUNTER);
    }

    /** What PyTorch wants beside the parameters: counters of batches, 0. */
    static List<HostTensor> beside(Graph graph) {
        return counters(graph).stream()
                .map(name -> HostTensor.of(name, Shape.of(), 0L))
                .toList();
    }

    /**
     * The network that a checkpoint's layers are; null where they are none of these.
     *
     * @param config that the checkpoint brings, or null
     */
    static Vision of(ModelSpec model, Config config) {
        Shape image = model.inputShape();
        LayerSpec last = model.layers().get(model.layers().size() - 1);
        if (image.rank() != 3 || !(last.fields().get("out") instanceof Long out) || out > Integer.MAX_VALUE) {
            return null;
        }
        for (VisionNetwork network : VisionNetwork.all()) {
            try {
                ModelSpec same = ModelSpec.vision(network, image, out.intValue());
                if (Export.plain(same)
                        .toJson()
                        .equals(Export.plain(model.unaugmented()).toJson())) {
                    return new Vision(network, same, config != null && isTimm(config.text(ARCHITECTURE, "")));
                }
            } catch (DataException e) {
                // of a size that this one cannot read
            }
        }
        return null;
    }

    /** The {@code config.json} that the checkpoint brings, if it is of this network, or a new one. */
    Config config(Config brought) {
        if (brought != null && network.equals(find(brought.text(ARCHITECTURE, "")))) {
            return brought;
        }
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put(ARCHITECTURE, network.name().replace('-', '_'));
        Object classes = model.layers().get(model.layers().size() - 1).fields().get("out");
        config.put("num_classes", (Long) classes);
        ObjectNode pretrained = config.putObject("pretrained_cfg");
        ArrayNode size = pretrained.putArray("input_size");
        for (long extent : model.inputShape().toArray()) {
            size.add(extent);
        }
        pretrained.put("num_classes", (Long) classes);
        return new Config(JsonInput.parse(config.toString(), HuggingFace.CONFIG));
    }
}
