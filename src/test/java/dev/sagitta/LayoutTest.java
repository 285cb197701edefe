package dev.sagitta;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The same family and the same stem everywhere: who knows {@code elementwise/pointwise} can guess every path. */
@Tag("tree")
class LayoutTest {
    /** ARCHITECTURE.md: another one is a decision. */
    private static final List<String> FAMILIES = List.of(
            "attention",
            "codec",
            "conv",
            "elementwise",
            "embedding",
            "gemm",
            "loss",
            "norm",
            "optimiser",
            "packed",
            "pool",
            "random",
            "reduce",
            "resample",
            "rotary",
            "shape");

    private static final Path KERNELS = Path.of("kernels");

    @Test
    void familiesAreTheKnownOnes() throws IOException {
        Set<String> kernels = folders(KERNELS);
        kernels.remove("lib");
        assertThat(FAMILIES).containsAll(kernels);
        assertThat(folders(Path.of("src/main/java/dev/sagitta/kernel"))).isEqualTo(kernels);
        assertThat(FAMILIES).containsAll(folders(Path.of("src/main/java/dev/sagitta/graph/op")));
        assertThat(FAMILIES).containsAll(folders(Path.of("src/test/java/dev/sagitta/kernel")));
    }

    @Test
    void everyKernelFileHasOneOfTheSuffixes() throws IOException {
        for (Path file : files(KERNELS)) {
            assertThat(file.getFileName().toString())
                    .matches("[a-z0-9_]+(\\.gpu\\.cl|\\.cpu\\.cl|\\.cl|\\.cu|\\.cuh|\\.h)");
            if (file.startsWith(KERNELS.resolve("lib"))) {
                assertThat(file.toString()).matches(".*\\.(h|cuh)");
            }
        }
    }

    /** Fatbins lie in one folder under their stems. */
    @Test
    void stemsAreUnique() throws IOException {
        TreeMap<String, TreeSet<String>> families = new TreeMap<>();
        for (Path file : files(KERNELS)) {
            String name = file.getFileName().toString();
            if (name.endsWith(".cl") || name.endsWith(".cu")) {
                families.computeIfAbsent(name.substring(0, name.indexOf('.')), key -> new TreeSet<>())
                        .add(file.getParent().toString());
            }
        }
        assertThat(families)
                .allSatisfy((stem, folders) -> assertThat(folders).as(stem).hasSize(1));
    }

    /** OpenCL C has none: PoCL and Oclgrind take them, NVIDIA's compiler refuses them. */
    @Test
    void openClSeesNoVariadicMacro() throws IOException {
        for (Path file : files(KERNELS)) {
            if (!file.startsWith(KERNELS.resolve("lib/cuda"))
                    && !file.toString().matches(".*\\.(cu|cuh)")) {
                assertThat(Files.readString(file))
                        .as("%s", file)
                        .doesNotContainPattern("#define \\w+\\([^)]*\\.\\.\\.\\)");
            }
        }
    }

    private static Set<String> folders(Path root) throws IOException {
        try (Stream<Path> list = Files.list(root)) {
            return list.filter(Files::isDirectory)
                    .map(path -> path.getFileName().toString())
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static List<Path> files(Path root) throws IOException {
        try (Stream<Path> walk = Files.walk(root)) {
            return walk.filter(Files::isRegularFile).sorted().toList();
        }
    }
}
