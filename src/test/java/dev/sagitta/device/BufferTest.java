package dev.sagitta.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.TestDevices;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Memory on every device: what it holds after copies and fills, and what is refused. */
class BufferTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    private static ByteBuffer bytes(int... values) {
        ByteBuffer host = ByteBuffer.allocateDirect(values.length);
        for (int value : values) {
            host.put((byte) value);
        }
        return host.flip();
    }

    private static byte[] read(Stream stream, Buffer buffer) {
        ByteBuffer host = ByteBuffer.allocateDirect((int) buffer.bytes());
        stream.download(host, buffer, 0);
        byte[] values = new byte[host.remaining()];
        host.get(values);
        return values;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void copiesAndFillsTouchExactlyTheirRange(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        try (Buffer a = device.allocate(8, MemoryCategory.DATA, "a");
                Buffer b = device.allocate(8, MemoryCategory.DATA, "b")) {
            stream.upload(a, 0, bytes(1, 2, 3, 4, 5, 6, 7, 8));
            stream.fill(b, 0, 8, (byte) 9);
            stream.copy(b, 2, a, 1, 3);
            assertThat(read(stream, b)).containsExactly(9, 9, 2, 3, 4, 9, 9, 9);
            stream.fill(b, 7, 1, (byte) -1);
            ByteBuffer part = bytes(70, 71, 72);
            part.position(1);
            stream.upload(b, 0, part);
            assertThat(part.position())
                    .as("an upload leaves the position alone")
                    .isEqualTo(1);
            assertThat(read(stream, b)).containsExactly(71, 72, 2, 3, 4, 9, 9, -1);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void slicesShareMemoryAndNest(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        try (Buffer whole = device.allocate(1024, MemoryCategory.DATA, "whole")) {
            stream.fill(whole, 0, 1024, (byte) 0);
            Buffer outer = whole.slice(256, 768, "outer");
            Buffer inner = outer.slice(256, 3, "inner");
            Buffer empty = outer.slice(768, 0, "empty");
            stream.fill(inner, 0, 3, (byte) 7);
            byte[] all = read(stream, whole);
            assertThat(all[511]).isZero();
            assertThat(new byte[] {all[512], all[513], all[514]}).containsExactly(7, 7, 7);
            assertThat(all[515]).isZero();
            assertThat(empty.bytes()).isZero();
            stream.fill(empty, 0, 0, (byte) 1);
            assertThatThrownBy(() -> stream.copy(inner, 0, whole, 513, 3))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("overlap");
            outer.close();
            assertThatThrownBy(() -> inner.slice(0, 1, "late"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("'outer'");
            assertThat(whole.isClosed()).isFalse();
            inner.close();
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void rangesAndHostMemoryAreChecked(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        try (Buffer a = device.allocate(1000, MemoryCategory.DATA, "a")) {
            assertThatThrownBy(() -> stream.fill(a, 990, 11, (byte) 0))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("[990, 990 + 11)")
                    .hasMessageContaining("'a'");
            assertThatThrownBy(() -> stream.fill(a, Long.MAX_VALUE, 2, (byte) 0))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> stream.upload(a, -1, bytes(1))).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> stream.upload(a, 0, ByteBuffer.allocate(4)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("direct");
            assertThatThrownBy(() -> stream.download(bytes(1).asReadOnlyBuffer(), a, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("read-only");
            assertThatThrownBy(() -> a.slice(256, 745, "s"))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("[256, 256 + 745)");
            assertThatThrownBy(() -> a.slice(4, 4, "s"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("multiple of 256");
            assertThatThrownBy(() -> device.allocate(-1, MemoryCategory.DATA, "negative"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'negative'");
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void emptyBuffersWork(String name) {
        Device device = TestDevices.get(name);
        try (Buffer a = device.allocate(0, MemoryCategory.DATA, "a")) {
            device.stream().fill(a, 0, 0, (byte) 1);
            device.stream().upload(a, 0, ByteBuffer.allocateDirect(0));
            assertThat(read(device.stream(), a)).isEmpty();
            assertThat(a.slice(0, 0, "s").bytes()).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void memoryIsCountedByCategoryNowAndAtPeak(String name) {
        try (Device device = TestDevices.openNew(name)) {
            Buffer weights = device.allocate(4096, MemoryCategory.WEIGHTS, "w");
            device.allocate(512, MemoryCategory.WORKSPACE, "t").close();
            MemoryStats stats = device.memory();
            assertThat(stats.currentBytes()).isEqualTo(4096);
            assertThat(stats.peakBytes()).isEqualTo(4608);
            assertThat(stats.peak()).containsEntry(MemoryCategory.WORKSPACE, 512L);
            assertThat(stats.largest()).extracting(MemoryStats.Holder::label).containsExactly("w");
            device.resetMemoryPeak();
            assertThat(device.memory().peakBytes()).isEqualTo(4096);
            weights.close();
            weights.close();
            assertThat(device.memory().currentBytes()).isZero();
        }
    }
}
