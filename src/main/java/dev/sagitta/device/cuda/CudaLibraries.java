package dev.sagitta.device.cuda;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Where NVIDIA's libraries may lie, in this order: the folder that the user names, the loader's path, CUDA's own folders, the packages of the
 * Python on the path. Looks at files only; loading is the caller's. {@code -Dsagitta.cuda.search=false} leaves out the last two.
 */
final class CudaLibraries {
    private final Map<String, String> environment;
    private final Path root;
    private final boolean everywhere;

    /**
     * @param file absolute
     * @param version the number behind {@code .so.}
     * @param place why that folder was looked at
     */
    record Found(Path file, String version, String place) {
        Path folder() {
            return file.getParent();
        }

        /** Loads the files of its folder that match {@code companions}, so that the loader need not find them, and then the library. */
        void load(String... companions) {
            for (String companion : companions) {
                matches(folder(), companion)
                        .forEach(path -> System.load(path.toAbsolutePath().toString()));
            }
            System.load(file.toString());
        }
    }

    /** @param root the file system's, where a test does not pretend another */
    CudaLibraries(Map<String, String> environment, Path root, boolean everywhere) {
        this.environment = environment;
        this.root = root;
        this.everywhere = everywhere;
    }

    static CudaLibraries ofThisProcess() {
        return new CudaLibraries(
                System.getenv(), Path.of("/"), !"false".equals(System.getProperty("sagitta.cuda.search")));
    }

    /** The folder that {@code -Dsagitta.NAME.dir} or SAGITTA_NAME_DIR gives, or an empty text. */
    String named(String name) {
        String variable = "SAGITTA_" + name.toUpperCase(Locale.ROOT) + "_DIR";
        return System.getProperty("sagitta." + name + ".dir", environment.getOrDefault(variable, ""));
    }

    /**
     * Every {@code libNAME.so.VERSION} there is, the best first: by place, then in the order of {@code versions}, then by folder.
     *
     * @param name {@code cublas} or {@code nvrtc}
     */
    List<Found> all(String name, List<String> versions) {
        List<Found> found = new ArrayList<>();
        places(name).forEach((place, folders) -> {
            for (String version : versions) {
                for (Path folder : folders) {
                    Path file = folder.resolve("lib" + name + ".so." + version);
                    if (Files.isRegularFile(file)) {
                        found.add(new Found(file.toAbsolutePath(), version, place));
                    }
                }
            }
        });
        return found;
    }

    /** The places and their folders, for a message. */
    String searched(String name) {
        return places(name).entrySet().stream()
                .map(e -> e.getKey() + " ("
                        + (e.getValue().isEmpty()
                                ? "none"
                                : e.getValue().stream().map(Path::toString).collect(Collectors.joining(", ")))
                        + ")")
                .collect(Collectors.joining("; "));
    }

    /** Folders that exist, by place. */
    private Map<String, Collection<Path>> places(String name) {
        Map<String, Collection<Path>> places = new LinkedHashMap<>();
        String named = named(name);
        if (!named.isEmpty()) {
            places.put("the named folder", existing(List.of(Path.of(named))));
        }
        places.put("the loader's path", existing(loaderPath()));
        if (everywhere) {
            places.put("CUDA's folders", existing(toolkits()));
            places.put("python3's packages", existing(new PythonPackages(environment, root).nvidia()));
        }
        return places;
    }

    private static Collection<Path> existing(Collection<Path> folders) {
        return folders.stream().filter(Files::isDirectory).collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private List<Path> loaderPath() {
        List<Path> folders = new ArrayList<>(paths(environment.getOrDefault("LD_LIBRARY_PATH", "")));
        List<Path> files = new ArrayList<>(List.of(root.resolve("etc/ld.so.conf")));
        files.addAll(matches(root.resolve("etc/ld.so.conf.d"), "*.conf"));
        for (Path file : files) {
            try (Stream<String> lines = Files.lines(file)) {
                lines.map(String::strip)
                        .filter(line -> line.startsWith("/"))
                        .forEach(line -> folders.add(root.resolve(line.substring(1))));
            } catch (IOException | UncheckedIOException e) {
                continue; // absent, or not ours to read: the loader's other folders remain
            }
        }
        for (String system : List.of("lib", "usr/lib")) {
            folders.add(root.resolve(system + "/" + architecture() + "-linux-gnu"));
            folders.add(root.resolve(system + "64"));
            folders.add(root.resolve(system));
        }
        return folders;
    }

    private List<Path> toolkits() {
        List<Path> homes = new ArrayList<>();
        for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
            homes.addAll(paths(environment.getOrDefault(variable, "")));
        }
        for (Path folder : paths(environment.getOrDefault("PATH", ""))) {
            Path nvcc = folder.resolve("nvcc");
            if (Files.isExecutable(nvcc)) {
                homes.add(folder.resolve("..").normalize());
                try {
                    homes.add(nvcc.toRealPath().resolve("../..").normalize());
                } catch (IOException e) {
                    continue; // gone since
                }
            }
        }
        homes.add(root.resolve("usr/local/cuda"));
        List<Path> numbered = new ArrayList<>(matches(root.resolve("usr/local"), "cuda-*"));
        numbered.sort(Comparator.reverseOrder());
        homes.addAll(numbered);
        homes.add(root.resolve("opt/cuda"));
        List<Path> folders = new ArrayList<>();
        for (Path home : homes) {
            folders.add(home.resolve("lib64"));
            folders.addAll(matches(home.resolve("targets"), "*").stream()
                    .filter(target -> target.getFileName().toString().startsWith(architecture())
                            || target.getFileName().toString().startsWith("sbsa")
                                    && architecture().equals("aarch64"))
                    .map(target -> target.resolve("lib"))
                    .collect(Collectors.toList()));
            folders.add(home.resolve("lib"));
        }
        return folders;
    }

    private static String architecture() {
        String name = System.getProperty("os.arch");
        return name.equals("amd64") ? "x86_64" : name;
    }

    /** The absolute folders of a list like PATH. */
    static List<Path> paths(String list) {
        List<Path> folders = new ArrayList<>();
        for (String part : list.split(File.pathSeparator)) {
            try {
                if (!part.isEmpty() && Path.of(part).isAbsolute()) {
                    folders.add(Path.of(part));
                }
            } catch (InvalidPathException e) {
                continue; // the shell could not use it either
            }
        }
        return folders;
    }

    /** What matches in a folder, sorted; nothing where there is no such folder. */
    static List<Path> matches(Path folder, String glob) {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
            entries.forEach(found::add);
        } catch (IOException | DirectoryIteratorException e) {
            return List.of();
        }
        found.sort(null);
        return found;
    }
}
