package dev.sagitta.io.huggingface;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.model.Checkpoint;
import dev.sagitta.io.safetensors.SafetensorsFile;
import dev.sagitta.io.safetensors.TensorSource;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A folder's tensors by the names of our parameters. */
final class NamedTensors implements TensorSource {
    private static final int MOST_LISTED = 3;

    /** One of them, as its file has it. */
    private record Entry(SafetensorsFile file, String name, boolean transposed, Shape shape) {}

    private final Path folder;
    private final String source;
    private final Shards shards;
    private final Map<String, String> metadata;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final List<String> leftOut = new ArrayList<>();
    private final List<String> kept = new ArrayList<>();

    private NamedTensors(Path folder, Shards shards, Map<String, String> metadata, String source) {
        this.folder = folder;
        this.source = source;
        this.shards = shards;
        this.metadata = metadata;
    }

    /**
     * @param kind the class of the network, for errors
     * @param source of its shapes, likewise: " by config.json"
     * @throws DataException listing what is missing or of no parameter, each with the nearest name, or naming a wrong shape or type
     */
    static NamedTensors of(
            Path folder,
            Shards shards,
            Map<String, String> metadata,
            Graph graph,
            NameTable names,
            String kind,
            String source) {
        NamedTensors tensors = new NamedTensors(folder, shards, metadata, source);
        tensors.match(graph, names, kind);
        return tensors;
    }

    private void match(Graph graph, NameTable names, String kind) {
        Map<String, String> files = new TreeMap<>();
        for (String name : shards.names()) {
            String other = files.putIfAbsent(names.canonical(name), name);
            if (other != null) {
                throw new DataException(
                        folder + ": tensors '" + other + "' and '" + name + "' are both " + names.canonical(name));
            }
        }
        Map<String, Parameter> missing = new LinkedHashMap<>();
        List<String> wanted = new ArrayList<>();
        for (Parameter parameter : graph.everyParameter()) {
            NameTable.Theirs theirs = names.theirs(parameter.name());
            if (theirs == null) {
                throw new IllegalStateException(kind + ": the table of names has no '" + parameter.name() + "'");
            }
            wanted.add(theirs.name());
            String name = files.remove(theirs.name());
            if (name == null) {
                missing.put(theirs.name(), parameter);
            } else {
                boolean transposed = theirs.kind() == NameTable.Kind.TRANSPOSED;
                Entry entry = new Entry(shards.of(name), name, transposed, parameter.shape());
                requireFits(entry, theirs.shape(parameter.shape()), kind);
                entries.put(parameter.name(), entry);
            }
        }
        files.forEach((canonical, name) -> {
            if (names.isKept(canonical)) {
                SafetensorsFile file = shards.of(name);
                Entry entry = new Entry(file, name, false, file.shape(name));
                requireFloat(entry);
                entries.put(Checkpoint.BESIDE + canonical, entry);
                kept.add(canonical);
            } else if (names.isLeftOut(canonical)) {
                leftOut.add(canonical);
            }
        });
        files.keySet().removeAll(kept);
        files.keySet().removeAll(leftOut);
        if (!missing.isEmpty() || !files.isEmpty()) {
            throw new DataException(folder + ": " + problem(missing, files, wanted, kind));
        }
    }

    private void requireFits(Entry entry, Shape expected, String kind) {
        Shape shape = entry.file.shape(entry.name);
        if (!shape.equals(expected)) {
            throw new DataException(entry.file.path() + ": tensor '" + entry.name + "' has shape " + shape + ", " + kind
                    + source + " has " + expected);
        }
        requireFloat(entry);
    }

    private static void requireFloat(Entry entry) {
        if (!entry.file.dtype(entry.name).isFloat()) {
            throw new DataException(entry.file.path() + ": tensor '" + entry.name + "' has dtype "
                    + entry.file.dtype(entry.name) + ", expected F32, F16 or BF16");
        }
    }

    private static String problem(
            Map<String, Parameter> missing, Map<String, String> strangers, List<String> wanted, String kind) {
        List<String> parts = new ArrayList<>();
        if (!missing.isEmpty()) {
            parts.add(count(missing.size()) + " of " + kind + " missing: "
                    + list(missing.keySet(), strangers.keySet(), "there is"));
        }
        if (!strangers.isEmpty()) {
            parts.add(count(strangers.size()) + " of no parameter of " + kind + ": "
                    + list(strangers.keySet(), missing.isEmpty() ? wanted : missing.keySet(), "nearest"));
        }
        return String.join("; ", parts);
    }

    private static String count(int tensors) {
        return tensors == 1 ? "1 tensor" : tensors + " tensors";
    }

    private static String list(Set<String> names, java.util.Collection<String> others, String word) {
        List<String> shown = new ArrayList<>();
        for (String name : names) {
            if (shown.size() == MOST_LISTED) {
                shown.add("and " + (names.size() - MOST_LISTED) + " more");
                break;
            }
            String nearest = NearestName.of(name, others);
            shown.add("'" + name + "'" + (nearest == null ? "" : " (" + word + " '" + nearest + "')"));
        }
        return String.join(", ", shown);
    }

    /** Tensors that are of no parameter of this network, heads that it does not have. */
    List<String> leftOut() {
        return Collections.unmodifiableList(leftOut);
    }

    /** Those of them that import and export carry on. */
    List<String> kept() {
        return Collections.unmodifiableList(kept);
    }

    @Override
    public Path path() {
        return folder;
    }

    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(entries.keySet());
    }

    @Override
    public boolean has(String name) {
        return entries.containsKey(name);
    }

    private Entry entry(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new DataException(
                    folder + ": there is no tensor of parameter '" + name + "'; known: " + entries.keySet());
        }
        return entry;
    }

    @Override
    public DType dtype(String name) {
        Entry entry = entry(name);
        return entry.file.dtype(entry.name);
    }

    @Override
    public Shape shape(String name) {
        return entry(name).shape;
    }

    @Override
    public HostTensor tensor(String name) {
        Entry entry = entry(name);
        HostTensor tensor = entry.file.tensor(entry.name);
        return entry.transposed
                ? Transposed.of(tensor).named(name)
                : new HostTensor(name, tensor.dtype(), entry.shape, tensor.bytes());
    }

    @Override
    public void close() {
        shards.close();
    }
}
