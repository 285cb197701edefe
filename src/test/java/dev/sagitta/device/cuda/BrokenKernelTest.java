package dev.sagitta.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import dev.sagitta.device.Launch;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What the checked simulation finds reaches Java as an error that names the kernel, and the device stays usable. The kernels are broken on
 * purpose and belong to the simulator's own tests, which look at its reports in detail ({@code make -C native/simcuda test} builds them).
 */
class BrokenKernelTest {
    private static final String PROPERTY = "sagitta.cuda.modules";

    private final String before = System.getProperty(PROPERTY);
    private Device device;

    @BeforeEach
    void useBrokenKernels() {
        Path modules = Path.of("native/simcuda/build/test/modules-checked").toAbsolutePath();
        assumeTrue(Files.exists(modules.resolve("broken.fatbin")), "make -C native/simcuda test has not run");
        assumeTrue(
                TestDevices.names().contains("cuda")
                        && SimulatedFaults.available(TestDevices.get("cuda").info()),
                "a real driver");
        System.setProperty(PROPERTY, modules.toString());
        device = TestDevices.openNew("cuda");
    }

    @AfterEach
    void restore() {
        if (device != null) {
            device.close();
        }
        if (before != null) {
            System.setProperty(PROPERTY, before);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "null_write, CUDA_ERROR_ILLEGAL_ADDRESS",
        "far_write, CUDA_ERROR_ILLEGAL_ADDRESS",
        "barrier_in_branch, CUDA_ERROR_LAUNCH_FAILED",
        "race_write_read, CUDA_ERROR_LAUNCH_FAILED"
    })
    void isNamed(String entry, String error) {
        try (Buffer y = device.allocate(4 * 64, MemoryCategory.DATA, "y");
                Launch launch = device.prepare(
                        KernelSource.of("broken", entry),
                        Geometry.linear(1, 64),
                        new Arguments().buffer(entry.equals("null_write") ? null : y));
                Launch correct = device.prepare(
                        KernelSource.of("broken", "store1"), Geometry.linear(1, 64), new Arguments().buffer(y))) {
            assertThatThrownBy(() -> {
                        device.stream().launch(launch);
                        device.stream().synchronize();
                    })
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("broken:" + entry)
                    .hasMessageContaining("grid 1x1x1 block 64x1x1")
                    .hasMessageContaining(error);
            device.stream().launch(correct);
            device.stream().synchronize();
            assertThat(device.isClosed()).isFalse();
        }
    }
}
