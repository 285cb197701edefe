package dev.sagitta.kernel.random;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * Adds 1 to the step of a random state on the device, so that a replayed graph draws new numbers.
 *
 * @param state u32[4] = seed low, seed high, step low, step high; of the step 48 bits count
 */
public record RandomState(Tensor state) implements HandDescriptor {

    public static RandomState advance(Tensor state) {
        return new RandomState(state);
    }

    /** The words of a state, to be uploaded. */
    public static int[] words(long seed, long step) {
        return new int[] {(int) seed, (int) (seed >>> 32), (int) step, (int) (step >>> 32)};
    }

    @Override
    public String file() {
        return "random";
    }

    @Override
    public String entry() {
        return "random_state_advance";
    }

    @Override
    public void check() {
        new Checks(entry()).dtype(state, DType.U32).elements(state, 4);
    }

    @Override
    public Geometry geometry(Device device) {
        return Geometry.linear(1, 1);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(state.buffer());
    }

    @Override
    public long bytes() {
        return 2 * state.bytes();
    }

    @Override
    public long flops() {
        return 0;
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
