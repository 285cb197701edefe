package dev.sagitta.kernel;

import dev.sagitta.device.Launch;
import dev.sagitta.device.Stream;

/** A single kernel launch. */
public record LaunchStep(Launch launch) implements Step {
    @Override
    public void enqueue(Stream stream) {
        stream.launch(launch);
    }

    @Override
    public void close() {
        launch.close();
    }
}
