package dev.sagitta.train;

import dev.sagitta.device.Stream;
import dev.sagitta.tensor.Gather;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;

/** The losses of the last steps on the device, so that the host reads them once for several: a download per step would wait for each. */
final class LossRing implements AutoCloseable {
    /** Steps. More would tell of a diverged loss later and save nothing: one wait in sixteen steps is below what can be measured. */
    static final int LENGTH = 16;

    private final Gather losses;
    private final long[] counted = new long[LENGTH];
    private ByteBuffer read;
    private int pending;

    LossRing(Stream stream) {
        this.losses = new Gather(stream, LENGTH * Float.BYTES);
    }

    /** Steps whose loss was not read. */
    int pending() {
        return pending;
    }

    /** Keeps the loss that a program has just been told to compute, and how many targets it is the mean of. */
    void push(Tensor loss, long targets) {
        if (pending == LENGTH) {
            throw new IllegalStateException(
                    "training: " + LENGTH + " steps are under way whose losses were not read; call losses()");
        }
        losses.add(loss);
        counted[pending++] = targets;
    }

    /** Waits for the losses since the last call and says how many there are. */
    int read() {
        int count = pending;
        read = losses.read();
        pending = 0;
        return count;
    }

    /** Loss i of the last {@link #read}. */
    float loss(int i) {
        return read.getFloat(i * Float.BYTES);
    }

    /** Targets that count of loss i of the last {@link #read}. */
    long counted(int i) {
        return counted[i];
    }

    @Override
    public void close() {
        losses.close();
    }
}
