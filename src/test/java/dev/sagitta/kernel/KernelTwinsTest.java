package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.KernelFiles;
import dev.sagitta.device.KernelText;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** ARCHITECTURE.md: twins share file stem, entry names, argument names, order and types. Preprocesses the files with g++. */
@Tag("tree")
class KernelTwinsTest {
    private static final Set<String> TYPES = Set.of("i32", "u32", "i64", "u64", "f32", "u8", "i8", "u16");

    static List<String> stems() {
        TreeSet<String> stems = new TreeSet<>(KernelSignatures.files(".cu"));
        stems.addAll(KernelSignatures.files(".cl"));
        stems.addAll(KernelSignatures.files(".gpu.cl"));
        return List.copyOf(stems);
    }

    static List<String> cpuStems() {
        return KernelSignatures.files(".cpu.cl");
    }

    @ParameterizedTest
    @MethodSource("stems")
    void twinsAgree(String stem) {
        Map<String, List<String>> cuda = entries(stem, DeviceKind.CUDA);
        if (isForCudaAlone(stem)) {
            assertThat(cuda).as("entries for CUDA of %s", stem).isNotEmpty();
            removeAlone(cuda, familyForOpenCl(stem), KernelFiles.path(DeviceKind.CUDA, stem), "CUDA_ONLY");
            assertThat(cuda.keySet())
                    .as("entries of kernels/%s.cu that neither have a twin nor say CUDA_ONLY", stem)
                    .isEmpty();
            return;
        }
        Map<String, List<String>> openCl = entries(stem, DeviceKind.OPENCL_GPU);
        assertThat(cuda).as("entries for CUDA of %s", stem).isNotEmpty();
        assertThat(openCl).as("entries for OpenCL of %s", stem).isNotEmpty();
        removeAlone(cuda, openCl, KernelFiles.path(DeviceKind.CUDA, stem), "CUDA_ONLY");
        removeAlone(openCl, cuda, KernelFiles.path(DeviceKind.OPENCL_GPU, stem), "OPENCL_ONLY");
        assertThat(difference(cuda, openCl))
                .as("entries of kernels/%s, CUDA against OpenCL", stem)
                .isEmpty();
    }

    @ParameterizedTest
    @MethodSource("cpuStems")
    void variantsForTheCpuAgree(String stem) {
        Map<String, List<String>> cpu = entries(stem, DeviceKind.OPENCL_CPU);
        if (!KernelText.exists(KernelFiles.path(DeviceKind.OPENCL_GPU, stem))) {
            removeAlone(cpu, familyForOpenCl(stem), KernelFiles.path(DeviceKind.OPENCL_CPU, stem), "CPU_ONLY");
            assertThat(cpu.keySet())
                    .as("entries of kernels/%s.cpu.cl that neither have a twin nor say CPU_ONLY", stem)
                    .isEmpty();
            return;
        }
        Map<String, List<String>> gpu = entries(stem, DeviceKind.OPENCL_GPU);
        removeAlone(gpu, cpu, KernelFiles.path(DeviceKind.OPENCL_CPU, stem), "GPU_ONLY");
        assertThat(difference(cpu, gpu))
                .as("entries of kernels/%s.cpu.cl against those for OpenCL GPUs", stem)
                .isEmpty();
    }

    /** A text for GPUs that has no variant for CPUs may say which entries of its family CPUs have instead. */
    @ParameterizedTest
    @MethodSource("stems")
    void whatIsForGpusAloneIsServedOnCpus(String stem) {
        String path = KernelFiles.path(DeviceKind.OPENCL_GPU, stem);
        if (isForCudaAlone(stem) || !KernelText.exists(path) || !path.endsWith(".gpu.cl")) {
            return;
        }
        String family = stem.substring(0, stem.indexOf('/') + 1);
        KernelSignatures.alone(path, "GPU_ONLY").forEach((entry, server) -> {
            assertThat(entries(stem, DeviceKind.OPENCL_GPU)).as(path).containsKey(entry);
            assertThat(Stream.concat(stems().stream(), cpuStems().stream())
                            .filter(other -> other.startsWith(family) && !isForCudaAlone(other))
                            .anyMatch(other ->
                                    entries(other, DeviceKind.OPENCL_CPU).containsKey(server)))
                    .as("%s of %s is served on CPUs by %s, which has to exist", entry, path, server)
                    .isTrue();
        });
    }

    @ParameterizedTest
    @MethodSource("stems")
    void argumentsHaveTypesOfFixedWidth(String stem) {
        for (DeviceKind kind : List.of(DeviceKind.CUDA, DeviceKind.OPENCL_GPU)) {
            if (kind == DeviceKind.OPENCL_GPU && isForCudaAlone(stem)) {
                continue;
            }
            entries(stem, kind).forEach((entry, arguments) -> assertThat(arguments)
                    .as("%s in %s", entry, KernelFiles.path(kind, stem))
                    .allSatisfy(argument -> {
                        String type = argument.substring(0, Math.max(0, argument.lastIndexOf(' ')))
                                .replace("*", "");
                        assertThat(TYPES).contains(type);
                    }));
        }
    }

    /** A dialect of its own costs every reader a second text: its header says what it buys. */
    @ParameterizedTest
    @MethodSource("stems")
    void aSecondTextIsJustified(String stem) {
        for (String suffix : List.of(".cu", ".cl")) {
            if (KernelText.exists(stem + suffix)) {
                assertThat(KernelText.exists(stem + ".gpu.cl"))
                        .as("%s beside one text for both", stem + suffix)
                        .isFalse();
                if (suffix.equals(".cu")) {
                    assertThat(KernelText.read(stem + suffix))
                            .as("header of %s", stem + suffix)
                            .containsPattern("DIALECT: .{20}");
                }
            }
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
        assertThat(entries("elementwise/pointwise", DeviceKind.OPENCL_GPU))
                .containsKeys("relu_forward_f32", "gelu_tanh_backward_f32")
                .allSatisfy((entry, arguments) -> assertThat(arguments).contains("f32* x"));
    }

    /** A second text for CUDA beside one for both dialects: faster versions of what that has. */
    private static boolean isForCudaAlone(String stem) {
        return KernelText.exists(stem + ".cu") && !KernelText.exists(KernelFiles.path(DeviceKind.OPENCL_GPU, stem));
    }

    /** All entries for OpenCL of a stem's family. */
    private static Map<String, List<String>> familyForOpenCl(String stem) {
        String family = stem.substring(0, stem.indexOf('/') + 1);
        Map<String, List<String>> all = new TreeMap<>();
        stems().stream()
                .filter(other -> other.startsWith(family) && !isForCudaAlone(other))
                .forEach(other -> all.putAll(entries(other, DeviceKind.OPENCL_GPU)));
        return all;
    }

    private static Map<String, List<String>> entries(String stem, DeviceKind kind) {
        String path = KernelFiles.path(kind, stem);
        assertThat(KernelText.exists(path)).as("%s for %s", stem, kind).isTrue();
        return new TreeMap<>(KernelSignatures.of(path, kind != DeviceKind.CUDA));
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
