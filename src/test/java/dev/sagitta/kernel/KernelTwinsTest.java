package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.KernelText;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** ARCHITECTURE.md: twins share file stem, entry names, argument names, order and types. Preprocesses the files with g++. */
@Tag("tree")
class KernelTwinsTest {
    private static final Set<String> TYPES = Set.of("i32", "u32", "i64", "u64", "f32", "u8", "i8", "u16");

    static List<String> stems() {
        TreeSet<String> stems = new TreeSet<>(KernelSignatures.stems("cuda", ".cu"));
        stems.addAll(KernelSignatures.stems("opencl", ".cl"));
        return List.copyOf(stems);
    }

    static List<String> cpuStems() {
        return KernelSignatures.stems("opencl/cpu", ".cl");
    }

    @ParameterizedTest
    @MethodSource("stems")
    void twinsAgree(String stem) {
        assertThat(List.of("cuda/" + stem + ".cu", "opencl/" + stem + ".cl"))
                .as("twins")
                .allMatch(KernelText::exists);
        Map<String, List<String>> cuda = entries("cuda/" + stem + ".cu");
        Map<String, List<String>> openCl = entries("opencl/" + stem + ".cl");
        removeAlone(cuda, openCl, "cuda/" + stem + ".cu", "CUDA_ONLY");
        removeAlone(openCl, cuda, "opencl/" + stem + ".cl", "OPENCL_ONLY");
        assertThat(difference(cuda, openCl))
                .as("entries of kernels/cuda/%s.cu against kernels/opencl/%s.cl", stem, stem)
                .isEmpty();
    }

    @ParameterizedTest
    @MethodSource("cpuStems")
    void variantsForTheCpuAgree(String stem) {
        assertThat(difference(entries("opencl/cpu/" + stem + ".cl"), entries("opencl/" + stem + ".cl")))
                .as("entries of kernels/opencl/cpu/%s.cl against kernels/opencl/%s.cl", stem, stem)
                .isEmpty();
    }

    @ParameterizedTest
    @MethodSource("stems")
    void argumentsHaveTypesOfFixedWidth(String stem) {
        for (String path : List.of("cuda/" + stem + ".cu", "opencl/" + stem + ".cl")) {
            entries(path).forEach((entry, arguments) -> assertThat(arguments)
                    .as("%s in %s", entry, path)
                    .allSatisfy(argument -> {
                        String type = argument.substring(0, Math.max(0, argument.lastIndexOf(' ')))
                                .replace("*", "");
                        assertThat(TYPES).contains(type);
                    }));
        }
    }

    @Test
    void aDifferenceIsSeen() {
        Map<String, List<String>> left = Map.of("a", List.of("f32* x", "i64 n"), "b", List.of());
        Map<String, List<String>> right = Map.of("a", List.of("i64 n", "f32* x"), "c", List.of());
        assertThat(difference(left, right)).containsOnlyKeys("a", "b", "c");
    }

    @Test
    void macrosAreExpanded() {
        assertThat(KernelSignatures.of("opencl/pointwise.cl"))
                .containsKeys("relu_forward_f32", "gelu_tanh_backward_f32")
                .allSatisfy((entry, arguments) -> assertThat(arguments).contains("f32* x"));
    }

    private static Map<String, List<String>> entries(String path) {
        Map<String, List<String>> found = KernelText.exists(path) ? KernelSignatures.of(path) : Map.of();
        return new TreeMap<>(found);
    }

    private static void removeAlone(
            Map<String, List<String>> from, Map<String, List<String>> other, String path, String marker) {
        if (KernelText.exists(path)) {
            KernelSignatures.alone(path, marker).forEach((entry, server) -> {
                assertThat(from)
                        .as("%s names %s, which is not in %s", marker, entry, path)
                        .containsKey(entry);
                assertThat(other)
                        .as("%s in %s is served by %s, which has to exist", entry, path, server)
                        .containsKey(server);
                from.remove(entry);
            });
        }
    }

    /** Entries that differ, with both sides. */
    private static Map<String, String> difference(Map<String, List<String>> left, Map<String, List<String>> right) {
        Map<String, String> differences = new TreeMap<>();
        Function<List<String>, String> show = arguments -> arguments == null ? "missing" : arguments.toString();
        TreeSet<String> names = new TreeSet<>(left.keySet());
        names.addAll(right.keySet());
        for (String name : names) {
            if (!java.util.Objects.equals(left.get(name), right.get(name))) {
                differences.put(name, show.apply(left.get(name)) + " against " + show.apply(right.get(name)));
            }
        }
        return differences;
    }
}
