package dev.sagitta.io.model;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.io.safetensors.TensorSource;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A safetensors file that holds a network: its description in the metadata, a tensor per parameter, and optionally the state of a training
 * run or packed low-bit weights. {@code docs/model-format.md} has the format. Opening checks that every parameter is there with its
 * shape, that nothing else is, and that all numbers are finite.
 */
public final class Checkpoint implements AutoCloseable {
    public static final String MODEL = "sagitta.model";
    /** JSON: step, seed, optimiser and its settings. */
    public static final String TRAINING = "sagitta.training";
    /** JSON: {@link HeldOut}. */
    public static final String DATA = "sagitta.data";
    /** JSON: {@link Normalisation}. */
    public static final String NORMALISATION = "sagitta.normalisation";
    /** JSON: the {@code config.json} of the Hugging Face folder that the weights came from, which {@code export} writes back. */
    public static final String HUGGING_FACE = "sagitta.huggingface";
    /** JSON: how each packed weight is stored. */
    public static final String QUANT = "sagitta.quant";
    /** Tensors of a Hugging Face folder that no layer of the network is are named {@code huggingface.NAME}: only import and export carry them. */
    public static final String BESIDE = "huggingface.";
    /** Tensors of the optimiser's state are named {@code optimizer.STATE.PARAMETER}. */
    public static final String OPTIMIZER = "optimizer.";
    /** What a packed weight {@code NAME} has in place of the tensor {@code NAME}: the first must be there. */
    public static final List<String> PACKED_SUFFIXES = List.of(".packed", ".scales", ".zeros");

    private final TensorSource file;
    private final ModelSpec model;
    private final Graph graph;

    private Checkpoint(TensorSource file, ModelSpec model, Graph graph) {
        this.file = file;
        this.model = model;
        this.graph = graph;
    }

    /** @throws DataException naming the file and what is wrong with it */
    public static Checkpoint open(Path path) {
        return open(path, OpTypes.standard());
    }

    /**
     * The same, of a model that may have layers of the caller's.
     *
     * @throws DataException naming the file and what is wrong with it
     */
    public static Checkpoint open(Path path, OpTypes types) {
        return of(SafetensorsFile.open(path), types);
    }

    /**
     * What is read as if it were such a file, which closes with the checkpoint.
     *
     * @throws DataException naming the source and what is wrong with it, which is closed then
     */
    public static Checkpoint of(TensorSource file, OpTypes types) {
        Path path = file.path();
        try {
            String json = file.metadata().get(MODEL);
            if (json == null) {
                throw new DataException(
                        path + ": no metadata '" + MODEL
                                + "': not a checkpoint of Sagitta; weights called as torchvision's are read by --arch resnet18 or such");
            }
            ModelSpec model = ModelSpec.parse(json, path + ": " + MODEL, types);
            Checkpoint checkpoint = new Checkpoint(file, model, graph(model, path));
            checkpoint.check();
            return checkpoint;
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /**
     * The same, whose network reads {@code ids} ids per example, be it another number than when it was written: what has attention can, as far as its table of positions
     * goes.
     *
     * @throws DataException naming the file and what is wrong with it, or what of the network depends on the number
     */
    public static Checkpoint open(Path path, int ids) {
        Checkpoint written = open(path);
        ModelSpec model = written.model;
        if (model.inputType() != DType.I32 || model.inputShape().equals(Shape.of(ids))) {
            return written;
        }
        try {
            return written.under(model.reading(ids));
        } catch (RuntimeException e) {
            written.close();
            throw e instanceof DataException
                    ? new DataException(
                            path + ": the model reads " + model.inputShape() + " ids per example, and not " + ids + ": "
                                    + e.getMessage(),
                            e)
                    : e;
        }
    }

    /**
     * The same weights under another model that has the same parameters; closing either closes both.
     *
     * @throws DataException naming a parameter that differs
     */
    public Checkpoint under(ModelSpec other) {
        Graph same = other.toGraph();
        for (Parameter parameter : graph.everyParameter()) {
            Shape shape = same.everyParameter().stream()
                    .filter(one -> one.name().equals(parameter.name()))
                    .findFirst()
                    .orElseThrow(() ->
                            new DataException("parameter '" + parameter.name() + "' is none of the other model's"))
                    .shape();
            if (!shape.equals(parameter.shape())) {
                throw new DataException("parameter '" + parameter.name() + "' would be " + shape + ", the file has "
                        + parameter.shape());
            }
        }
        return new Checkpoint(file, other, same);
    }

    private static Graph graph(ModelSpec model, Path path) {
        try {
            return model.toGraph();
        } catch (DataException e) {
            throw new DataException(path + ": " + MODEL + ": " + e.getMessage(), e);
        }
    }

    private void check() {
        String path = file.path().toString();
        Set<String> expected = new HashSet<>();
        for (Parameter parameter : graph.everyParameter()) {
            String name = parameter.name();
            expected.add(name);
            if (isPacked(name)) {
                for (String suffix : PACKED_SUFFIXES) {
                    expected.add(name + suffix);
                }
                if (file.has(name)) {
                    throw new DataException(path + ": parameter '" + name + "' is there both packed and plain");
                }
                if (quant().isEmpty()) {
                    throw new DataException(
                            path + ": parameter '" + name + "' is packed, and there is no metadata '" + QUANT + "'");
                }
            } else {
                checkTensor(parameter.name(), parameter.shape());
            }
        }
        for (String name : file.names()) {
            if (!expected.contains(name) && !name.startsWith(OPTIMIZER) && !name.startsWith(BESIDE)) {
                throw new DataException(path + ": tensor '" + name + "' belongs to no parameter of the model; expected "
                        + names(graph.everyParameter()));
            }
            file.tensor(name).requireFinite(path);
        }
        training();
        quant();
        heldOut();
        normalisation();
    }

    private void checkTensor(String name, Shape shape) {
        if (!file.has(name)) {
            throw new DataException(file.path() + ": parameter '" + name + "' " + shape + " of the model is missing");
        }
        if (!file.shape(name).equals(shape)) {
            throw new DataException(file.path() + ": parameter '" + name + "' has shape " + file.shape(name)
                    + ", the model expects " + shape);
        }
        if (!file.dtype(name).isFloat()) {
            throw new DataException(file.path() + ": parameter '" + name + "' has dtype " + file.dtype(name)
                    + ", expected F32, BF16 or F16");
        }
    }

    public Path path() {
        return file.path();
    }

    public ModelSpec model() {
        return model;
    }

    public Graph graph() {
        return graph;
    }

    public Map<String, String> metadata() {
        return file.metadata();
    }

    /** The state of the training run, if the checkpoint can be resumed. */
    public Optional<JsonInput> training() {
        return json(TRAINING);
    }

    /** Which examples the training held out, if the checkpoint says so. */
    public Optional<HeldOut> heldOut() {
        return json(DATA).map(HeldOut::parse);
    }

    /** What was done to the inputs that the network was trained on, if anything was. */
    public Optional<Normalisation> normalisation() {
        return json(NORMALISATION).map(Normalisation::parse);
    }

    /** What a file that is made of this one carries on besides the model: entries of metadata that say where the weights come from. */
    public Map<String, String> derivedMetadata() {
        Map<String, String> derived = new LinkedHashMap<>();
        heldOut().ifPresent(held -> derived.put(DATA, held.toJson()));
        normalisation().ifPresent(done -> derived.put(NORMALISATION, done.toJson()));
        if (metadata().containsKey(HUGGING_FACE)) {
            derived.put(HUGGING_FACE, metadata().get(HUGGING_FACE));
        }
        return derived;
    }

    /** How weights are packed, if any is. */
    public Optional<JsonInput> quant() {
        return json(QUANT);
    }

    private Optional<JsonInput> json(String key) {
        String text = file.metadata().get(key);
        return text == null ? Optional.empty() : Optional.of(JsonInput.parse(text, file.path() + ": " + key));
    }

    /** Whether the parameter is stored in a low-bit format. */
    public boolean isPacked(String parameter) {
        return file.has(parameter + PACKED_SUFFIXES.get(0));
    }

    /** A parameter that is not packed, in fp32: a view of the file, or converted from a 16-bit type. */
    public HostTensor parameter(String name) {
        if (isPacked(name)) {
            throw new DataException(
                    file.path() + ": parameter '" + name + "' is packed in low bits; this needs its full values");
        }
        return file.tensor(name).toF32();
    }

    /** A tensor as it stands in the file: parts of packed weights, the optimiser's state. */
    public HostTensor tensor(String name) {
        return file.tensor(name);
    }

    public boolean has(String name) {
        return file.has(name);
    }

    /** Names of all tensors. */
    public Collection<String> names() {
        return file.names();
    }

    /** The tensors that are named {@link #BESIDE}. */
    public List<HostTensor> beside() {
        return file.names().stream()
                .filter(name -> name.startsWith(BESIDE))
                .map(file::tensor)
                .toList();
    }

    /** Bytes of the parameters as stored, all else left out. */
    public long parameterBytes() {
        long bytes = 0;
        for (String name : file.names()) {
            if (!name.startsWith(OPTIMIZER) && !name.startsWith(BESIDE)) {
                bytes += file.shape(name).elements() * file.dtype(name).bytes();
            }
        }
        return bytes;
    }

    @Override
    public void close() {
        file.close();
    }

    /**
     * Writes a checkpoint whole or not at all.
     *
     * @param tensors parameters, optimiser state, parts of packed weights
     * @param metadata further entries, as {@link #TRAINING}; the model is added. A file made of another checkpoint
     *     has its {@link #derivedMetadata}
     */
    public static void write(Path path, ModelSpec model, Collection<HostTensor> tensors, Map<String, String> metadata) {
        Map<String, String> all = new LinkedHashMap<>();
        all.put(MODEL, model.toJson());
        all.putAll(metadata);
        SafetensorsFile.write(path, all, tensors);
    }

    /**
     * A vector over a model's trained parameters: a safetensors file with exactly one fp32 (or 16-bit) tensor per parameter, named and shaped as it.
     *
     * @return fp32 tensors in the order of {@link Graph#parameters}
     * @throws DataException naming a tensor that is missing, extra, of another shape, or not finite
     */
    public static List<HostTensor> readVector(Path path, Graph graph) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            List<HostTensor> tensors = new ArrayList<>();
            Set<String> expected = new LinkedHashSet<>(names(graph.parameters()));
            for (String name : file.names()) {
                if (!expected.contains(name)) {
                    throw new DataException(path + ": extra tensor '" + name + "'; expected exactly " + expected);
                }
            }
            for (Parameter parameter : graph.parameters()) {
                new Checkpoint(file, null, graph).checkTensor(parameter.name(), parameter.shape());
                HostTensor tensor = file.tensor(parameter.name());
                tensor.requireFinite(path.toString());
                tensors.add(tensor.toF32());
            }
            return tensors;
        }
    }

    private static List<String> names(List<Parameter> parameters) {
        return parameters.stream().map(Parameter::name).toList();
    }
}
