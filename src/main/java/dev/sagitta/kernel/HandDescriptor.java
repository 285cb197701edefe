package dev.sagitta.kernel;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.KernelSource;

/** A descriptor that checks and passes its arguments by hand: those that have no {@link Signature} yet. */
public interface HandDescriptor extends Descriptor {
    @Override
    default Signature signature() {
        throw new UnsupportedOperationException(entry() + " has no signature yet");
    }

    @Override
    String file();

    @Override
    String entry();

    @Override
    void check();

    void arguments(Arguments arguments);

    @Override
    long bytes();

    @Override
    default Step prepare(Device device) {
        check();
        Arguments arguments = new Arguments();
        arguments(arguments);
        KernelSource source = new KernelSource(file(), entry(device), defines(device));
        return Step.of(device.prepare(source, geometry(device), arguments));
    }
}
