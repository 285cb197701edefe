package dev.sagitta.io.huggingface;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.model.LayerSpec;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.io.vision.VisionNetwork;
import dev.sagitta.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A checkpoint on its way to a folder: everything that can be wrong with it is found before anything is written. */
record Export(String config, List<HostTensor> tensors) {
    /** Names of the types in a {@code config.json}. */
    private static String name(DType dtype) {
        return switch (dtype) {
            case F32 -> "float32";
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            default -> throw new IllegalArgumentException("weights as " + dtype + ", expected F32, F16 or BF16");
        };
    }

    /**
     * A {@code config.json} and how the tensors are called.
     *
     * @param more tensors that are no parameters
     */
    private record Named(Config config, NameTable names, UnaryOperator<String> written, List<HostTensor> more) {
        static Named of(Config config, Architecture architecture) {
            String kind = config.architecture();
            return new Named(config, architecture.names(), name -> architecture.written(kind, name), List.of());
        }
    }

    static Export of(Checkpoint checkpoint, DType dtype) {
        String type = name(dtype);
        Named named = named(checkpoint);
        List<HostTensor> tensors = new ArrayList<>();
        for (Parameter parameter : checkpoint.graph().everyParameter()) {
            NameTable.Theirs theirs = named.names.theirs(parameter.name());
            HostTensor tensor = checkpoint.parameter(parameter.name()).convert(dtype);
            tensor.requireFinite("as " + dtype);
            tensors.add(theirs.tensor(tensor).named(named.written.apply(theirs.name())));
        }
        for (HostTensor beside : checkpoint.beside()) {
            HostTensor tensor = beside.convert(dtype);
            tensor.requireFinite("as " + dtype);
            String name = beside.name().substring(Checkpoint.BESIDE.length());
            tensors.add(tensor.named(named.written.apply(name)));
        }
        tensors.addAll(named.more);
        return new Export(named.config.with("torch_dtype", type), tensors);
    }

    /** The config that the checkpoint brings, or one read off its layers; its network is the checkpoint's, layer for layer. */
    private static Named named(Checkpoint checkpoint) {
        ModelSpec model = checkpoint.model();
        String brought = checkpoint.metadata().get(Checkpoint.HUGGING_FACE);
        Config config = brought == null
                ? null
                : new Config(JsonInput.parse(brought, checkpoint.path() + ": " + Checkpoint.HUGGING_FACE));
        Vision vision = Vision.of(model, config);
        if (vision != null) {
            Graph graph = checkpoint.graph();
            return new Named(
                    vision.config(config), vision.names(graph), UnaryOperator.identity(), Vision.beside(graph));
        }
        if (config != null && config.has("architectures")) {
            Architecture architecture = Architecture.of(config);
            if (describes(config, architecture, model)) {
                return Named.of(config, architecture);
            }
        }
        NamedLayers layers = new NamedLayers(model);
        for (Architecture architecture : Architecture.ALL) {
            ObjectNode json = architecture.config(layers);
            if (json != null) {
                if (model.vocabulary() != null) {
                    json.put(HuggingFace.CHARACTERS, model.vocabulary().characters());
                }
                Config read = new Config(JsonInput.parse(json.toString(), HuggingFace.CONFIG));
                if (describes(read, architecture, model)) {
                    return Named.of(read, architecture);
                }
            }
        }
        throw new DataException(checkpoint.path() + ": its layers are not those of "
                + String.join(
                        ", ",
                        Architecture.ALL.stream()
                                .flatMap(architecture -> architecture.classes().stream())
                                .toList())
                + ", " + String.join(", ", VisionNetwork.names()) + " as this layout has them: it cannot be exported");
    }

    private static boolean describes(Config config, Architecture architecture, ModelSpec model) {
        try {
            int context = Math.toIntExact(model.inputShape().elements());
            ModelSpec described = HuggingFace.network(config, architecture, config.architecture(), context);
            return plain(described).toJson().equals(plain(model).toJson());
        } catch (DataException e) {
            return false;
        }
    }

    /** The same network, said in one way: all inputs named, nothing about how weights begin. */
    static ModelSpec plain(ModelSpec model) {
        List<LayerSpec> layers = new ArrayList<>();
        String before = "input";
        for (LayerSpec layer : model.layers()) {
            List<String> from = new ArrayList<>(layer.from());
            if (from.size() < layer.type().least()) {
                from.add(0, before);
            }
            Map<String, Object> fields = new LinkedHashMap<>(layer.fields());
            fields.remove("deviation");
            fields.remove("init");
            layers.add(new LayerSpec(layer.type(), layer.name(), from, fields));
            before = layer.name();
        }
        return new ModelSpec(model.inputType(), model.inputShape(), model.inputs(), layers, model.loss());
    }

    /** @throws DataException if the folder is there and not empty, or cannot be written */
    void write(Path folder) {
        Path temporary = null;
        try {
            requireNew(folder);
            Path target = folder.toAbsolutePath().normalize();
            temporary = target.resolveSibling("." + target.getFileName() + "."
                    + Integer.toUnsignedString(ThreadLocalRandom.current().nextInt(), 36) + ".tmp");
            Files.createDirectory(temporary);
            SafetensorsFile.write(temporary.resolve(HuggingFace.WEIGHTS), Map.of("format", "pt"), tensors);
            AtomicFile.writeText(temporary.resolve(HuggingFace.CONFIG), config + "\n");
            Files.deleteIfExists(target);
            Files.move(temporary, target);
            temporary = null;
        } catch (IOException e) {
            throw new DataException("cannot write folder " + folder + ": " + e.getMessage(), e);
        } finally {
            remove(temporary);
        }
    }

    static void requireNew(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            try (Stream<Path> inside = Files.list(folder)) {
                if (inside.findAny().isPresent()) {
                    throw new DataException("cannot write folder " + folder + ": it is there and not empty");
                }
            }
        } else if (Files.exists(folder)) {
            throw new DataException("cannot write folder " + folder + ": a file of that name is there");
        }
    }

    private static void remove(Path temporary) {
        if (temporary == null) {
            return;
        }
        for (Path file :
                List.of(temporary.resolve(HuggingFace.WEIGHTS), temporary.resolve(HuggingFace.CONFIG), temporary)) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                // the first error is the one that counts
            }
        }
    }
}
