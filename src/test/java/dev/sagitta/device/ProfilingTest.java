package dev.sagitta.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.fixture.ChildJvm;
import dev.sagitta.fixture.TestDevices;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NVTX and NVML against stand-ins of native/profiling/test, in a process of its own: both are decided at start. */
class ProfilingTest {
    private static final Path STAND_INS = Path.of("native/profiling/build/test").toAbsolutePath();

    @TempDir
    Path folder;

    @Test
    void offCostsNothing() {
        assertThat(Profiling.ENABLED).isFalse();
    }

    @Test
    void launchesAreRangesAndEnergyIsMeasured() throws Exception {
        assumeTrue(Files.exists(STAND_INS.resolve("libinjection.so")), "native/profiling was not built: no g++");
        Path ranges = folder.resolve("ranges");
        String path = System.getenv().getOrDefault("LD_LIBRARY_PATH", "");
        String output = ChildJvm.run(
                Map.of(
                        "NVTX_INJECTION64_PATH",
                                STAND_INS.resolve("libinjection.so").toString(),
                        "SAGITTA_TEST_RANGES", ranges.toString(),
                        "LD_LIBRARY_PATH", STAND_INS + ":" + path),
                List.of(
                        "-Dsagitta.nvtx=true",
                        "-Dsagitta.cuda.modules=" + System.getProperty("sagitta.cuda.modules", "")),
                Main.class);
        assertThat(Files.readAllLines(ranges))
                .containsExactly("push relu_forward_f32", "pop", "push relu_forward_f32", "pop");
        if (TestDevices.names().contains("cuda")) {
            assertThat(output).contains("joules 1.500").contains("1980 MHz").contains("2619 MHz");
        } else {
            assertThat(output).contains("no meter");
        }
    }

    @Test
    void withoutAProfilerNothingHappens() {
        String output = ChildJvm.run(
                Map.of(),
                List.of(
                        "-Dsagitta.nvtx=true",
                        "-Dsagitta.cuda.modules=" + System.getProperty("sagitta.cuda.modules", "")),
                Main.class);
        assertThat(output).contains("launched").contains("-Dsagitta.nvtx: no ranges");
    }

    /** The child. */
    static final class Main {
        public static void main(String[] args) {
            try (Device device = TestDevices.openNew(TestDevices.names().get(0));
                    Relu relu = new Relu(device, 10);
                    Launch launch = relu.prepare()) {
                device.stream().launch(launch);
                device.stream().launch(launch);
                device.stream().synchronize();
                System.out.println("launched");
                EnergyMeter.of(device)
                        .ifPresentOrElse(
                                meter -> {
                                    EnergyMeter.Reading before = meter.read();
                                    EnergyMeter.Reading after = meter.read();
                                    System.out.printf(
                                            java.util.Locale.ROOT,
                                            "joules %.3f, %d MHz, %d MHz%n",
                                            after.joules() - before.joules(),
                                            after.multiprocessorMegahertz(),
                                            after.memoryMegahertz());
                                },
                                () -> System.out.println("no meter"));
            }
        }
    }
}
