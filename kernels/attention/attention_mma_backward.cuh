/* The passes of attention/attention_mma.cu that go backwards: gradients, their tangents, and curvature. */
#ifndef SG_ATTENTION_ATTENTION_MMA_BACKWARD_CUH
#define SG_ATTENTION_ATTENTION_MMA_BACKWARD_CUH

#include "attention/attention_mma_pass.cuh"

/* What backward and tangent_backward read and write, beside the problem. TANGENT: results are the tangents of the gradients. */
struct AttentionGradients {
    const f32 *lse, *mu, *delta, *delta_t, *d_o, *qt, *kt, *vt, *d_ot;
    f32 *dq, *dk, *dv;
};

/* Numbers of the queries of another tile, in shared memory, one tile ahead as operands are: lse (in units of log 2), delta and with
   TANGENT mu and delta_t. */
template <int COUNT, int R>
struct AttentionStatistics {
    static constexpr int BYTES = 2 * COUNT * R * 4;
    static __device__ __forceinline__ void fetch(f32 *memory, const f32 *const (&from)[COUNT], i32 first, i32 t) {
        const i32 i = (i32)threadIdx.x;
        if (i >= R) return;
#pragma unroll
        for (i32 q = 0; q < COUNT; q++) {
            const bool inside = first + i < t;
            ptx_cp_async_4(memory + (COUNT + q) * R + i, inside ? from[q] + first + i : from[q], inside ? 4 : 0);
        }
    }
    static __device__ __forceinline__ void take(f32 *memory) {
        const i32 i = (i32)threadIdx.x;
        if (i >= R) return;
#pragma unroll
        for (i32 q = 0; q < COUNT; q++) memory[q * R + i] = (q == 0 ? ATTENTION_MMA_LOG2E : 1.0f) * memory[(COUNT + q) * R + i];
    }
};

/* One tile of 64 own rows: BY_KEYS dK and dV of keys, from the queries that see them, of all heads that share them, one head after the other; else dQ of queries.
   Own A, F and their tangents, other B, G and theirs: Q, dO and K, V by row, K, V and Q, dO by key. Then S = A B', dP = F G', and

     acc     dS B,  with TANGENT  dSt B + dS Bt           acc_v (BY_KEYS)   (P M) G,  with TANGENT  (Pt M) G + (P M) Gt

   Shared memory: A, F, At, Ft, then tiles of B, G, Bt, Gt, then statistics. */
template <class Format, int D, bool BY_KEYS, bool TANGENT>
SG_FN void attention_mma_gradients(const AttentionMma &p, const AttentionGradients &x, const AttentionPart &at, unsigned char *memory) {
    constexpr int OPERANDS = TANGENT ? 4 : 2, COUNT = TANGENT ? 4 : 2;
    typedef AttentionTile<Format, D, ATTENTION_MMA_OWN> Own;
    typedef AttentionOthers<Format, D, OPERANDS, BY_KEYS> Others;
    constexpr int R = Others::R, N = R / 8, UNROLL = TANGENT ? 2 : 4; /* registers have no room for more */
    typedef AttentionStatistics<COUNT, R> Statistics;
    unsigned char *own_a = memory, *own_f = memory + Own::BYTES, *own_at = memory + 2 * Own::BYTES, *own_ft = memory + 3 * Own::BYTES;
    unsigned char *others = memory + OPERANDS * Own::BYTES;
    f32 *statistics = reinterpret_cast<f32 *>(others + Others::BYTES);
    const i32 per = p.heads / p.kv_heads, kv = BY_KEYS ? at.head : at.head / per, head0 = BY_KEYS ? at.head * per : at.head;
    const i32 o_copy = TANGENT ? 0 : at.copy, own_rows = BY_KEYS ? p.length(at.b) : p.t, other_rows = BY_KEYS ? p.t : p.length(at.b);
    AttentionDrop drop;
    drop.start(p);
    i32 from, to;
    if (BY_KEYS) attention_rows(p.t, p.s, p.causal, p.window, p.length(at.b), at.first, ATTENTION_MMA_OWN, &from, &to);
    else attention_keys(p.t, p.s, p.causal, p.window, p.length(at.b), at.first, ATTENTION_MMA_OWN, &from, &to);
    const i32 tiles = (to - from + R - 1) / R, rounds = tiles * (BY_KEYS ? per : 1);

    auto fetch = [&](i32 round) {
        const i32 b = ptx_opaque(at.b); /* else all addresses of the next tile wait in registers */
        const i32 head = head0 + round / tiles, first = from + round % tiles * R;
        AttentionRows rows[OPERANDS];
        rows[0] = BY_KEYS ? p.queries(p.q, 0, b, head) : p.keys(p.k, 0, b, kv);
        rows[1] = BY_KEYS ? p.outputs(x.d_o, o_copy, b, head) : p.values(p.v, 0, b, kv);
        if (TANGENT) {
            rows[OPERANDS - 2] = BY_KEYS ? p.queries(x.qt, at.copy, b, head) : p.keys(x.kt, at.copy, b, kv);
            rows[OPERANDS - 1] = BY_KEYS ? p.outputs(x.d_ot, at.copy, b, head) : p.values(x.vt, at.copy, b, kv);
        }
        Others::fetch(others, rows, first, other_rows, p.d);
        if (BY_KEYS) {
            const i64 one = p.statistics(0, b, head), copy = p.statistics(at.copy, b, head);
            const f32 *sources[COUNT];
            sources[0] = x.lse + one;
            sources[1] = x.delta + (TANGENT ? one : copy);
            if (TANGENT) sources[COUNT - 2] = x.mu + copy, sources[COUNT - 1] = x.delta_t + copy;
            Statistics::fetch(statistics, sources, first, p.t);
        }
    };
    AttentionLane lane;
    lane.start(at.first, 0);
    AttentionStatistic lse, delta, mu, delta_t;
    lse.others = statistics, delta.others = statistics + R, mu.others = statistics + 2 * R, delta_t.others = statistics + 3 * R;
    if (!BY_KEYS) {
        const i64 one = p.statistics(0, at.b, head0), copy = p.statistics(at.copy, at.b, head0);
        lse.load(x.lse + one, lane.own, p.t, ATTENTION_MMA_LOG2E);
        delta.load(x.delta + (TANGENT ? one : copy), lane.own, p.t);
        if (TANGENT) {
            mu.load(x.mu + copy, lane.own, p.t);
            delta_t.load(x.delta_t + copy, lane.own, p.t);
        }
    }
    f32 acc[D / 8][4], acc_v[BY_KEYS ? D / 8 : 1][4];
    attention_mma_zero(acc);
    attention_mma_zero(acc_v);
#pragma unroll 1
    for (i32 round = -1; round < rounds; round++) { /* the first time only to ask for a tile */
        if (round >= 0) {
            ptx_cp_async_wait_all();
            __syncthreads(); /* nobody reads the tiles before any more */
            Others::round(others);
            if (BY_KEYS) Statistics::take(statistics);
            __syncthreads();
        }
        if (round + 1 < rounds) fetch(round + 1);
        ptx_cp_async_commit();
        if (round < 0) {
            Own::load(own_a, BY_KEYS ? p.keys(p.k, 0, at.b, kv) : p.queries(p.q, 0, at.b, head0), at.first, own_rows, p.d);
            Own::load(own_f, BY_KEYS ? p.values(p.v, 0, at.b, kv) : p.outputs(x.d_o, o_copy, at.b, head0), at.first, own_rows, p.d);
            if (TANGENT) {
                Own::load(own_at, BY_KEYS ? p.keys(x.kt, at.copy, at.b, kv) : p.queries(x.qt, at.copy, at.b, head0), at.first, own_rows, p.d);
                Own::load(own_ft, BY_KEYS ? p.values(x.vt, at.copy, at.b, kv) : p.outputs(x.d_ot, at.copy, at.b, head0), at.first, own_rows, p.d);
            }
            continue;
        }
        const i32 now = ptx_opaque(round), head = head0 + now / tiles, first = from + now % tiles * R;
        const unsigned char *b = Others::tile(others, 0), *g = Others::tile(others, 1), *bt = Others::tile(others, 2), *gt = Others::tile(others, 3);
        AttentionSight sight;
        sight.start(p, at.b, head);
        lane.start(at.first, first);
        const bool all = BY_KEYS ? sight.all(first, R, at.first, ATTENTION_MMA_OWN) : sight.all(at.first, ATTENTION_MMA_OWN, first, R);
        f32 w[N][4], ds[N][4];
        attention_mma_zero(w);
        attention_mma_scores<Format, D, R, UNROLL>(w, own_a, b);
        if (!TANGENT) {
            attention_mma_zero(ds);
            attention_mma_scores<Format, D, R, UNROLL>(ds, own_f, g);
        }
        attention_mma_probabilities<BY_KEYS>(w, sight, lane, all, lse);
        drop.draw<BY_KEYS, N>(p, p.statistics(0, at.b, head), lane);
        if (TANGENT) {
            f32 r[N][4], dst[N][4];
            attention_mma_zero(r);
            attention_mma_scores<Format, D, R, UNROLL>(r, own_at, b);
            attention_mma_scores<Format, D, R, UNROLL>(r, own_a, bt);
            ATTENTION_MMA_EACH(N) r[n][e] = w[n][e] * (p.scale * r[n][e] - mu.at<BY_KEYS>(n, e));
            if constexpr (BY_KEYS) { /* before there are more scores: registers */
                if (x.dv != 0) {
                    ATTENTION_MMA_EACH(N) dst[n][e] = r[n][e];
                    drop.apply(dst);
                    attention_mma_weigh<Format, D, R>(acc_v, dst, g);
                    ATTENTION_MMA_EACH(N) dst[n][e] = w[n][e];
                    drop.apply(dst);
                    if (x.d_ot != 0) attention_mma_weigh<Format, D, R>(acc_v, dst, gt);
                }
            }
            attention_mma_zero(ds);
            attention_mma_scores<Format, D, R, UNROLL>(ds, own_f, g);
            attention_mma_zero(dst);
            attention_mma_scores<Format, D, R, UNROLL>(dst, own_ft, g);
            attention_mma_scores<Format, D, R, UNROLL>(dst, own_f, gt);
            drop.apply(ds);
            drop.apply(dst);
            ATTENTION_MMA_EACH(N) {
                const f32 over = ds[n][e] - delta.at<BY_KEYS>(n, e);
                dst[n][e] = r[n][e] * over + w[n][e] * (dst[n][e] - delta_t.at<BY_KEYS>(n, e));
                ds[n][e] = w[n][e] * over;
            }
            if (!BY_KEYS || x.dk != 0) {
                attention_mma_weigh<Format, D, R>(acc, dst, b);
                if (BY_KEYS ? x.qt != 0 : x.kt != 0) attention_mma_weigh<Format, D, R>(acc, ds, bt);
            }
        } else {
            drop.apply(ds);
            ATTENTION_MMA_EACH(N) ds[n][e] = w[n][e] * (ds[n][e] - delta.at<BY_KEYS>(n, e));
            drop.apply(w);
            if constexpr (BY_KEYS) {
                if (x.dv != 0) attention_mma_weigh<Format, D, R>(acc_v, w, g);
            }
            if (!BY_KEYS || x.dk != 0) attention_mma_weigh<Format, D, R>(acc, ds, b);
        }
    }

    const f32 factor[2] = {p.scale, p.scale}, one[2] = {1.0f, 1.0f};
    if constexpr (BY_KEYS) {
        if (x.dk != 0) attention_mma_store<D>(acc, factor, p.keys(x.dk, at.copy, at.b, kv), at.first, p.s, p.d);
        if (x.dv != 0) attention_mma_store<D>(acc_v, one, p.values(x.dv, at.copy, at.b, kv), at.first, p.s, p.d);
    } else {
        attention_mma_store<D>(acc, factor, p.queries(x.dq, at.copy, at.b, at.head), at.first, p.t, p.d);
    }
}

/* First the blocks of dQ, where it is wanted, then those of dK and dV. */
template <class Format, int D, bool TANGENT>
SG_FN void attention_mma_both(const AttentionMma &p, const AttentionGradients &x, unsigned char *memory) {
    const i64 by_row = x.dq != 0 ? (i64)p.copies * p.batch * p.heads * ((p.t - 1) / ATTENTION_MMA_OWN + 1) : 0;
    if (blockIdx.x < by_row) attention_mma_gradients<Format, D, false, TANGENT>(p, x, attention_mma_part(blockIdx.x, p.t, p.heads, p.batch), memory);
    else attention_mma_gradients<Format, D, true, TANGENT>(p, x, attention_mma_part(blockIdx.x - by_row, p.s, p.kv_heads, p.batch), memory);
}

template <class Format, int D>
SG_FN void attention_mma_backward(const AttentionMma &p, const AttentionGradients &x, unsigned char *memory) {
    attention_mma_both<Format, D, false>(p, x, memory);
}
template <class Format, int D>
SG_FN void attention_mma_tangent_backward(const AttentionMma &p, const AttentionGradients &x, unsigned char *memory) {
    attention_mma_both<Format, D, true>(p, x, memory);
}

/* A block's share of the curvature of each copy: 64 queries of a head. Shared memory: Q, dO and Qt, then tiles of K, V, Kt and Vt. */
template <class Format, int D>
SG_FN void attention_mma_curvature(const AttentionMma &p, const AttentionGradients &x, f32 *partial, unsigned char *memory) {
    typedef AttentionTile<Format, D, ATTENTION_MMA_OWN> Own;
    typedef AttentionOthers<Format, D, 4> Others;
    constexpr int R = Others::R, N = R / 8;
    const AttentionPart at = attention_mma_part(blockIdx.x, p.t, p.heads, p.batch);
    const i32 kv = at.head / (p.heads / p.kv_heads);
    const i64 first_row = p.statistics(0, at.b, at.head);
    AttentionDrop drop;
    drop.start(p);
    unsigned char *own_f = memory + Own::BYTES, *own_t = own_f + Own::BYTES, *others = own_t + Own::BYTES;
    f32 *scratch = reinterpret_cast<f32 *>(others + Others::BYTES);
    AttentionSight sight;
    sight.start(p, at.b, at.head);
    i32 from, to;
    attention_keys(p.t, p.s, p.causal, p.window, sight.length, at.first, ATTENTION_MMA_OWN, &from, &to);
    AttentionLane lane;
    lane.start(at.first, 0);
    AttentionStatistic lse, delta, mu;
    lse.load(x.lse + first_row, lane.own, p.t, ATTENTION_MMA_LOG2E);
    delta.load(x.delta + first_row, lane.own, p.t);
    Own::load(memory, p.queries(p.q, 0, at.b, at.head), at.first, p.t, p.d);
    Own::load(own_f, p.outputs(x.d_o, 0, at.b, at.head), at.first, p.t, p.d);
#pragma unroll 1
    for (i32 copy = (i32)blockIdx.y; copy < p.copies; copy += (i32)gridDim.y) {
        const AttentionRows rows[4] = {p.keys(p.k, 0, at.b, kv), p.values(p.v, 0, at.b, kv), p.keys(x.kt, copy, at.b, kv), p.values(x.vt, copy, at.b, kv)};
        mu.load(x.mu + p.statistics(copy, at.b, at.head), at.first + (i32)threadIdx.x / SG_WARP * 16 + (i32)sg_lane() / 4, p.t);
        f32 sum = 0.0f;
#pragma unroll 1
        for (i32 j0 = from - R; j0 < to; j0 += R) {
            const unsigned char *k = Others::tile(others, 0), *v = Others::tile(others, 1), *kt = Others::tile(others, 2), *vt = Others::tile(others, 3);
            if (j0 >= from) {
                ptx_cp_async_wait_all();
                __syncthreads();
                Others::round(others);
                __syncthreads();
            }
            if (j0 + R < to) Others::fetch(others, rows, j0 + R, sight.length, p.d);
            ptx_cp_async_commit();
            if (j0 < from) {
                Own::load(own_t, p.queries(x.qt, copy, at.b, at.head), at.first, p.t, p.d);
                continue;
            }

            f32 w[N][4], ds[N][4], r[N][4], product[N][4];
            attention_mma_zero(w);
            attention_mma_zero(ds);
            attention_mma_zero(r);
            attention_mma_zero(product);
            attention_mma_scores<Format, D, R>(w, memory, k);
            attention_mma_scores<Format, D, R>(ds, own_f, v);
            attention_mma_scores<Format, D, R>(r, own_t, k);
            attention_mma_scores<Format, D, R>(r, memory, kt);
            attention_mma_scores<Format, D, R>(product, own_t, kt);
            lane.start(at.first, j0);
            attention_mma_probabilities<false>(w, sight, lane, sight.all(at.first, ATTENTION_MMA_OWN, j0, R), lse);
            drop.draw<false, N>(p, first_row, lane);
            drop.apply(ds);
            ATTENTION_MMA_EACH(N) {
                const f32 centred = p.scale * r[n][e] - mu.own[e / 2];
                sum += w[n][e] * (ds[n][e] - delta.own[e / 2]) * (centred * centred + 2.0f * p.scale * product[n][e]);
                w[n][e] *= 2.0f * centred;
            }
            drop.apply(w);
            attention_mma_zero(product);
            attention_mma_scores<Format, D, R>(product, own_f, vt);
            ATTENTION_MMA_EACH(N) sum += w[n][e] * product[n][e];
        }
        ptx_cp_async_wait_all();
        sum = sg_block_sum(sum, scratch); /* whose barriers let the next copy have the tiles */
        if (threadIdx.x == 0) {
            const i64 place = 2 * ((i64)copy * gridDim.x + blockIdx.x);
            partial[place] = sum;
            partial[place + 1] = 0.0f;
        }
    }
}

#endif
