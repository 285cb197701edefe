/* Many dot products at once: for K probes and L blocks of a vector of n elements, in two launches and a fixed order,

     out[k, l] = sum over i in [offsets[l], offsets[l + 1]) of u[k n + i] v[k v_stride + i]

   u: [K, n]; v: [n] with v_stride 0 (shared by the probes) or [K, n] with v_stride n; offsets: [L + 1], ascending, within 0 .. n; out: [K, L].

     dots_f32         cuts [0, n) into C = ceil(n / chunk) chunks (1 if n = 0). Where chunk c meets block l, their common part is summed into the
                      pair (hi, lo) at partials[k, c + l]: partials [K, C + L, 2]. No two meetings share a place: a later chunk meets no earlier block.
     dots_finish_f32  adds the places of each block, from its first chunk to its last.

   Blocks of any size, empty ones included, cost what their elements cost. Positions outside 0 .. n are ignored.
   dots: block 256, block x = c K + k, so that probes sharing a piece of v run together. finish: T x R = 32 x 8, one row of threads per (k, l).
   Bytes per element: 4 (u) + 4 (v, once if shared). Flops: 2. Rounding as in reduce.
   WIDE dots_f32: 16 loads, 0 stores */
#include "lib/gpu_sums.h"

/* Elements i .. i + 3 of p that lie in [from, to), 0 elsewhere. */
SG_FN float4 load_between(const SG_GLOBAL f32 *p, i64 i, i64 from, i64 to, bool wide) {
    if (wide && i >= from && i + 4 <= to) return sg_load_4(p + i);
    float4 v = sg_splat4(0.0f);
    if (i >= from && i < to) v.x = p[i];
    if (i + 1 >= from && i + 1 < to) v.y = p[i + 1];
    if (i + 2 >= from && i + 2 < to) v.z = p[i + 2];
    if (i + 3 >= from && i + 3 < to) v.w = p[i + 3];
    return v;
}
#define LOAD_PRODUCT(t, i, WHOLE)                                                                             \
    {                                                                                                         \
        t[0] = WHOLE ? sg_load_4(u + k * n + (i)) : load_between(u + k * n, i, from, to, wide);               \
        t[1] = WHOLE ? sg_load_4(v + k * v_stride + (i)) : load_between(v + k * v_stride, i, from, to, wide); \
    }

SG_KERNEL(256) dots_f32(const SG_GLOBAL f32 *u, const SG_GLOBAL f32 *v, const SG_GLOBAL i64 *offsets, SG_GLOBAL f32 *partials, i64 n, i64 probes, i64 blocks,
                        i64 chunk, i64 v_stride) {
    SG_SHARED(f32, his, SG_SUM_THREADS);
    SG_SHARED(f32, los, SG_SUM_THREADS);
    bool wide = sg_aligned16(u) && sg_aligned16(v) && (n % 4 == 0 || probes == 1);
    i64 chunks = n <= chunk ? 1 : (n + chunk - 1) / chunk, c = (i64)sg_group(0) / probes, k = (i64)sg_group(0) % probes;
    i64 begin = c * chunk, end = begin + chunk < n ? begin + chunk : n;
    i64 l = 0; /* the first block that ends after `begin` */
    for (i64 beyond = blocks; l < beyond;) {
        i64 middle = (l + beyond) / 2;
        if (offsets[middle + 1] > begin) beyond = middle;
        else l = middle + 1;
    }
    for (; l < blocks && offsets[l] < end; l++) {
        i64 from = offsets[l] > begin ? offsets[l] : begin, to = offsets[l + 1] < end ? offsets[l + 1] : end;
        if (from >= to) continue;
        f32 hi = 0.0f, lo = 0.0f;
        SG_SUM_TERMS(from / 4 * 4, to, hi, lo, 2, wide && sg_i >= from, LOAD_PRODUCT, SG_IN(0) * SG_IN(1))
        float2 sum = sg_row_sum(hi, lo, his, los);
        if (sg_local(0) == 0) {
            i64 place = k * (chunks + blocks) + c + l;
            partials[2 * place] = sum.x;
            partials[2 * place + 1] = sum.y;
        }
    }
}

SG_KERNEL(256) dots_finish_f32(const SG_GLOBAL f32 *partials, const SG_GLOBAL i64 *offsets, SG_GLOBAL f32 *out, i64 n, i64 probes, i64 blocks, i64 chunk) {
    SG_SHARED(f32, his, SG_SUM_THREADS);
    SG_SHARED(f32, los, SG_SUM_THREADS);
    i64 chunks = n <= chunk ? 1 : (n + chunk - 1) / chunk, rows = probes * blocks;
    for (i64 tile = sg_group(0); tile * sg_locals(1) < rows; tile += sg_groups(0)) {
        i64 row = tile * sg_locals(1) + sg_local(1), k = row / blocks, l = row % blocks;
        f32 hi = 0.0f, lo = 0.0f;
        if (row < rows) {
            i64 from = offsets[l] > 0 ? offsets[l] : 0, to = offsets[l + 1] < n ? offsets[l + 1] : n;
            if (from < to) sg_add_pairs(partials + 2 * (k * (chunks + blocks) + l), from / chunk + sg_local(0), (to + chunk - 1) / chunk, &hi, &lo);
        }
        float2 sum = sg_row_sum(hi, lo, his, los);
        if (sg_local(0) == 0 && row < rows) out[row] = sg_sum_value(sum.x, sum.y);
    }
}
