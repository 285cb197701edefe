package dev.sagitta.kernel.attention;

import dev.sagitta.kernel.Signature;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * What all entries of attention are told, beside their tensors. Element (b, i, h, c) of the queries is element {@code qFrom + (b t + i) qRow + h d + c} of
 * their tensor; keys and values likewise, with s in place of t and kv head h / (heads / kvHeads). So queries, keys and values may lie in one packed tensor.
 * Tangents and gradients of each have its layout, with the copies in front.
 *
 * @param batch examples
 * @param heads of queries, a multiple of {@code kvHeads}
 * @param t queries of an example
 * @param s keys of an example; the last query stands at the last key
 * @param d elements of a head, 1 to {@link #LARGEST_HEAD}
 * @param qRow elements from one row of queries to the next
 * @param scale of the scores
 * @param causal whether a query sees no key behind its own place
 * @param window keys a query sees, its own place included; 0 for all; to both sides where not causal
 * @param dropout share of the probabilities that are dropped; 0 for none, and then no random state is needed
 * @param stream of random numbers
 */
public record AttentionProblem(
        int batch,
        int heads,
        int kvHeads,
        int t,
        int s,
        int d,
        long qFrom,
        long kFrom,
        long vFrom,
        long qRow,
        long kRow,
        long vRow,
        float scale,
        boolean causal,
        int window,
        float dropout,
        int stream) {
    /** Elements of a head at most. */
    public static final int LARGEST_HEAD = 256;

    /** Queries, keys and values in tensors of their own. */
    public static AttentionProblem of(int batch, int heads, int kvHeads, int t, int s, int d) {
        long kv = (long) kvHeads * d;
        float scale = (float) (1 / Math.sqrt(d));
        return new AttentionProblem(
                batch, heads, kvHeads, t, s, d, 0, 0, 0, (long) heads * d, kv, kv, scale, false, 0, 0, 0);
    }

    /** In one tensor [batch, t, (heads + 2 kvHeads) d]. */
    public AttentionProblem packed() {
        long q = (long) heads * d;
        long kv = (long) kvHeads * d;
        long row = q + 2 * kv;
        return new AttentionProblem(
                batch, heads, kvHeads, t, s, d, 0, q, q + kv, row, row, row, scale, causal, window, dropout, stream);
    }

    /** Queries and keys in tensors of their own, values where they are. */
    public AttentionProblem turned() {
        long q = (long) heads * d;
        long kv = (long) kvHeads * d;
        return new AttentionProblem(
                batch, heads, kvHeads, t, s, d, 0, 0, vFrom, q, kv, vRow, scale, causal, window, dropout, stream);
    }

    public AttentionProblem scaled(float by) {
        return new AttentionProblem(
                batch, heads, kvHeads, t, s, d, qFrom, kFrom, vFrom, qRow, kRow, vRow, by, causal, window, dropout,
                stream);
    }

    public AttentionProblem seeing(boolean onlyBefore, int atMost) {
        return new AttentionProblem(
                batch, heads, kvHeads, t, s, d, qFrom, kFrom, vFrom, qRow, kRow, vRow, scale, onlyBefore, atMost,
                dropout, stream);
    }

    public AttentionProblem dropping(float share, int ofStream) {
        return new AttentionProblem(
                batch, heads, kvHeads, t, s, d, qFrom, kFrom, vFrom, qRow, kRow, vRow, scale, causal, window, share,
                ofStream);
    }

    /** Elements of a tensor that holds queries, of one copy. */
    long queries() {
        return (long) batch * t * qRow;
    }

    long keys() {
        return (long) batch * s * kRow;
    }

    long values() {
        return (long) batch * s * vRow;
    }

    /** Elements of o. */
    long outputs() {
        return (long) batch * t * heads * d;
    }

    /** Rows of probabilities. */
    long rows() {
        return (long) batch * heads * t;
    }

    /** Pairs of a query and a key that sees it, over all heads; without regard to lengths. */
    long pairs() {
        long pairs = 0;
        for (long i = 0; i < t; i++) {
            long place = i + s - t;
            long last = causal ? Math.min(place, s - 1L) : window > 0 ? Math.min(place + window, s) - 1L : s - 1L;
            long first = window > 0 ? Math.max(0, place - window + 1) : 0;
            pairs += Math.max(0, last - first + 1);
        }
        return pairs * batch * heads;
    }


    Signature check(Signature s0) {
        boolean extents = batch >= 1 && heads >= 1 && kvHeads >= 1 && t >= 1 && s >= 1;
        return s0.require(
                        extents,
                        "batch " + batch + ", heads " + heads + ", key and value heads " + kvHeads + ", queries " + t
                                + ", keys " + s + "; expected each to be at least 1")
                .require(
                        heads % Math.max(1, kvHeads) == 0,
                        heads + " heads over " + kvHeads + " of keys and values; expected a multiple")
                .require(
                        d >= 1 && d <= LARGEST_HEAD,
                        "heads of " + d + " elements; expected 1 to " + LARGEST_HEAD)
                .require(window >= 0, "window " + window + "; expected 0 for none, or more")
                .require(dropout >= 0 && dropout < 1, "dropout " + dropout + "; expected 0 <= p < 1");
    }

    /** The inputs that all passes over scores have. */
    Signature inputs(String entry, Inputs in) {
        return check(Signature.of(entry))
                .in("q", in.q(), DType.F32)
                .elements(queries())
                .in("k", in.k(), DType.F32)
                .elements(keys())
                .in("v", in.v(), DType.F32)
                .elements(values())
                .inOrNull("lengths", in.lengths(), DType.I32)
                .elements(batch)
                .inOrNull("slopes", in.slopes(), DType.F32)
                .elements(heads)
                .inOrNull("random", in.random(), DType.U32)
                .elements(4)
                .require(dropout == 0 || in.random() != null, "random is missing, dropout needs the state of counters");
    }

    Signature end(Signature signature, int copies) {
        return signature
                .require(copies >= 1, copies + " copies; expected at least 1")
                .i32("batch", batch)
                .i32("heads", heads)
                .i32("kv_heads", kvHeads)
                .i32("t", t)
                .i32("s", s)
                .i32("d", d)
                .i64("q_from", qFrom)
                .i64("k_from", kFrom)
                .i64("v_from", vFrom)
                .i64("q_row", qRow)
                .i64("k_row", kRow)
                .i64("v_row", vRow)
                .f32("scale", scale)
                .i32("causal", causal ? 1 : 0)
                .i32("window", window)
                .f32("dropout", dropout)
                .u32("stream", Integer.toUnsignedLong(stream))
                .i32("copies", copies);
    }

    /** Bytes of queries, keys and values, each read or written once, in so many copies. */
    long operandBytes(long copies) {
        return 4 * copies * (outputs() + 2L * batch * s * kvHeads * d);
    }

    /**
     * The tensors that all passes over scores read.
     *
     * @param q f32, as {@link AttentionProblem} says; k and v likewise, perhaps the same tensor
     * @param lengths i32 [batch], keys that count in each example; null for all
     * @param slopes f32 [heads], what a score gains for each place its key lies further on; null for nothing
     * @param random u32 [4], the state of the random counters; null where nothing is dropped
     */
    public record Inputs(Tensor q, Tensor k, Tensor v, Tensor lengths, Tensor slopes, Tensor random) {}
}
