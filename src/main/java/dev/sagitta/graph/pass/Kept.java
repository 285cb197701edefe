package dev.sagitta.graph.pass;

import dev.sagitta.kernel.codec.CodecFormat;

/** Something of the forward pass as a later pass finds it. */
public interface Kept {
    /** What was kept, [B, ...]; unpacked if it was packed. */
    Value value();

    /** As it is stored, for a kernel that reads codes itself; null where it is stored as it was. Nothing is unpacked for it. */
    default Codes codes() {
        return null;
    }

    /** The K tangents of what was kept, [K, B, ...], in {@link TangentBackward}, and of an op's own in {@link Curvature}; null for zero. */
    default Value tangent() {
        throw new IllegalStateException("tangents of kept values are read by tangentBackward alone");
    }

    /**
     * A packed value.
     *
     * @param codes u32
     * @param grid two numbers for each group
     */
    record Codes(Value codes, Value grid, CodecFormat format) {}
}
