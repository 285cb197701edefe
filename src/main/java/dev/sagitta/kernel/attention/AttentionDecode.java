package dev.sagitta.kernel.attention;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * Attention of one new position over caches of keys and values, which it joins; fp32. Which position is read from device memory.
 *
 * @param q queries of all heads from element {@code layout.qFrom} on
 * @param k keys of all kv heads; one packed tensor may be q, k and v
 * @param kCache [kv heads, d, longest], written at the position
 * @param vCache [kv heads, longest, d], likewise
 * @param position i32 [1], 0 to longest - 1
 * @param turns cosines and sines [longest, dims / 2, 2], or null for keys that are not turned
 * @param slopes of ALiBi [heads], or null
 * @param o [heads d]
 */
public record AttentionDecode(
        Tensor q,
        Tensor k,
        Tensor v,
        Tensor kCache,
        Tensor vCache,
        Tensor position,
        Tensor turns,
        Tensor slopes,
        Tensor o,
        Layout layout)
        implements Descriptor {
    /** DECODE_GROUP of the kernel. */
    private static final int GROUP = 256;

    /** DECODE_TILE of the CPU variant. */
    private static final int CPU_TILE = 512;

    /**
     * What of a position is where.
     *
     * @param kvHeads of which {@code heads} is a multiple
     * @param d elements of a head, 1 to 256
     * @param longest positions at most
     * @param window positions that a query sees, its own included; 0 for all
     * @param dims that are turned, even; 0 for none
     * @param halves whether pair c is (c, c + dims / 2), else (2 c, 2 c + 1)
     */
    public record Layout(
            int heads,
            int kvHeads,
            int d,
            int longest,
            long qFrom,
            long kFrom,
            long vFrom,
            float scale,
            int window,
            int dims,
            boolean halves) {}

    @Override
    public Map<String, String> defines(Device device) {
        return Work.onCpu(device) ? Map.of("DECODE_TILE", Integer.toString(CPU_TILE)) : Map.of();
    }

    @Override
    public Signature signature() {
        Layout l = layout;
        long queries = (long) l.heads * l.d;
        long keys = (long) l.kvHeads * l.d;
        Signature s = Signature.of("attention_decode_f32")
                .require(
                        l.kvHeads >= 1 && l.heads >= 1 && l.heads % l.kvHeads == 0,
                        l.heads + " heads over " + l.kvHeads + " of keys and values, expected a multiple")
                .require(l.d >= 1 && l.d <= GROUP, "heads of " + l.d + " elements, expected 1 to " + GROUP)
                .require(l.longest >= 1, "room for " + l.longest + " positions, expected at least 1")
                .require(
                        l.dims % 2 == 0 && l.dims >= 0 && l.dims <= l.d,
                        l.dims + " dimensions are turned, expected an even number up to " + l.d);
        room(s.in("q", q, DType.F32).free(), q, l.qFrom + queries);
        room(s.in("k", k, DType.F32).free(), k, l.kFrom + keys);
        room(s.in("v", v, DType.F32).free(), v, l.vFrom + keys);
        return s.inOut("k_cache", kCache, DType.F32, l.kvHeads, l.d, l.longest)
                .inOut("v_cache", vCache, DType.F32, l.kvHeads, l.longest, l.d)
                .in("position", position, DType.I32, 1)
                .inOrNull("turns", turns, DType.F32)
                .exactly(l.longest, l.dims / 2, 2)
                .inOrNull("slopes", slopes, DType.F32)
                .exactly(l.heads)
                .out("o", o, DType.F32)
                .elements(queries)
                .i32("heads", l.heads)
                .i32("kv_heads", l.kvHeads)
                .i32("d", l.d)
                .i32("longest", l.longest)
                .i64("q_from", l.qFrom)
                .i64("k_from", l.kFrom)
                .i64("v_from", l.vFrom)
                .f32("scale", l.scale)
                .i32("window", l.window)
                .i32("dims", turns == null ? 0 : l.dims)
                .i32("halves", l.halves ? 1 : 0)
                .bytes(4 * (2 * queries + 2 * keys * (l.longest + 1)));
    }

    private static void room(Signature s, Tensor tensor, long least) {
        s.require(
                tensor.elements() >= least,
                tensor + " has " + tensor.elements() + " elements, expected at least " + least);
    }

    @Override
    public Geometry geometry(Device device) {
        return Work.onCpu(device) ? Geometry.linear(layout.kvHeads, 1) : Geometry.linear(layout.heads, GROUP);
    }

    /** Of chains of 256 products each, and of exponentials of their sums. */
    @Override
    public Tolerance tolerance() {
        return new Tolerance(1e-5, 1e-6);
    }

    /** With the caches full. */
    @Override
    public long flops() {
        return 4L * layout.heads * layout.d * layout.longest;
    }
}
