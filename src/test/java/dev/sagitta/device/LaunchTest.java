package dev.sagitta.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.HeapMeter;
import dev.sagitta.fixture.TestDevices;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Launches, captures and events on every device. */
class LaunchTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void scalarsMayChangeBetweenLaunches(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        try (Relu relu = new Relu(device, 200);
                Launch launch = relu.prepare()) {
            relu.reset(stream);
            launch.setI64(relu.countArgument(), 150);
            stream.launch(launch);
            float[] part = relu.result(stream);
            assertThat(part[149]).isEqualTo(49);
            assertThat(part[150]).isNaN();
            launch.setI64(relu.countArgument(), 200);
            stream.launch(launch);
            assertThat(relu.result(stream)).isEqualTo(relu.expected());
            assertThatThrownBy(() -> launch.setF32(relu.countArgument(), 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("is a Long, not a Float");
            assertThatThrownBy(() -> launch.setI32(99, 1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aWarmLaunchAllocatesNothing(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        try (Relu relu = new Relu(device, 64);
                Launch launch = relu.prepare();
                Recording recording = stream.capture(() -> stream.launch(launch))) {
            int count = relu.countArgument();
            Runnable work = () -> {
                launch.setI64(count, 64);
                stream.launch(launch);
                stream.replay(recording);
                stream.synchronize();
            };
            assertThat(HeapMeter.bytes(work)).isZero();
            // the meter does see allocations
            assertThat(HeapMeter.bytes(() -> stream.capture(() -> {}).close())).isPositive();
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aCaptureRecordsAndReplays(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        Relu relu = new Relu(device, 300);
        Buffer copy = device.allocate(1200, MemoryCategory.DATA, "copy");
        Launch launch = relu.prepare();
        relu.reset(stream);
        Recording recording = stream.capture(() -> {
            stream.launch(launch);
            stream.copy(copy, 0, relu.y, 0, 1200);
            stream.fill(relu.y, 0, 4, (byte) 0x7F);
            assertThat(stream.isRecording()).isTrue();
            assertThatThrownBy(stream::synchronize)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("inside a capture");
        });
        assertThat(stream.isRecording()).isFalse();
        assertThat(relu.result(stream)[299]).as("nothing ran yet").isNaN();
        for (int i = 0; i < 2; i++) {
            relu.reset(stream);
            stream.replay(recording);
            float[] y = relu.result(stream);
            assertThat(y[0]).isEqualTo(Float.intBitsToFloat(0x7F7F7F7F));
            assertThat(y[299]).isEqualTo(149);
        }
        try (Relu other = new Relu(device, 300, copy, copy)) {
            assertThat(other.result(stream)).isEqualTo(relu.expected());
        }
        assertThatThrownBy(() -> stream.replay(recording))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'copy'");
        launch.close();
        relu.close();
        recording.close();
        assertThatThrownBy(() -> stream.replay(recording)).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aCaptureThatThrowsLeavesTheStreamUsable(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        try (Relu relu = new Relu(device, 10);
                Launch launch = relu.prepare()) {
            relu.reset(stream);
            assertThatThrownBy(() -> stream.capture(() -> {
                        stream.launch(launch);
                        throw new UnsupportedOperationException("on purpose");
                    }))
                    .hasMessage("on purpose");
            stream.launch(launch);
            assertThat(relu.result(stream)).isEqualTo(relu.expected());
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void eventsOrderStreamsAndMeasureTime(String name) {
        Device device = TestDevices.get(name);
        try (Relu relu = new Relu(device, 1000);
                Launch launch = relu.prepare();
                Stream other = device.newStream("other");
                Event start = device.newEvent();
                Event end = device.newEvent()) {
            assertThatThrownBy(start::synchronize)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("Stream.record");
            assertThatThrownBy(() -> other.await(start)).isInstanceOf(IllegalStateException.class);
            relu.reset(other);
            other.record(start);
            other.launch(launch);
            other.record(end);
            device.stream().await(end);
            assertThat(relu.result(device.stream())).isEqualTo(relu.expected());
            assertThat(end.millisSince(start)).isBetween(0.0, 60_000.0);
            other.record(end);
            end.synchronize();
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void wrongLaunchesAreRefusedAndTheDeviceStaysUsable(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        try (Relu relu = new Relu(device, 100);
                Device second = TestDevices.openNew(name)) {
            Geometry big = new Geometry(1, 1, 1, 8192, 8, 1, 0);
            assertThatThrownBy(() -> device.prepare(relu.source(), big, relu.arguments()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("relu")
                    .hasMessageContaining("65536");
            assertThatThrownBy(() -> second.prepare(relu.source(), relu.geometry(), relu.arguments()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'x'");
            if (device.kind() == DeviceKind.CUDA) {
                Geometry shared = relu.geometry().withShared(1 << 30);
                assertThatThrownBy(() -> device.prepare(relu.source(), shared, relu.arguments()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("shared memory");
                device.prepare(relu.source(), relu.geometry().withShared(100 << 10), relu.arguments())
                        .close();
            } else {
                assertThatThrownBy(() -> device.prepare(relu.source(), relu.geometry(), new Arguments().buffer(relu.x)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("1 arguments given");
            }
            relu.reset(stream);
            try (Launch launch = relu.prepare()) {
                assertThatThrownBy(() -> second.stream().launch(launch))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("prepared on");
                stream.launch(launch);
            }
            assertThat(relu.result(stream)).isEqualTo(relu.expected());
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void filesAndEntriesThatAreMissingAreNamed(String name) {
        Device device = TestDevices.get(name);
        Geometry one = Geometry.linear(1, 1);
        assertThatThrownBy(() -> device.prepare(KernelSource.of("no_such_file", "entry"), one, new Arguments()))
                .isInstanceOf(KernelBuildException.class)
                .hasMessageContaining("no_such_file");
        assertThatThrownBy(() ->
                        device.prepare(KernelSource.of("elementwise/pointwise", "no_such_entry"), one, new Arguments()))
                .isInstanceOf(KernelBuildException.class)
                .hasMessageContaining("no_such_entry")
                .hasMessageContaining("pointwise");
    }
}
