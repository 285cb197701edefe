package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;

/** The one place where descriptors check tensors, so that every message names kernel, tensor, value and expectation. */
public final class Checks {
    private final String kernel;

    public Checks(String kernel) {
        this.kernel = kernel;
    }

    public Checks dtype(Tensor tensor, DType expected) {
        return require(
                tensor.dtype() == expected,
                tensor + " has dtype " + tensor.dtype().suffix() + ", expected " + expected.suffix());
    }

    public Checks shape(Tensor tensor, long... expected) {
        Shape shape = Shape.of(expected);
        return require(tensor.shape().equals(shape), tensor + " has shape " + tensor.shape() + ", expected " + shape);
    }

    public Checks elements(Tensor tensor, long expected) {
        return require(
                tensor.elements() == expected,
                tensor + " has " + tensor.elements() + " elements, expected " + expected);
    }

    public Checks open(Tensor tensor) {
        return require(!tensor.buffer().isClosed(), tensor + " is closed; allocate it again");
    }

    public Checks on(Device device, Tensor... tensors) {
        for (Tensor tensor : tensors) {
            require(
                    tensor.buffer().device() == device,
                    tensor + " is not on " + device.info().id());
        }
        return this;
    }

    /** Kernels that index with 32 bits. */
    public Checks fitsInt(Tensor tensor) {
        return require(tensor.elements() <= Integer.MAX_VALUE, tensor + " has more than 2^31 - 1 elements; split it");
    }

    public Checks require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(kernel + ": " + problem);
        }
        return this;
    }
}
