package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;

/** The one place where descriptors check tensors, so that every message names kernel, tensor, value and expectation. */
final class Checks {
    private final String kernel;

    Checks(String kernel) {
        this.kernel = kernel;
    }

    Checks dtype(Tensor tensor, DType expected) {
        return require(
                tensor.dtype() == expected,
                tensor + " has dtype " + tensor.dtype().suffix() + ", expected " + expected.suffix());
    }

    Checks shape(Tensor tensor, long... expected) {
        Shape shape = Shape.of(expected);
        return require(tensor.shape().equals(shape), tensor + " has shape " + tensor.shape() + ", expected " + shape);
    }

    Checks elements(Tensor tensor, long expected) {
        return require(
                tensor.elements() == expected,
                tensor + " has " + tensor.elements() + " elements, expected " + expected);
    }

    Checks open(Tensor tensor) {
        return require(!tensor.buffer().isClosed(), tensor + " is closed; allocate it again");
    }

    Checks on(Device device, Tensor... tensors) {
        for (Tensor tensor : tensors) {
            require(
                    tensor.buffer().device() == device,
                    tensor + " is not on " + device.info().id());
        }
        return this;
    }

    /** Kernels that index with 32 bits. */
    Checks fitsInt(Tensor tensor) {
        return require(tensor.elements() <= Integer.MAX_VALUE, tensor + " has more than 2^31 - 1 elements; split it");
    }

    Checks require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(kernel + ": " + problem);
        }
        return this;
    }
}
