package dev.sagitta.program;

import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Step;
import java.util.List;

/** The steps of a computation; from the second run on CUDA, their graph. */
final class Runner implements AutoCloseable {
    private final Stream stream;
    private final Step[] steps;
    private Recording recording;
    private int runs;

    Runner(Stream stream, List<Step> steps) {
        this.stream = stream;
        this.steps = steps.toArray(Step[]::new);
    }

    void run() {
        // the first run loads modules and creates handles, which a capture may not
        if (runs++ == 0) {
            enqueue();
            return;
        }
        if (recording == null) {
            recording = stream.capture(this::enqueue);
        }
        stream.replay(recording);
    }

    private void enqueue() {
        for (Step step : steps) {
            step.enqueue(stream);
        }
    }

    @Override
    public void close() {
        if (recording != null) {
            recording.close();
        }
        for (Step step : steps) {
            step.close();
        }
    }
}
