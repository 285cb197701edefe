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
            for (boolean small : new boolean[] {true, false}) {
                for (Consumer<KernelBench> body : bodies(small)) {
                    if (!missing.isEmpty()) {
                        prepare(device, body);
                        missing.removeAll(device.entries());
                    }
                }
            }
        }
        assertThat(missing).as("entries for %s that no case runs", kind).isEmpty();
    }

    private static Set<String> entries(DeviceKind kind) {
        Set<String> stems = new TreeSet<>();
        KernelFiles.suffixes(kind).forEach(suffix -> stems.addAll(KernelSignatures.files(suffix)));
        Set<String> entries = new TreeSet<>();
        for (String stem : stems) {
            KernelSignatures.of(KernelFiles.path(kind, stem), kind != DeviceKind.CUDA)
                    .keySet()
                    .forEach(entry -> entries.add(stem + ":" + entry));
        }
        return entries;
    }

    private static List<Consumer<KernelBench>> bodies(boolean small) {
        List<Consumer<KernelBench>> bodies = new ArrayList<>();
        for (Class<? extends KernelSuite> type :
                ClassesIn.of(KernelSuite.class, "dev.sagitta.kernel", "KernelTest", KernelSuite.class)) {
            for (KernelCase one : ClassesIn.make(type).cases()) {
                if (one.small() == small) {
                    bodies.add(one.body());
                }
            }
        }
        if (!small) {
            TimedCases.all().values().forEach(one -> bodies.add(one.body()::accept));
        }
        return bodies;
    }

    /** As far as the body gets without results. */
    private static void prepare(DryDevice device, Consumer<KernelBench> body) {
        try (KernelBench bench = new KernelBench(device, 1)) {
            body.accept(bench);
        } catch (AssertionError | UnsupportedOperationException e) {
            // what it made of the results, which are none, or of the time that nothing took
        }
    }
}
