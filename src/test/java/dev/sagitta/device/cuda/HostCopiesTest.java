package dev.sagitta.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.CapturedLog;
import dev.sagitta.fixture.HeapMeter;
import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Copies between host and device by way of page-locked slots: every byte arrives, and no other. */
class HostCopiesTest {
    private static final int SMALL = HostCopies.SMALL;
    private static final int LARGE = HostCopies.LARGE;
    private static final int GUARD = 64;

    private static Device device;

    @BeforeAll
    static void open() {
        assumeTrue(TestDevices.names().contains("cuda"), "no CUDA device, not even a simulated one");
        device = TestDevices.openNew("cuda");
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    /** One byte, about a slot, about whole rings, and so much that threads share the work. */
    static IntStream sizes() {
        return IntStream.of(
                1,
                3,
                SMALL - 1,
                SMALL,
                SMALL + 1,
                LARGE - 1,
                LARGE,
                LARGE + 1,
                2 * LARGE,
                5 * LARGE + 1,
                9 * LARGE + 3);
    }

    private static ByteBuffer random(int bytes, long seed) {
        byte[] values = new byte[bytes];
        new Random(seed).nextBytes(values);
        return ByteBuffer.allocateDirect(bytes).put(values).flip();
    }

    private static void assertRoundTrip(Stream stream, int bytes, int hostOffset, int deviceOffset) {
        ByteBuffer source =
                random(bytes + 2 * GUARD, bytes).position(hostOffset).limit(hostOffset + bytes);
        ByteBuffer target = random(bytes + 2 * GUARD, ~bytes);
        ByteBuffer before = ByteBuffer.allocate(target.capacity()).put(target.duplicate());
        try (Buffer memory = device.allocate(bytes + 2 * GUARD, MemoryCategory.DATA, "memory")) {
            stream.fill(memory, 0, memory.bytes(), (byte) 0x5A);
            stream.upload(memory, deviceOffset, source.asReadOnlyBuffer());
            assertThat(source.remaining()).isEqualTo(bytes);
            target.position(hostOffset).limit(hostOffset + bytes);
            stream.download(target, memory, deviceOffset);
            assertThat(target.mismatch(source)).isEqualTo(-1);
            assertThat(target.position()).isEqualTo(hostOffset);
            target.clear();
            for (int i = 0; i < hostOffset; i++) {
                assertThat(target.get(i)).isEqualTo(before.get(i));
            }
            for (int i = hostOffset + bytes; i < target.limit(); i++) {
                assertThat(target.get(i)).isEqualTo(before.get(i));
            }
            ByteBuffer all = ByteBuffer.allocateDirect(bytes + 2 * GUARD);
            stream.download(all, memory, 0);
            for (int i = 0; i < GUARD; i++) {
                if (i < deviceOffset) {
                    assertThat(all.get(i)).isEqualTo((byte) 0x5A);
                }
                assertThat(all.get(all.limit() - 1 - i)).isEqualTo((byte) 0x5A);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("sizes")
    void everyByteArrivesAndNoOther(int bytes) {
        assertRoundTrip(device.stream(), bytes, 0, 0);
        assertRoundTrip(device.stream(), bytes, 5, 3);
        assertRoundTrip(device.stream(), bytes, GUARD, GUARD);
    }

    /** More uploads than there are slots, behind work that keeps the device busy: a slot is not written again before it was read. */
    @Test
    void slotsWaitForTheCopiesBeforeThem() {
        int count = 23;
        Buffer[] targets = new Buffer[count];
        try (Stream stream = device.newStream("busy");
                Buffer a = device.allocate(64 << 20, MemoryCategory.DATA, "a");
                Buffer b = device.allocate(64 << 20, MemoryCategory.DATA, "b")) {
            stream.fill(a, 0, a.bytes(), (byte) 1);
            for (int i = 0; i < 4; i++) {
                stream.copy(b, 0, a, 0, a.bytes());
            }
            ByteBuffer host = ByteBuffer.allocateDirect(SMALL + SMALL);
            for (int i = 0; i < count; i++) {
                int bytes = i % 3 == 0 ? SMALL + SMALL : 1000 + i;
                host.clear();
                targets[i] = device.allocate(bytes, MemoryCategory.DATA, "target");
                for (int j = 0; j < bytes; j++) {
                    host.put(j, (byte) (i + 3 * j));
                }
                stream.upload(targets[i], 0, host.limit(bytes));
            }
            for (int i = 0; i < count; i++) {
                host.clear().limit((int) targets[i].bytes());
                stream.download(host, targets[i], 0);
                for (int j = 0; j < host.limit(); j++) {
                    if (host.get(j) != (byte) (i + 3 * j)) {
                        throw new AssertionError("upload " + i + ", byte " + j + ": " + host.get(j));
                    }
                }
                targets[i].close();
            }
        }
    }

    @Test
    void aCopyOfOneSlotAllocatesNothing() {
        Stream stream = device.stream();
        ByteBuffer few = ByteBuffer.allocateDirect(4);
        ByteBuffer many = ByteBuffer.allocateDirect(SMALL + 4);
        try (Buffer memory = device.allocate(SMALL + 4, MemoryCategory.DATA, "memory")) {
            assertThat(HeapMeter.bytes(() -> {
                        stream.upload(memory, 0, few);
                        stream.download(few, memory, 0);
                        stream.upload(memory, 0, many);
                        stream.download(many, memory, 0);
                    }))
                    .isZero();
        }
    }

    private static void assumeSimulated() {
        assumeTrue(SimulatedFaults.available(device.info()), "a real driver");
    }

    @Tag("simcuda")
    @Test
    void withoutPageLockedMemoryTheDriverCopies() {
        assumeSimulated();
        // of its own, so that no block of an earlier stream is left
        try (Device fresh = TestDevices.openNew("cuda");
                Buffer target = fresh.allocate(5, MemoryCategory.DATA, "target");
                SimulatedFaults faults = new SimulatedFaults();
                CapturedLog log = new CapturedLog()) {
            faults.failAllocation(1);
            ByteBuffer source = random(5, 1);
            fresh.stream().upload(target, 0, source);
            ByteBuffer result = ByteBuffer.allocateDirect(7).position(1).limit(6);
            fresh.stream().download(result, target, 0);
            assertThat(result.mismatch(source)).isEqualTo(-1);
            assertThat(log.text())
                    .containsOnlyOnce("copies between host and device are slower than they could be")
                    .contains("cuMemAllocHost of 262144 bytes");
        }
    }

    @Tag("simcuda")
    @Test
    void theSlotsOfAClosedStreamServeTheNext() {
        assumeSimulated();
        for (int bytes : new int[] {1, SMALL + 1}) {
            try (Stream first = device.newStream("first")) {
                assertRoundTrip(first, bytes, 0, 0);
            }
            try (Stream second = device.newStream("second");
                    Buffer memory = device.allocate(bytes, MemoryCategory.DATA, "memory");
                    SimulatedFaults faults = new SimulatedFaults();
                    CapturedLog log = new CapturedLog()) {
                faults.failAllocation(1);
                second.upload(memory, 0, ByteBuffer.allocateDirect(bytes));
                second.download(ByteBuffer.allocateDirect(bytes), memory, 0);
                assertThat(log.text()).doesNotContain("slower");
            }
        }
    }
}
