package dev.sagitta.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.fixture.CapturedLog;
import dev.sagitta.fixture.DryDevice;
import dev.sagitta.fixture.TestDevices;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Use after close, use from two threads, and what nobody closed. */
class LifetimeTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void closedThingsRefuseToWork(String name) {
        Device device = TestDevices.openNew(name);
        Stream stream = device.newStream("s");
        Relu relu = new Relu(device, 10);
        Launch launch = relu.prepare();
        Launch closed = relu.prepare();
        closed.close();
        closed.close();
        assertThatThrownBy(() -> stream.launch(closed))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("relu_forward_f32");
        assertThatThrownBy(() -> closed.setI64(relu.countArgument(), 1)).isInstanceOf(IllegalStateException.class);
        Buffer slice = relu.y.slice(0, 4, "part");
        relu.y.close();
        assertThatThrownBy(() -> stream.launch(launch))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'y'")
                .hasMessageContaining("prepare the launch again");
        assertThatThrownBy(() -> stream.fill(relu.y, 0, 1, (byte) 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> stream.fill(slice, 0, 1, (byte) 0))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'part'")
                .hasMessageContaining("'y'");
        slice.close();
        stream.close();
        assertThatThrownBy(() -> stream.synchronize())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("stream 's'");
        Event event = device.newEvent();
        Stream second = device.newStream("second");
        device.close();
        device.close();
        assertThatThrownBy(() -> device.allocate(1, MemoryCategory.DATA, "late"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(device.info().id());
        assertThatThrownBy(second::synchronize).isInstanceOf(IllegalStateException.class);
        assertThat(relu.x.isClosed()).as("a buffer of a closed device").isTrue();
        // in any order, and harmless
        event.close();
        second.close();
        launch.close();
        relu.close();
    }

    @Test
    void useFromTwoThreadsAtOnceIsCaught() throws InterruptedException {
        Device device = TestDevices.get(TestDevices.names().get(0));
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        try (Stream slow = new SlowStream(device, inside, leave)) {
            Thread first = new Thread(slow::synchronize, "first-user");
            first.start();
            assertThat(inside.await(10, TimeUnit.SECONDS)).isTrue();
            assertThatThrownBy(slow::synchronize)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("first-user")
                    .hasMessageContaining("its own stream");
            leave.countDown();
            first.join();
            slow.synchronize();
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void oneAfterTheOtherIsAllowed(String name) throws InterruptedException {
        Device device = TestDevices.get(name);
        try (Relu relu = new Relu(device, 100);
                Launch launch = relu.prepare()) {
            Throwable[] failure = new Throwable[1];
            Thread other = new Thread(() -> {
                relu.reset(device.stream());
                device.stream().launch(launch);
                device.stream().synchronize();
            });
            other.setUncaughtExceptionHandler((thread, error) -> failure[0] = error);
            other.start();
            other.join();
            assertThat(failure[0]).isNull();
            assertThat(relu.result(device.stream())).isEqualTo(relu.expected());
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void whatNobodyClosedIsReportedWithItsStack(String name) throws InterruptedException {
        System.setProperty("sagitta.leaks", "trace");
        try (CapturedLog log = new CapturedLog()) {
            Device device = TestDevices.openNew(name);
            forgetABuffer(device);
            for (int i = 0; i < 100 && !log.text().contains("forgotten"); i++) {
                System.gc();
                Thread.sleep(20);
            }
            assertThat(log.text())
                    .contains("buffer 'forgotten' (4242 bytes) was never closed")
                    .contains("forgetABuffer");
            assertThat(log.text()).as("slices hold nothing").doesNotContain("slice");
            assertThat(device.memory().currentBytes())
                    .as("the memory is still taken")
                    .isEqualTo(4242);
            device.close();
            assertThat(log.text()).contains("closed with 4242 bytes still allocated");
        } finally {
            System.clearProperty("sagitta.leaks");
        }
    }

    private static void forgetABuffer(Device device) {
        device.allocate(4242, MemoryCategory.DATA, "forgotten").slice(0, 1, "slice of it");
    }

    /** Holds its caller inside {@link #synchronize}. */
    private static final class SlowStream extends DryDevice.DryStream {
        private final CountDownLatch inside;
        private final CountDownLatch leave;

        SlowStream(Device device, CountDownLatch inside, CountDownLatch leave) {
            super(device, "slow");
            this.inside = inside;
            this.leave = leave;
        }

        @Override
        protected void doSynchronize() {
            inside.countDown();
            try {
                leave.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
