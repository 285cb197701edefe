package dev.sagitta.device.cuda;

import jcuda.Pointer;

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

    /** The address {@code offset} bytes behind {@code pointer}, without JCuda's Java-side view of the memory. */
    static Pointer offset(Pointer pointer, long offset) {
        return new Address(pointer, offset);
    }
}
