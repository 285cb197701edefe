package dev.sagitta.kernel;

import dev.sagitta.device.Launch;
import dev.sagitta.device.Stream;
import java.util.List;

/** Prepared work: one launch, a few in a row, or a call of a vendor's library. Enqueueing it allocates nothing. */
public interface Step extends AutoCloseable {
    void enqueue(Stream stream);

    @Override
    void close();

    /** A single kernel launch. */
    static Step of(Launch launch) {
        return new Step() {
            @Override
            public void enqueue(Stream stream) {
                stream.launch(launch);
            }

            @Override
            public void close() {
                launch.close();
            }
        };
    }

    /** Steps that run in order as one. */
    static Step sequence(List<Step> steps) {
        Step[] all = steps.toArray(Step[]::new);
        return new Step() {
            @Override
            public void enqueue(Stream stream) {
                for (Step step : all) {
                    step.enqueue(stream);
                }
            }

            @Override
            public void close() {
                for (Step step : all) {
                    step.close();
                }
            }
        };
    }
}
