package dev.sagitta.graph.op.attention;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Decoding;
import dev.sagitta.graph.op.OfOnePosition;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.attention.AttentionDecode;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * Causal attention of one position at a time, the one that {@link Decoding#position} says, over keys and values that earlier runs left in the node's own
 * memory. What {@code Op.decoding} makes of attention; forward only.
 *
 * @param longest positions at most
 * @param scale of the scores; 0 for 1 / sqrt(d)
 * @param window positions that a query sees, its own included; 0 for all
 * @param rotary how queries and keys are turned, or null
 */
record CachedAttention(
        int heads, int kvHeads, int longest, double scale, int window, RotaryPositions rotary, boolean alibi)
        implements OfOnePosition {

    @Override
    public String type() {
        return "cached_attention";
    }

    /** Elements of a head. */
    private long size(boolean packed, Shape q) {
        return q.extent(-1) / (packed ? heads + 2 * kvHeads : heads);
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        boolean packed = inputs.size() == 1;
        long d = size(packed, inputs.get(0).shape());
        require(inputs.get(0), d * (packed ? heads + 2 * kvHeads : heads));
        if (!packed) {
            require(inputs.get(1), d * kvHeads);
            require(inputs.get(2), d * kvHeads);
        }
        long[] extents = inputs.get(0).shape().toArray();
        extents[extents.length - 1] = d * heads;
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    private static void require(ArrayType input, long width) {
        if (input.dtype() != DType.F32
                || input.shape().elements() != width
                || input.shape().extent(-1) != width) {
            throw new IllegalArgumentException(
                    "attention of one position: an input is " + input + ", expected f32 [1, " + width + "]");
        }
    }

    @Override
    public void forward(Forward f) {
        if (f.batch() != 1) {
            throw new IllegalArgumentException("attention of one position: a batch of " + f.batch() + ", expected 1");
        }
        boolean packed = f.inputs() == 1;
        Value q = f.in(0);
        Value k = packed ? q : f.in(1);
        Value v = packed ? q : f.in(2);
        int d = Math.toIntExact(size(packed, f.input(0).shape()));
        int turned = rotary == null ? 0 : rotary.dims(d);
        Emitter e = f.emitter();
        Shape keyShape = Shape.of(kvHeads, d, longest);
        Shape valueShape = Shape.of(kvHeads, longest, d);
        Value keys = e.persistent(f.name() + ".keys", DType.F32, keyShape, MemoryCategory.WORKSPACE);
        Value values = e.persistent(f.name() + ".values", DType.F32, valueShape, MemoryCategory.WORKSPACE);
        Value position = Decoding.position(e);
        Value turns = rotary == null
                ? null
                : e.constant("turns." + rotary + "." + turned + "." + longest, rotary.table(longest, turned))
                        .view(longest, turned / 2, 2);
        Value slopes = alibi ? e.constant("slopes." + heads, Attention.slopes(heads)) : null;
        Value o = f.out(0);
        AttentionDecode.Layout layout = new AttentionDecode.Layout(
                heads,
                kvHeads,
                d,
                longest,
                0,
                packed ? (long) heads * d : 0,
                packed ? (long) (heads + kvHeads) * d : 0,
                (float) (scale == 0 ? 1 / Math.sqrt(d) : scale),
                window,
                turned,
                rotary != null && !rotary.interleaved());
        f.emit(
                "decode",
                values(q, k, v, position, turns, slopes),
                values(o, keys, values),
                t -> new AttentionDecode(
                        t.tensor(q),
                        t.tensor(k),
                        t.tensor(v),
                        t.tensor(keys),
                        t.tensor(values),
                        t.tensor(position),
                        t.tensor(turns),
                        t.tensor(slopes),
                        t.tensor(o),
                        layout));
    }
}
