package dev.sagitta.kernel.norm;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;

/** A family class whose name has two words. */
public final class RmsNormToy {
    private RmsNormToy() {}

    /** An entry of it. */
    public record Forward() implements Descriptor {
        @Override
        public Signature signature() {
            return Signature.of("rms_norm_toy_forward_f32");
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(1, 1);
        }
    }
}
