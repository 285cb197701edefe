package dev.sagitta.graph.pass;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

/**
 * A tensor that a schedule will have: written once, by one task, before it is read (except persistent values, which live outside the
 * arena). Views share the storage of their {@link #root}.
 */
public final class Value {
    private final String name;
    private final DType dtype;
    private final Shape shape;
    private final Value root;
    private final boolean persistent;
    private MemoryCategory category;

    private Value(String name, DType dtype, Shape shape, Value root, boolean persistent, MemoryCategory category) {
        this.name = name;
        this.dtype = dtype;
        this.shape = shape;
        this.root = root == null ? this : root;
        this.persistent = persistent;
        this.category = category;
    }

    /** Lives in the arena from its first write to its last read. */
    public static Value transientValue(String name, DType dtype, Shape shape, MemoryCategory category) {
        return new Value(name, dtype, shape, null, false, category);
    }

    /** Lives as long as the program: inputs, parameters, results. */
    public static Value persistent(String name, DType dtype, Shape shape, MemoryCategory category) {
        return new Value(name, dtype, shape, null, true, category);
    }

    /** The same storage with other extents. */
    public Value view(long... extents) {
        Shape other = Shape.of(extents);
        if (other.elements() != shape.elements()) {
            throw new IllegalArgumentException("value '" + name + "': " + shape + " cannot be viewed as " + other);
        }
        return new Value(name, dtype, other, root, persistent, category);
    }

    /** The same storage with a shape of the caller's. */
    public Value view(Shape other) {
        return view(other.toArray());
    }

    /** [rows, features]: all axes but the last in one. */
    public Value rows() {
        long features = shape.extent(-1);
        return view(elements() / features, features);
    }

    /** [copies, rows, features]: a leading axis of probes, the last axis, and all between in one. */
    public Value rows(long copies) {
        long features = shape.extent(-1);
        return view(copies, elements() / copies / features, features);
    }

    public String name() {
        return name;
    }

    public DType dtype() {
        return dtype;
    }

    public Shape shape() {
        return shape;
    }

    public Value root() {
        return root;
    }

    public boolean isPersistent() {
        return persistent;
    }

    public MemoryCategory category() {
        return root == this ? category : root.category();
    }

    /** Says that this value is kept from the forward to the backward pass. */
    public void markSaved() {
        root.category = MemoryCategory.SAVED_ACTIVATIONS;
    }

    public long elements() {
        return shape.elements();
    }

    public long bytes() {
        return shape.elements() * dtype.bytes();
    }

    @Override
    public String toString() {
        return "value '" + name + "' " + dtype.suffix() + " " + shape;
    }
}
