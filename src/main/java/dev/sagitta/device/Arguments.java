package dev.sagitta.device;

import java.util.ArrayList;
import java.util.List;

/** The arguments of a kernel, in the order of its signature: {@link Buffer} (null for a null pointer), Integer, Long or Float. */
public final class Arguments {
    private final List<Object> values = new ArrayList<>();

    /** A pointer; {@code null} passes a null pointer, for optional inputs. */
    public Arguments buffer(Buffer buffer) {
        values.add(buffer);
        return this;
    }

    public Arguments i32(int value) {
        values.add(value);
        return this;
    }

    /** For {@code u32} parameters. */
    public Arguments u32(long value) {
        if (value < 0 || value > 0xFFFF_FFFFL) {
            throw new IllegalArgumentException(
                    "argument " + values.size() + ": " + value + " does not fit in 32 unsigned bits");
        }
        values.add((int) value);
        return this;
    }

    public Arguments i64(long value) {
        values.add(value);
        return this;
    }

    public Arguments f32(float value) {
        values.add(value);
        return this;
    }

    public List<Object> values() {
        return values;
    }
}
