package dev.sagitta.device.cuda;

import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUstream;

/** Reads the number in a JCuda pointer, which JCuda shows to subclasses only; and a pointer to an address that we have computed. */
final class Address extends Pointer {
    private Address(Pointer pointer) {
        super(pointer);
    }

    private Address(Pointer pointer, long offset) {
        super(pointer, offset);
    }

    static long of(Pointer pointer) {
        Address address = new Address(pointer);
        return address.getNativePointer() + address.getByteOffset();
    }

    /** Of what the driver or the program that we are linked into made. */
    static long of(CUstream stream) {
        return new StreamAddress(stream).value();
    }

    private static final class StreamAddress extends NativePointerObject {
        StreamAddress(CUstream stream) {
            super(stream);
        }

        long value() {
            return getNativePointer();
        }
    }

    /** The address {@code offset} bytes behind {@code pointer}, without JCuda's Java-side view of the memory. */
    static Pointer offset(Pointer pointer, long offset) {
        return new Address(pointer, offset);
    }
}
