package dev.sagitta.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.Devices;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.Launch;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.ChildJvm;
import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import jcuda.driver.CUresult;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How images of kernels reach the driver, and what is said where it refuses them. */
class CudaModulesTest {
    private static final String PROPERTY = "sagitta.cuda.modules";
    private static final KernelSource RELU = KernelSource.of("elementwise/pointwise", "relu_forward_f32");

    private static void prepare(Device device) {
        try (Buffer x = device.allocate(4, MemoryCategory.DATA, "x");
                Launch launch = device.prepare(
                        RELU,
                        Geometry.linear(1, 32),
                        new Arguments().buffer(x).buffer(x).i64(1))) {
            assertThat(launch.source()).isEqualTo(RELU);
        }
    }

    private static Device simulated() {
        assumeTrue(
                TestDevices.names().contains("cuda")
                        && SimulatedFaults.available(TestDevices.get("cuda").info()),
                "a real driver");
        return TestDevices.openNew("cuda");
    }

    @Tag("simcuda")
    @ParameterizedTest
    @ValueSource(
            ints = {
                CUresult.CUDA_ERROR_INVALID_IMAGE,
                CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU,
                CUresult.CUDA_ERROR_INVALID_PTX,
                CUresult.CUDA_ERROR_JIT_COMPILER_NOT_FOUND,
                CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
                CUresult.CUDA_ERROR_INVALID_SOURCE
            })
    void anImageForOtherDevicesOrDriversIsCompiledAnew(int status) {
        try (Device device = simulated();
                SimulatedFaults faults = new SimulatedFaults()) {
            faults.failModules(status);
            // compiled anew or not, it does not load either
            assertThatThrownBy(() -> prepare(device))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining(CUresult.stringFor(status))
                    .hasMessageContaining("NVRTC")
                    .hasMessageContaining("the driver's log says 'asked to fail'");
            faults.failModules(0);
            prepare(device);
        }
    }

    @Tag("simcuda")
    @ParameterizedTest
    @ValueSource(ints = {CUresult.CUDA_ERROR_OUT_OF_MEMORY, CUresult.CUDA_ERROR_SHARED_OBJECT_INIT_FAILED})
    void anImageThatFailsOtherwiseIsAnErrorOfItsOwn(int status) {
        try (Device device = simulated();
                SimulatedFaults faults = new SimulatedFaults()) {
            faults.failModules(status);
            assertThatThrownBy(() -> prepare(device))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("'elementwise/pointwise.cu'")
                    .hasMessageContaining("does not load: " + CUresult.stringFor(status))
                    .hasMessageContaining("the driver's log says 'asked to fail'")
                    .hasMessageNotContaining("NVRTC");
        }
    }

    @Tag("simcuda")
    @Test
    void garbageIsNamed(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("pointwise.fatbin"), "not an image");
        String before = System.getProperty(PROPERTY);
        try (Device device = simulated()) {
            System.setProperty(PROPERTY, folder.toString());
            assertThatThrownBy(() -> prepare(device))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining(file + " does not load: CUDA_ERROR_INVALID_IMAGE")
                    .hasMessageContaining("the module image is not one of");
            System.setProperty(PROPERTY, before);
            prepare(device);
        } finally {
            System.setProperty(PROPERTY, before);
        }
    }

    /** A driver that translates PTX takes seconds, in which other threads allocate. */
    @Tag("simcuda")
    @Test
    void theCollectorRunsWhileAModuleLoads() throws Exception {
        try (Device device = simulated();
                SimulatedFaults faults = new SimulatedFaults()) {
            faults.slowModules(1500);
            CompletableFuture<Long> loaded = CompletableFuture.supplyAsync(() -> {
                prepare(device);
                return System.nanoTime();
            });
            Thread.sleep(300);
            assertThat(loaded).as("still loading").isNotDone();
            System.gc();
            long collected = System.nanoTime();
            assertThat(loaded.get(30, TimeUnit.SECONDS))
                    .as("loaded after the collection, which did not wait for it")
                    .isGreaterThan(collected);
        }
    }

    static final class LoadOne {
        public static void main(String[] arguments) {
            try (Device device = Devices.open("cuda")) {
                prepare(device);
            }
        }
    }

    /** Says whether machine code of this device was found, or PTX had to be translated. */
    @Test
    void theLogNamesTheCodeThatWasLoaded() {
        assumeTrue(TestDevices.names().contains("cuda"), "no CUDA device, not even a simulated one");
        String log = ChildJvm.run(
                Map.of(),
                List.of(
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=debug",
                        "-D" + PROPERTY + "=" + System.getProperty(PROPERTY, "")),
                LoadOne.class);
        String architecture = TestDevices.get("cuda").info().architecture().replace("sm_", "");
        assertThat(log)
                .containsPattern("elementwise/pointwise\\.cu: machine code for sm_" + architecture
                        + ", made from PTX for compute_[0-9]+");
    }
}
