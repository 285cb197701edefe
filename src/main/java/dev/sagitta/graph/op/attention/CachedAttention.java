package dev.sagitta.graph.op.attention;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Decoding;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.attention.AttentionDecode;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/**
 * Causal attention of one position at a time, the one that {@link Decoding#position} says, over keys and values that earlier runs left in the node's own
 * memory. What {@link Op#decoding} makes of attention; forward only.
 *
 * @param d elements of a head
 * @param longest positions at most
 * @param window positions that a query sees, its own included; 0 for all
 * @param rotary how queries and keys are turned, or null
 * @param slopes of ALiBi, one per head, or null
 */
public record CachedAttention(
        int heads, int kvHeads, int d, int longest, float scale, int window, Rotary rotary, List<Float> slopes)
        implements Op {

    /**
     * Rotary positions: pair c of a head is turned by position times {@code frequencies[c]}.
     *
     * @param halves whether pair c is (c, c + dims / 2), else (2 c, 2 c + 1)
     */
    public record Rotary(List<Double> frequencies, boolean halves) {
        private int dims() {
            return 2 * frequencies.size();
        }

        private float[] turns(int longest) {
            float[] turns = new float[longest * dims()];
            for (int p = 0, i = 0; p < longest; p++) {
                for (double frequency : frequencies) {
                    turns[i++] = (float) Math.cos(p * frequency);
                    turns[i++] = (float) Math.sin(p * frequency);
                }
            }
            return turns;
        }
    }

    @Override
    public String type() {
        return "cached_attention";
    }

    private long queries() {
        return (long) heads * d;
    }

    private long keys() {
        return (long) kvHeads * d;
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        boolean packed = inputs.size() == 1;
        require(inputs.get(0), packed ? queries() + 2 * keys() : queries());
        if (!packed) {
            require(inputs.get(1), keys());
            require(inputs.get(2), keys());
        }
        long[] extents = inputs.get(0).shape().toArray();
        extents[extents.length - 1] = queries();
        return List.of(ArrayType.f32(Shape.of(extents)));
    }

    private static void require(ArrayType input, long width) {
        long[] extents = input.shape().toArray();
        if (input.dtype() != DType.F32
                || extents.length < 1
                || extents[extents.length - 1] != width
                || Arrays.stream(extents).reduce(1, (a, b) -> a * b) != width) {
            throw new IllegalArgumentException("attention of one position: an input is " + input.dtype().suffix() + " "
                    + input.shape() + ", expected f32 [1, " + width + "]");
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
        Emitter e = f.emitter();
        Shape keyShape = Shape.of(kvHeads, d, longest);
        Shape valueShape = Shape.of(kvHeads, longest, d);
        Value keys = e.persistent(f.name() + ".keys", DType.F32, keyShape, MemoryCategory.WORKSPACE);
        Value values = e.persistent(f.name() + ".values", DType.F32, valueShape, MemoryCategory.WORKSPACE);
        Value position = Decoding.position(e);
        Value turns = rotary == null
                ? null
                : e.constant("turns." + rotary.hashCode() + "." + longest, rotary.turns(longest))
                        .view(longest, rotary.dims() / 2, 2);
        Value alibi = slopes == null ? null : e.constant("slopes." + slopes.hashCode(), floats(slopes));
        Value o = f.out(0);
        AttentionDecode.Layout layout = new AttentionDecode.Layout(
                heads,
                kvHeads,
                d,
                longest,
                0,
                packed ? queries() : 0,
                packed ? queries() + keys() : 0,
                scale,
                window,
                rotary == null ? 0 : rotary.dims(),
                rotary != null && rotary.halves());
        f.emit(
                "decode",
                values(q, k, v, position, turns, alibi),
                values(o, keys, values),
                t -> new AttentionDecode(
                        t.tensor(q),
                        t.tensor(k),
                        t.tensor(v),
                        t.tensor(keys),
                        t.tensor(values),
                        t.tensor(position),
                        t.tensor(turns),
                        t.tensor(alibi),
                        t.tensor(o),
                        layout));
    }

    private static float[] floats(List<Float> list) {
        float[] array = new float[list.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = list.get(i);
        }
        return array;
    }

    @Override
    public void backward(Backward b) {
        throw forwardOnly();
    }

    @Override
    public void tangent(Tangent t) {
        throw forwardOnly();
    }

    @Override
    public void tangentBackward(TangentBackward b) {
        throw forwardOnly();
    }

    private static UnsupportedOperationException forwardOnly() {
        return new UnsupportedOperationException("a network of one position at a time is forward only;"
                + " take gradients and curvature of the network that it was made from");
    }
}
