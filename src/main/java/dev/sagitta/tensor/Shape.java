package dev.sagitta.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/** Extents of a dense row-major tensor, outermost first. A scalar has rank 0. Immutable. */
public final class Shape {
    private final long[] extents;

    private Shape(long[] extents) {
        this.extents = extents;
    }

    /** @throws IllegalArgumentException on a negative extent or more than 2^63 - 1 elements */
    public static Shape of(long... extents) {
        long elements = 1;
        for (long extent : extents) {
            if (extent < 0) {
                throw new IllegalArgumentException(
                        "shape " + Arrays.toString(extents) + ": extents must not be negative");
            }
            try {
                elements = Math.multiplyExact(elements, Math.max(1, extent));
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException(
                        "shape " + Arrays.toString(extents) + ": more elements than 63 bits can count");
            }
        }
        return new Shape(extents.clone());
    }

    public int rank() {
        return extents.length;
    }

    /** The extent of an axis; negative axes count from the last, as -1. */
    public long extent(int axis) {
        return extents[axis < 0 ? extents.length + axis : axis];
    }

    public long elements() {
        long elements = 1;
        for (long extent : extents) {
            elements *= extent;
        }
        return elements;
    }

    public long[] toArray() {
        return extents.clone();
    }

    /** This shape with an axis in front: K probes of it. */
    public Shape prepend(long extent) {
        long[] longer = new long[extents.length + 1];
        longer[0] = extent;
        System.arraycopy(extents, 0, longer, 1, extents.length);
        return of(longer);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(extents, shape.extents);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(extents);
    }

    @Override
    public String toString() {
        return Arrays.stream(extents).mapToObj(Long::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
