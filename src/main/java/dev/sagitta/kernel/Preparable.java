package dev.sagitta.kernel;

import dev.sagitta.device.Device;

/** Work that can be prepared once and enqueued many times: a {@link Descriptor}, or several that belong together. */
@FunctionalInterface
public interface Preparable {
    /** Checks shapes, compiles if need be, and binds. */
    Step prepare(Device device);

    /** Several in a row. */
    static Preparable sequence(Preparable... parts) {
        return device -> Step.sequence(
                java.util.Arrays.stream(parts).map(part -> part.prepare(device)).toList());
    }
}
