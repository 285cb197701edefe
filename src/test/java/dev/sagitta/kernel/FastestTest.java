package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TestDevices;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FastestTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    private static Step step(Runnable work) {
        return new Step() {
            @Override
            public void enqueue(Stream stream) {
                work.run();
            }

            @Override
            public void close() {}
        };
    }

    @ParameterizedTest
    @MethodSource("devices")
    void isFoundWhereverItStands(String name) {
        Device device = TestDevices.get(name);
        try (Stream stream = device.newStream("race");
                Buffer memory = device.allocate(64 << 20, MemoryCategory.OTHER, "memory")) {
            Step quick = step(() -> stream.fill(memory, 0, 64, (byte) 1));
            Step slow = step(() -> {
                for (int i = 0; i < 4; i++) {
                    stream.fill(memory, 0, 64 << 20, (byte) 2);
                }
            });
            Step broken = step(() -> {
                throw new DeviceException("broken");
            });
            assertThat(Fastest.of(List.of(slow, quick), stream)).isSameAs(quick);
            assertThat(Fastest.of(List.of(quick, broken, slow), stream)).isSameAs(quick);
            assertThat(Fastest.of(List.of(broken, slow), stream)).isSameAs(slow);
            assertThat(Fastest.of(List.of(broken), stream)).isNull();
            stream.synchronize();
        }
    }
}
