package dev.sagitta.device.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The library folders of NVIDIA's Python packages, {@code nvidia/cu13/lib}, {@code nvidia/cublas/lib} and the like. Python is not run: a
 * {@code python3} on the path, and each file that it links to, belongs to an environment whose packages are two folders on.
 */
final class PythonPackages {
    /** More links than an environment of an environment of an installation has. */
    private static final int LINKS = 8;

    private final Map<String, String> environment;
    private final Path root;

    PythonPackages(Map<String, String> environment, Path root) {
        this.environment = environment;
        this.root = root;
    }

    List<Path> nvidia() {
        List<Path> folders = new ArrayList<>();
        for (Path packages : packages()) {
            CudaLibraries.matches(packages.resolve("nvidia"), "*").forEach(part -> folders.add(part.resolve("lib")));
        }
        return folders;
    }

    private Set<Path> packages() {
        Set<Path> folders = new LinkedHashSet<>();
        for (Path prefix : prefixes()) {
            for (String lib : List.of("lib", "lib64", "local/lib")) {
                for (Path python : CudaLibraries.matches(prefix.resolve(lib), "python3*")) {
                    folders.add(python.resolve("site-packages"));
                    folders.add(python.resolve("dist-packages"));
                }
            }
        }
        return folders;
    }

    /** Environments, the one that python3 would use first; the user's own packages come last. */
    private Set<Path> prefixes() {
        Set<Path> prefixes = new LinkedHashSet<>();
        for (Path folder : CudaLibraries.paths(environment.getOrDefault("PATH", ""))) {
            Path python = folder.resolve("python3");
            if (Files.isExecutable(python)) {
                addPrefixes(python, prefixes);
            }
        }
        prefixes.add(root.resolve("usr"));
        prefixes.add(root.resolve("usr/local"));
        CudaLibraries.paths(environment.getOrDefault("HOME", "")).forEach(home -> prefixes.add(home.resolve(".local")));
        return prefixes;
    }

    private static void addPrefixes(Path python, Set<Path> prefixes) {
        Path link = python;
        for (int i = 0; i < LINKS; i++) {
            Path bin = link.getParent();
            if (bin != null && bin.getParent() != null) {
                prefixes.add(bin.getParent());
            }
            if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS) || !Files.isSymbolicLink(link)) {
                return;
            }
            try {
                link = link.resolveSibling(Files.readSymbolicLink(link)).normalize();
            } catch (IOException e) {
                return; // not ours to read: what it links to is out of sight
            }
        }
    }
}
