package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.KernelFiles;
import dev.sagitta.fixture.ClassesIn;
import dev.sagitta.fixture.DryDevice;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.fixture.TimedCases;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every entry of every text in {@code kernels/} is one that a case runs: on devices where nothing runs, the cases are asked which they take. */
@Tag("tree")
class EntryCoverageTest {
    @ParameterizedTest
    @EnumSource(DeviceKind.class)
    void everyEntryIsRunByACase(DeviceKind kind) {
        Set<String> missing = entries(kind);
        try (DryDevice device = new DryDevice(kind)) {
            List<Consumer<KernelBench>> unlikely = new ArrayList<>();
            for (List<KernelCase> suite : suites()) {
                Set<String> files = new HashSet<>();
                for (Consumer<KernelBench> body : bodies(suite, true)) {
                    prepare(device, body, missing).forEach(entry -> files.add(file(entry)));
                }
                // large cases are slow, and seldom run another file's kernels than the small ones
                boolean helps = missing.stream().anyMatch(entry -> files.isEmpty() || files.contains(file(entry)));
                List<Consumer<KernelBench>> large = bodies(suite, false);
                if (helps) {
                    large.forEach(body -> prepare(device, body, missing));
                } else {
                    unlikely.addAll(large);
                }
            }
            TimedCases.all().values().forEach(one -> unlikely.add(one.body()::accept));
            unlikely.forEach(body -> prepare(device, body, missing));
        }
        assertThat(missing).as("entries for %s that no case runs", kind).isEmpty();
    }

    private static String file(String entry) {
        return entry.substring(0, entry.indexOf(':'));
    }

    private static Set<String> entries(DeviceKind kind) {
        Set<String> stems = new TreeSet<>();
        KernelFiles.suffixes(kind).forEach(suffix -> stems.addAll(KernelSignatures.files(suffix)));
        Set<String> entries = new TreeSet<>();
        for (String stem : stems) {
            String path = KernelFiles.path(kind, stem);
            Set<String> own = new TreeSet<>(
                    KernelSignatures.of(path, kind != DeviceKind.CUDA).keySet());
            if (kind == DeviceKind.OPENCL_CPU && path.endsWith(".gpu.cl")) {
                // what CPUs have other entries for, as the header says
                own.removeAll(KernelSignatures.alone(path, "GPU_ONLY").keySet());
            }
            own.forEach(entry -> entries.add(stem + ":" + entry));
        }
        return entries;
    }

    private static List<List<KernelCase>> suites() {
        return ClassesIn.of(KernelSuite.class, "dev.sagitta.kernel", "KernelTest", KernelSuite.class).stream()
                .map(type -> ClassesIn.make(type).cases())
                .toList();
    }

    private static List<Consumer<KernelBench>> bodies(List<KernelCase> suite, boolean small) {
        return suite.stream()
                .filter(one -> one.small() == small)
                .map(KernelCase::body)
                .toList();
    }

    /** As far as the body gets without results, unless nothing is missing; what it ran is missing no longer. */
    private static Set<String> prepare(DryDevice device, Consumer<KernelBench> body, Set<String> missing) {
        if (missing.isEmpty()) {
            return Set.of();
        }
        device.entries().clear();
        try (KernelBench bench = new KernelBench(device, 1)) {
            body.accept(bench);
        } catch (AssertionError | UnsupportedOperationException e) {
            // what it made of the results, which are none, or of the time that nothing took
        }
        missing.removeAll(device.entries());
        return Set.copyOf(device.entries());
    }
}
