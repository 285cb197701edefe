package dev.sagitta.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Choice by name. */
class DevicesTest {
    @Test
    void autoTakesTheFirstOfTheList() {
        List<DeviceInfo> all = Devices.list();
        assertThat(all).isNotEmpty().isSortedAccordingTo(java.util.Comparator.comparing(DeviceInfo::kind));
        try (Device device = Devices.open("auto")) {
            assertThat(device.info()).isEqualTo(all.get(0));
        }
    }

    @Test
    void everyListedDeviceOpensByItsId() {
        for (DeviceInfo info : Devices.list()) {
            try (Device device = Devices.open(info.id())) {
                assertThat(device.info()).isEqualTo(info);
                assertThat(info.memoryBytes()).isPositive();
                assertThat(info.maxWorkGroup()).isPositive();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vulkan", "", "CUDA", "opencl0"})
    void unknownBackEndsAreRefused(String name) {
        assertThatThrownBy(() -> Devices.open(name))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("'" + name + "'")
                .hasMessageContaining("expected auto, cuda[:i] or opencl[:i]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"opencl:", "opencl:x", "opencl:-1", "opencl:1.5", "opencl:99999"})
    void indicesMustBeNumbers(String name) {
        assertThatThrownBy(() -> Devices.open(name))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("is not an index");
    }

    @Test
    void anIndexBeyondTheLastSaysHowManyThereAre() {
        assertThatThrownBy(() -> Devices.open("opencl:9999"))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("sagitta devices");
    }

    @Test
    void aMissingBackEndHasARemedy() {
        for (String problem : Devices.problems()) {
            assertThat(problem).matches("(cuda|opencl): .+; .+").doesNotContain("\n");
        }
    }
}
