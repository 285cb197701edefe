package dev.sagitta.kernel.reduce;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.Tensor;

/** The second launch of a reduction: the results of the chunks of each row, first to last, into one. */
public record ReduceFinish(Reduce.Operation operation, Tensor partials, Tensor out, long chunks)
        implements HandDescriptor {
    @Override
    public String file() {
        return "reduce";
    }

    @Override
    public String entry() {
        return operation.finish();
    }

    @Override
    public void check() {
        new Checks(entry()).open(partials).open(out).elements(partials, 2 * chunks * out.elements());
    }

    @Override
    public Geometry geometry(Device device) {
        return Reduce.geometry(device, new Chunks(1, Long.MAX_VALUE), 4 * chunks, out.elements());
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(partials.buffer())
                .buffer(out.buffer())
                .i64(out.elements())
                .i64(chunks);
    }

    @Override
    public long bytes() {
        return partials.bytes() + out.bytes();
    }

    @Override
    public long flops() {
        return chunks * out.elements();
    }
}
