package dev.sagitta.device;

/** Slices that start where {@link Buffer#slice} allows none, as foreign memory may: for kernels that read 16 bytes at a time. */
public final class ShiftedSlice {
    private ShiftedSlice() {}

    /** {@code length} bytes of {@code parent} from any byte on that the element type allows. */
    public static Buffer of(Buffer parent, long offset, long length, String label) {
        return parent.sliceOf(offset, length, label);
    }
}
