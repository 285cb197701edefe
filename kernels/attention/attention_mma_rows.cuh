/* The passes of attention/attention_mma.cu that give rows of outputs: forward and tangent. A block has 64 queries of a head, and of a copy. */
#ifndef SG_ATTENTION_ATTENTION_MMA_ROWS_CUH
#define SG_ATTENTION_ATTENTION_MMA_ROWS_CUH

#include "attention/attention_mma_pass.cuh"

/* Shared memory: Q, then tiles of K and V. */
template <class Format, int D>
SG_FN void attention_mma_forward(const AttentionMma &p, f32 *o, f32 *lse, unsigned char *memory) {
    typedef AttentionTile<Format, D, ATTENTION_MMA_OWN> Own;
    typedef AttentionOthers<Format, D, 2> Others;
    constexpr int R = Others::R, N = R / 8;
    const AttentionPart at = attention_mma_part(blockIdx.x, p.t, p.heads, p.batch);
    const i32 kv = at.head / (p.heads / p.kv_heads);
    const i64 first_row = p.statistics(0, at.b, at.head);
    AttentionDrop drop;
    drop.start(p);
    unsigned char *others = memory + Own::BYTES;
    const AttentionRows from[2] = {p.keys(p.k, 0, at.b, kv), p.values(p.v, 0, at.b, kv)};
    AttentionSight sight;
    sight.start(p, at.b, at.head);
    i32 keys, to;
    attention_keys(p.t, p.s, p.causal, p.window, sight.length, at.first, ATTENTION_MMA_OWN, &keys, &to);

    f32 acc[D / 8][4], top[2] = {-SG_INFINITY, -SG_INFINITY}, sum[2] = {0.0f, 0.0f};
    attention_mma_zero(acc);
#pragma unroll 1
    for (i32 j0 = keys - R; j0 < to; j0 += R) { /* the first time only to ask for a tile */
        if (j0 >= keys) {
            ptx_cp_async_wait_all();
            __syncthreads(); /* nobody reads the tiles before any more */
            Others::round(others);
            __syncthreads();
        }
        if (j0 + R < to) Others::fetch(others, from, j0 + R, sight.length, p.d);
        ptx_cp_async_commit();
        if (j0 < keys) {
            Own::load(memory, p.queries(p.q, 0, at.b, at.head), at.first, p.t, p.d);
            continue;
        }

        f32 w[N][4];
        attention_mma_zero(w);
        attention_mma_scores<Format, D, R>(w, memory, Others::tile(others, 0));
        AttentionLane lane;
        lane.start(at.first, j0);
        const bool all = sight.all(at.first, ATTENTION_MMA_OWN, j0, R);
        f32 most[2] = {top[0], top[1]}, shrink[2], base[2];
        ATTENTION_MMA_EACH(N) w[n][e] *= sight.scale;
        lane.slant<false>(w, sight);
        if (!all) lane.hide<false>(w, sight, -SG_INFINITY);
        ATTENTION_MMA_EACH(N) most[e / 2] = sg_nan_max(most[e / 2], w[n][e]);
#pragma unroll
        for (i32 h = 0; h < 2; h++) {
            most[h] = attention_mma_row_max(most[h]);
            shrink[h] = top[h] == -SG_INFINITY ? 0.0f : ptx_exp2(top[h] - most[h]);
            base[h] = most[h] == -SG_INFINITY ? 0.0f : most[h];
            top[h] = most[h];
            sum[h] *= shrink[h];
        }
        ATTENTION_MMA_EACH(N) {
            w[n][e] = ptx_exp2(w[n][e] - base[e / 2]);
            sum[e / 2] += w[n][e];
        }
        drop.draw<false, N>(p, first_row, lane);
        drop.apply(w);
        ATTENTION_MMA_EACH(D / 8) acc[n][e] *= shrink[e / 2];
        attention_mma_weigh<Format, D, R>(acc, w, Others::tile(others, 1));
    }

    f32 over[2];
    AttentionLane lane;
    lane.start(at.first, 0);
#pragma unroll
    for (i32 h = 0; h < 2; h++) {
        sum[h] = attention_mma_row_sum(sum[h]);
        over[h] = sum[h] == 0.0f ? 0.0f : 1.0f / sum[h];
        const i32 i = lane.own + 8 * h;
        if (lse != 0 && threadIdx.x % 4 == 0 && i < p.t)
            lse[first_row + i] = sum[h] == 0.0f ? SG_INFINITY : top[h] * ATTENTION_MMA_LN2 + sg_log(sum[h]);
    }
    attention_mma_store<D>(acc, over, p.outputs(o, 0, at.b, at.head), at.first, p.t, p.d);
}

/* Ot = sum P (St - c) M V + P M Vt - (mu - c) O, with c the mean of St over those of the row's keys that its first tile holds: what is rounded then is small,
   although St may have a large part that all keys share and that cancels. Shared memory: Q and Qt, then tiles of K, V, Kt and Vt. */
template <class Format, int D>
SG_FN void attention_mma_tangent(const AttentionMma &p, const f32 *o, const f32 *lse, const f32 *qt, const f32 *kt, const f32 *vt, f32 *ot, f32 *mu,
                                 unsigned char *memory) {
    typedef AttentionTile<Format, D, ATTENTION_MMA_OWN> Own;
    typedef AttentionOthers<Format, D, 4> Others;
    constexpr int R = Others::R, N = R / 8;
    const AttentionPart at = attention_mma_part(blockIdx.x, p.t, p.heads, p.batch);
    const i32 kv = at.head / (p.heads / p.kv_heads);
    const i64 first_row = p.statistics(0, at.b, at.head);
    AttentionDrop drop;
    drop.start(p);
    unsigned char *own_t = memory + Own::BYTES, *others = own_t + Own::BYTES;
    const AttentionRows from[4] = {p.keys(p.k, 0, at.b, kv), p.values(p.v, 0, at.b, kv), p.keys(kt, at.copy, at.b, kv), p.values(vt, at.copy, at.b, kv)};
    AttentionSight sight;
    sight.start(p, at.b, at.head);
    i32 keys, to;
    attention_keys(p.t, p.s, p.causal, p.window, sight.length, at.first, ATTENTION_MMA_OWN, &keys, &to);

    AttentionLane lane;
    lane.start(at.first, 0);
    AttentionStatistic l;
    l.load(lse + first_row, lane.own, p.t, ATTENTION_MMA_LOG2E);
    f32 acc[D / 8][4], mean[2] = {0.0f, 0.0f}, c[2] = {0.0f, 0.0f};
    bool has[2] = {lane.own >= p.t, lane.own + 8 >= p.t};
    attention_mma_zero(acc);
#pragma unroll 1
    for (i32 j0 = keys - R; j0 < to; j0 += R) {
        if (j0 >= keys) {
            ptx_cp_async_wait_all();
            __syncthreads();
            Others::round(others);
            __syncthreads();
        }
        if (j0 + R < to) Others::fetch(others, from, j0 + R, sight.length, p.d);
        ptx_cp_async_commit();
        if (j0 < keys) {
            Own::load(memory, p.queries(p.q, 0, at.b, at.head), at.first, p.t, p.d);
            Own::load(own_t, p.queries(qt, at.copy, at.b, at.head), at.first, p.t, p.d);
            continue;
        }

        f32 w[N][4], r[N][4];
        attention_mma_zero(w);
        attention_mma_zero(r);
        attention_mma_scores<Format, D, R>(w, memory, Others::tile(others, 0));
        attention_mma_scores<Format, D, R>(r, own_t, Others::tile(others, 0));
        attention_mma_scores<Format, D, R>(r, memory, Others::tile(others, 2));
        lane.start(at.first, j0);
        const bool all = sight.all(at.first, ATTENTION_MMA_OWN, j0, R);
        attention_mma_probabilities<false>(w, sight, lane, all, l);
        if (__any_sync(SG_FULL_MASK, !(has[0] && has[1]))) {
            f32 part[2] = {0.0f, 0.0f}, seen[2] = {0.0f, 0.0f};
            ATTENTION_MMA_EACH(N) {
                if (all || sight.sees(lane.query<false>(n, e), lane.key<false>(n, e))) {
                    part[e / 2] += r[n][e];
                    seen[e / 2] += 1.0f;
                }
            }
#pragma unroll
            for (i32 h = 0; h < 2; h++) {
                part[h] = attention_mma_row_sum(part[h]);
                seen[h] = attention_mma_row_sum(seen[h]);
                if (!has[h] && seen[h] > 0.0f) {
                    c[h] = p.scale * part[h] / seen[h];
                    has[h] = true;
                }
            }
        }
        ATTENTION_MMA_EACH(N) {
            r[n][e] = w[n][e] * (p.scale * r[n][e] - c[e / 2]);
            mean[e / 2] += r[n][e];
        }
        drop.draw<false, N>(p, first_row, lane);
        drop.apply(r);
        drop.apply(w);
        attention_mma_weigh<Format, D, R>(acc, r, Others::tile(others, 1));
        if (vt != 0) attention_mma_weigh<Format, D, R>(acc, w, Others::tile(others, 3));
    }

    const AttentionRows o_rows = p.outputs(o, 0, at.b, at.head);
    const i32 column = (i32)threadIdx.x % 4 * 2;
    lane.start(at.first, 0);
#pragma unroll
    for (i32 h = 0; h < 2; h++) {
        const i32 i = lane.own + 8 * h;
        mean[h] = attention_mma_row_sum(mean[h]);
        if (i >= p.t) continue;
        if (threadIdx.x % 4 == 0) mu[p.statistics(at.copy, at.b, at.head) + i] = mean[h] + c[h];
        const f32 *row = o_rows.from + i * o_rows.row + column;
#pragma unroll
        for (i32 n = 0; n < D / 8; n++) {
            if (8 * n + column < p.d) acc[n][2 * h] -= mean[h] * row[8 * n];
            if (8 * n + column + 1 < p.d) acc[n][2 * h + 1] -= mean[h] * row[8 * n + 1];
        }
    }
    const f32 one[2] = {1.0f, 1.0f};
    attention_mma_store<D>(acc, one, p.outputs(ot, at.copy, at.b, at.head), at.first, p.t, p.d);
}

#endif
