package dev.sagitta.kernel.elementwise;

import dev.sagitta.device.Device;
import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.Tensor;

/** Sets a tensor to zero by the driver's fill. */
public record Zero(Tensor out) implements Preparable {
    @Override
    public Step prepare(Device device) {
        new Checks("zero")
                .require(out != null, "out is missing, expected a tensor")
                .open(out);
        return new Step() {
            @Override
            public void enqueue(Stream stream) {
                stream.fill(out.buffer(), 0, out.bytes(), (byte) 0);
            }

            @Override
            public void close() {}
        };
    }
}
