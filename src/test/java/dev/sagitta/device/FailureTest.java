package dev.sagitta.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Memory that does not fit, builds and launches that fail: the message, and that the device works afterwards. */
class FailureTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    /** The devices that fail on request. */
    static List<String> simulated() {
        return TestDevices.names().stream()
                .filter(name -> SimulatedFaults.available(TestDevices.get(name).info()))
                .toList();
    }

    static List<String> openCl() {
        return TestDevices.names().stream()
                .filter(name -> TestDevices.get(name).kind().isOpenCl())
                .toList();
    }

    private static void assertWorks(Device device) {
        try (Relu relu = new Relu(device, 500);
                Launch launch = relu.prepare()) {
            relu.reset(device.stream());
            device.stream().launch(launch);
            assertThat(relu.result(device.stream())).isEqualTo(relu.expected());
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void outOfMemoryNamesRequestFreeAndHolders(String name) {
        try (Device device = TestDevices.openNew(name);
                Buffer small = device.allocate(1 << 10, MemoryCategory.WEIGHTS, "small");
                Buffer large = device.allocate(1 << 16, MemoryCategory.SAVED_ACTIVATIONS, "large")) {
            long request = device.info().memoryBytes() - (1 << 12);
            assertThatThrownBy(() -> device.allocate(request, MemoryCategory.TANGENTS, "too much"))
                    .isInstanceOf(OutOfDeviceMemoryException.class)
                    .hasMessageContaining("'too much' needs " + request + " bytes")
                    .hasMessageContaining(" are free")
                    .hasMessageContaining("'large' 65536, 'small' 1024")
                    .hasMessageContaining("smaller batch");
            assertThatThrownBy(() -> device.allocate(Long.MAX_VALUE, MemoryCategory.TANGENTS, "overflow"))
                    .isInstanceOf(OutOfDeviceMemoryException.class);
            assertThat(device.memory().currentBytes()).isEqualTo(small.bytes() + large.bytes());
            assertWorks(device);
        }
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("simulated")
    void anAllocationThatTheDriverRefusesIsOutOfMemory(String name) {
        Device device = TestDevices.get(name);
        try (SimulatedFaults faults = new SimulatedFaults();
                Buffer first = device.allocate(1 << 12, MemoryCategory.DATA, "first")) {
            faults.failAllocation(2);
            device.allocate(100, MemoryCategory.DATA, "passes").close();
            assertThatThrownBy(() -> device.allocate(100, MemoryCategory.DATA, "fails"))
                    .isInstanceOf(OutOfDeviceMemoryException.class)
                    .hasMessageContaining("'fails' needs 100 bytes")
                    .hasMessageContaining("'first' 4096");
            assertThat(first.isClosed()).isFalse();
        }
        assertWorks(device);
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("simulated")
    void aLaunchThatFailsNamesKernelAndGeometry(String name) {
        Device device = TestDevices.get(name);
        try (SimulatedFaults faults = new SimulatedFaults();
                Relu relu = new Relu(device, 500);
                Launch launch = relu.prepare()) {
            faults.failLaunch(3);
            device.stream().launch(launch);
            device.stream().launch(launch);
            assertThatThrownBy(() -> {
                        device.stream().launch(launch);
                        device.stream().synchronize();
                    })
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("relu_forward_f32")
                    .hasMessageContaining("grid ")
                    .hasMessageContaining("CUDA_ERROR_LAUNCH_FAILED");
        }
        assertWorks(device);
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("openCl")
    void aFailedOpenClBuildPrintsFileOptionsAndLog(String name) {
        Device device = TestDevices.get(name);
        KernelSource source = new KernelSource("test/broken", "broken_f32", Map.of("WIDTH", "4"));
        try (Buffer x = device.allocate(4, MemoryCategory.DATA, "x")) {
            assertThatThrownBy(() -> device.prepare(source, Geometry.linear(1, 1), new Arguments().buffer(x)))
                    .isInstanceOf(KernelBuildException.class)
                    .hasMessageContaining("'test/broken.cl'")
                    .hasMessageContaining("-DWIDTH=4")
                    .hasMessageContaining("CL_BUILD_PROGRAM_FAILURE")
                    .hasMessageContaining("no_such_function")
                    // the line of the file, though includes were inlined
                    .hasMessageContaining("broken.cl:5");
        }
        assertWorks(device);
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("simulated")
    void otherConstantsOnCudaNeedARunTimeCompiler(String name) {
        Device device = TestDevices.get(name);
        KernelSource source =
                new KernelSource("elementwise/pointwise", "relu_forward_f32", Map.of("NO_SUCH_CONSTANT", "7"));
        assertThatThrownBy(() -> device.prepare(source, Geometry.linear(1, 1), new Arguments()))
                .isInstanceOf(KernelBuildException.class)
                .hasMessageContaining("'elementwise/pointwise.cu'")
                .hasMessageContaining("-DNO_SUCH_CONSTANT=7")
                .hasMessageContaining("are not those of the file")
                .hasMessageContaining("nvcc");
        assertWorks(device);
    }

    @Test
    void constantsOfAKernelFileAreFound() {
        assertThat(KernelText.defaults("test/constants.cl"))
                .containsExactlyInAnyOrderEntriesOf(Map.of("TILE", "16", "WIDE", "(2 * TILE)"));
    }
}
