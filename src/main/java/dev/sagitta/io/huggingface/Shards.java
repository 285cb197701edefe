package dev.sagitta.io.huggingface;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** The tensors of a folder: of {@code model.safetensors}, or of the files that {@code model.safetensors.index.json} names. */
final class Shards implements AutoCloseable {
    static final String SINGLE = "model.safetensors";
    static final String INDEX = "model.safetensors.index.json";

    private static final int MOST_FILES = 1000;
    private static final String FILE_NAME = "[A-Za-z0-9_.-]{1,200}\\.safetensors";

    private final Path folder;
    private final Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    /** By the name of a tensor. */
    private final Map<String, SafetensorsFile> tensors = new LinkedHashMap<>();

    private Shards(Path folder) {
        this.folder = folder;
    }

    /** @throws DataException naming the file that is missing, cut or not what the index says */
    static Shards open(Path folder) {
        Shards shards = new Shards(folder);
        try {
            if (Files.exists(folder.resolve(SINGLE))) {
                SafetensorsFile file = shards.file(SINGLE);
                file.names().forEach(name -> shards.tensors.put(name, file));
            } else if (Files.exists(folder.resolve(INDEX))) {
                shards.openIndexed();
            } else {
                throw new DataException(folder + ": there is neither " + SINGLE + " nor " + INDEX
                        + "; weights of other formats, as pytorch_model.bin, have to be saved as safetensors first");
            }
            return shards;
        } catch (RuntimeException e) {
            shards.close();
            throw e;
        }
    }

    /** The tensors of one file, or of a folder. */
    static Shards openAny(Path path) {
        if (Files.isDirectory(path)) {
            return open(path);
        }
        Shards shards = new Shards(path.toAbsolutePath().getParent());
        SafetensorsFile file = SafetensorsFile.open(path);
        shards.files.put(path.toString(), file);
        file.names().forEach(name -> shards.tensors.put(name, file));
        return shards;
    }

    /** What of a folder may be read: its JSON and safetensors files. */
    static List<Path> files(Path folder) {
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.filter(file -> file.getFileName().toString().matches(".*\\.(json|safetensors)"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new DataException("cannot read folder " + folder + ": " + e.getMessage(), e);
        }
    }

    private SafetensorsFile file(String name) {
        return files.computeIfAbsent(name, one -> SafetensorsFile.open(folder.resolve(one)));
    }

    private void openIndexed() {
        JsonInput map = JsonInput.file(folder.resolve(INDEX)).object("weight_map");
        for (String tensor : map.fields()) {
            String name = map.text(tensor);
            if (!name.matches(FILE_NAME)) {
                throw map.error("'" + tensor + "' is in \"" + name
                        + "\", expected the name of a .safetensors file in this folder, without a path");
            }
            if (!files.containsKey(name) && files.size() == MOST_FILES) {
                throw map.error("more than " + MOST_FILES + " files");
            }
            if (!Files.exists(folder.resolve(name))) {
                throw map.error("'" + tensor + "' is in " + name + ", and there is no such file");
            }
            SafetensorsFile file = file(name);
            if (!file.has(tensor)) {
                throw map.error("'" + tensor + "' is in " + name + ", which has no such tensor");
            }
            tensors.put(tensor, file);
        }
        for (SafetensorsFile file : files.values()) {
            for (String tensor : file.names()) {
                if (tensors.get(tensor) != file) {
                    throw map.error("tensor '" + tensor + "' of " + file.path().getFileName() + " is "
                            + (tensors.containsKey(tensor) ? "in another file by the index" : "not in the index"));
                }
            }
        }
    }

    /** All of them, in order. */
    Set<String> names() {
        return new TreeSet<>(tensors.keySet());
    }

    /** The file that has a tensor. */
    SafetensorsFile of(String tensor) {
        return tensors.get(tensor);
    }

    @Override
    public void close() {
        files.values().forEach(SafetensorsFile::close);
    }
}
