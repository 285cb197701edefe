/* The body of qmatvec and qmatfew for GPUs, shared by kernels/packed/qmatmul.cu and kernels/packed/qmatmul.cl, whose headers describe arguments,
   layouts and the order of sums. The dialects supply QG_LOCAL, QG_BARRIER and

     QG_LOAD_WORDS(p, wanted)      the 16 bytes at p, which are read once; anything, and no access, where `wanted` is 0
     QG_JOIN(v, mask, e)           (v & mask) | e
     QG_BYTE(v, i, e)              byte i of v, | e, where the low byte of e is 0 */
#ifndef SG_PACKED_QMATFEW_GPU_H
#define SG_PACKED_QMATFEW_GPU_H
#include "packed/packed.h"

#if defined(__OPENCL_VERSION__) && defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* loops of one step cannot be unrolled */
#endif

#define QG_THREADS 256
#define QG_FEW 2    /* most rows of x that one block takes */
#define QG_SLOTS 64 /* threads that share four rows of a panel */
#define QG_FEW_SHARED (QG_SLOTS * 16)

SG_FN int qg_aligned16(const SG_GLOBAL void *p) { return ((u64)p & 15u) == 0; }

SG_FN f32 qg_part(float4 v, const int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }
SG_FN u32 qg_word(uint4 v, const int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

/* ---- Decoding. A code whose lowest bit is bit p < 24 - B of its word stays there: joined with the exponent of 2^(23-p) it is the float
   2^(23-p) + code, and one subtraction leaves code - 2^(B-1) exactly. Codes that lie higher are first shifted by QG_HIGH, words of 3-bit codes
   also by what makes p a multiple of 3: so there are few exponents. Each has a register of its own, because LOP3 takes one constant only, and a
   bit that is 0 at run time, or the compiler would make it a constant again.
   A byte is moved to p = 0 by the instruction that joins it. ---- */
#define QG_HIGH 12
#define QG_MOST_EXPONENTS 11
SG_FN int qg_exponents(const int bits) { return bits == 8 ? 1 : (23 - bits) / bits + 1; }
SG_FN int qg_shift(const int bits, const int i) {
    const int at = (i * bits) & 31, first = bits == 3 ? (i * bits) >> 5 : 0; /* of a word's first whole code */
    return at - first + bits > 23 ? first + QG_HIGH : first;
}
SG_FN f32 qg_decode(const int bits, u32 word, u32 next, const int i, const u32 *exponents) {
    const int at = (i * bits) & 31, whole = at + bits <= 32, shift = qg_shift(bits, i), p = whole ? at - shift : 0;
    u32 v;
    if (bits == 8) return SG_BITS_TO_F32(QG_BYTE(word, i & 3, exponents[0])) - (8388608.0f + 128.0f);
    v = whole ? word >> shift : packed_straddle(word, next, (u32)at, 3u);
    v = QG_JOIN(v, ((1u << bits) - 1u) << p, exponents[p / bits]);
    return SG_BITS_TO_F32(v) - ((f32)(1u << (23 - p)) + (f32)(1u << (bits - 1)));
}

/* Where a thread is: its next unit, the group that holds it and the unit's number in that group. */
typedef struct {
    i32 unit;
    u32 group, member;
} QgPlace;

/* A unit's chains, sum[4 r + e] over x (code - 2^(B-1)) and extra[r] over x: v are its words, x[r] + t its first activation of row r. */
SG_FN void qg_unit(const int bits, const int rows, const int whole, const int centred, const SG_GLOBAL f32 *const *x, i32 t, i32 k,
                   const uint4 *v, const u32 *exponents, f32 *sum, f32 *extra) {
#pragma unroll
    for (int r = 0; r < rows; r++) {
        extra[r] = 0.0f;
#pragma unroll
        for (int e = 0; e < 4; e++) sum[4 * r + e] = 0.0f;
    }
#pragma unroll
    for (int i = 0; i < 32; i += 4) {
        f32 q[4][4];
#pragma unroll
        for (int d = 0; d < 4; d++) {
            const int j = ((i + d) * bits) >> 5, after = j + 1 < bits ? j + 1 : j; /* a unit's last code ends with its last word */
#pragma unroll
            for (int e = 0; e < 4; e++) q[d][e] = qg_decode(bits, qg_word(v[j], e), qg_word(v[after], e), i + d, exponents);
        }
#pragma unroll
        for (int r = 0; r < rows; r++) {
            float4 a;
            if (whole) {
                a = *(const SG_GLOBAL float4 *)(x[r] + t + i);
            } else {
                a.x = t + i < k ? x[r][t + i] : 0.0f;
                a.y = t + i + 1 < k ? x[r][t + i + 1] : 0.0f;
                a.z = t + i + 2 < k ? x[r][t + i + 2] : 0.0f;
                a.w = t + i + 3 < k ? x[r][t + i + 3] : 0.0f;
            }
            if (centred) extra[r] += (a.x + a.y) + (a.z + a.w);
#pragma unroll
            for (int d = 0; d < 4; d++) {
#pragma unroll
                for (int e = 0; e < 4; e++) sum[4 * r + e] = sg_fma(qg_part(a, d), q[d][e], sum[4 * r + e]);
            }
        }
    }
}

/* The thread's units below `limit`, of `units` in all. `whole`: they lie within K, and their activations are 16-byte aligned. */
SG_FN void qg_few_run(const int bits, const int rows, const int whole, const int centred, const SG_GLOBAL f32 *const *x, const SG_GLOBAL u32 *w,
                      const SG_GLOBAL f32 *steps, const SG_GLOBAL f32 *centres, i32 k, i32 limit, i32 units, u32 units_per_group, u32 group_step,
                      u32 member_step, const u32 *exponents, uint4 *v, QgPlace *place, f32 *total) {
    const SG_GLOBAL u32 *ahead = w + (i64)(place->unit + QG_SLOTS) * (bits * 16);
    while (place->unit < limit) {
        uint4 next[8];
        const float4 s = *(const SG_GLOBAL float4 *)(steps + 16 * place->group);
        float4 c;
        f32 sum[4 * QG_FEW], extra[QG_FEW];
#pragma unroll
        for (int j = 0; j < bits; j++) next[j] = QG_LOAD_WORDS(ahead + j * 16, place->unit + QG_SLOTS < units);
        c.x = c.y = c.z = c.w = 0.0f;
        if (centred) c = *(const SG_GLOBAL float4 *)(centres + 16 * place->group);
        qg_unit(bits, rows, whole, centred, x, 32 * place->unit, k, v, exponents, sum, extra);
#pragma unroll
        for (int r = 0; r < rows; r++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                total[4 * r + e] = sg_fma(qg_part(s, e), sum[4 * r + e], total[4 * r + e]);
                if (centred) total[4 * r + e] = sg_fma(qg_part(c, e), extra[r], total[4 * r + e]);
            }
        }
#pragma unroll
        for (int j = 0; j < bits; j++) v[j] = next[j];
        ahead += QG_SLOTS * bits * 16;
        place->unit += QG_SLOTS;
        place->group += group_step;
        place->member += member_step;
        if (place->member >= units_per_group) {
            place->member -= units_per_group;
            place->group++;
        }
    }
}

/* Every QG_SLOTS-th unit from `slot` on, where 32 divides the group and words, steps and centres are 16-byte aligned. */
SG_FN void qg_few_units(const int bits, const int rows, const int centred, const SG_GLOBAL f32 *const *x, const SG_GLOBAL u32 *w,
                        const SG_GLOBAL f32 *steps, const SG_GLOBAL f32 *centres, i32 k, i32 whole, i32 slot, u32 units_per_group, f32 *total) {
    const i32 units = (k + 31) >> 5;
    const u32 group_step = QG_SLOTS / units_per_group, member_step = QG_SLOTS - group_step * units_per_group;
    const u32 zero = (u32)k >> 31;
    u32 exponents[QG_MOST_EXPONENTS];
    uint4 v[8];
    QgPlace place;
#pragma unroll
    for (int j = 0; j < bits; j++) v[j] = QG_LOAD_WORDS(w + slot * (bits * 16) + j * 16, slot < units);
#pragma unroll
    for (int i = 0; i < qg_exponents(bits); i++) exponents[i] = (u32)(150 - i * bits) << 23 | zero;
    place.unit = slot;
    place.group = (u32)slot / units_per_group;
    place.member = (u32)slot - place.group * units_per_group;
    qg_few_run(bits, rows, 1, centred, x, w, steps, centres, k, whole, units, units_per_group, group_step, member_step, exponents, v, &place, total);
    qg_few_run(bits, rows, 0, centred, x, w, steps, centres, k, units, units, units_per_group, group_step, member_step, exponents, v, &place, total);
}

/* The same units for any group and alignment, one code at a time. */
SG_FN void qg_few_terms(const int bits, const int rows, const SG_GLOBAL f32 *const *x, const SG_GLOBAL u32 *w, const SG_GLOBAL f32 *steps,
                        const SG_GLOBAL f32 *centres, i32 k, i32 group, i32 slot, f32 *total) {
    for (i32 t = 32 * slot; t < k; t += 32 * QG_SLOTS) {
        f32 sum[4 * QG_FEW];
#pragma unroll
        for (int i = 0; i < 4 * rows; i++) sum[i] = 0.0f;
        for (i32 i = t; i < t + 32 && i < k; i++) {
            const u32 g = (u32)i / (u32)group * 16u;
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const f32 weight = packed_value(bits, packed_code(bits, w + e, 16, i), steps[g + e], centres ? centres[g + e] : 0.0f);
#pragma unroll
                for (int r = 0; r < rows; r++) sum[4 * r + e] = sg_fma(x[r][i], weight, sum[4 * r + e]);
            }
        }
#pragma unroll
        for (int i = 0; i < 4 * rows; i++) total[i] += sum[i];
    }
}

/* A block is one panel and rows row0 .. of x; thread (slot, quad) takes rows 4 quad .. + 3 of the panel. */
SG_FN void qg_few(const int bits, const int rows, const SG_GLOBAL f32 *x, const SG_GLOBAL u32 *words, const SG_GLOBAL f32 *scales,
                  const SG_GLOBAL f32 *offsets, const SG_GLOBAL f32 *bias, SG_GLOBAL f32 *y, i32 m, i32 n, i32 k, i32 group, i64 panel, i32 row0,
                  i32 thread, QG_LOCAL f32 *shared) {
    const i32 quad = thread & 3, slot = thread >> 2;
    const i64 groups = ((u32)k + (u32)group - 1u) / (u32)group;
    const SG_GLOBAL u32 *w = words + panel * packed_panel_width(bits, k) * 16 + 4 * quad;
    const SG_GLOBAL f32 *steps = scales + panel * groups * 16 + 4 * quad;
    const SG_GLOBAL f32 *centres = offsets ? offsets + panel * groups * 16 + 4 * quad : 0;
    const SG_GLOBAL f32 *rows_of_x[QG_FEW];
    f32 total[4 * QG_FEW];
#pragma unroll
    for (int r = 0; r < rows; r++) rows_of_x[r] = x + (i64)(row0 + r < m ? row0 + r : m - 1) * k;
#pragma unroll
    for (int i = 0; i < 4 * rows; i++) total[i] = 0.0f;
    if ((group & 31) == 0 && qg_aligned16(w) && qg_aligned16(steps) && qg_aligned16(centres)) {
        const i32 whole = qg_aligned16(rows_of_x[0]) && (rows == 1 || (k & 3) == 0) ? k >> 5 : 0;
        if (centres) qg_few_units(bits, rows, 1, rows_of_x, w, steps, centres, k, whole, slot, (u32)group >> 5, total);
        else qg_few_units(bits, rows, 0, rows_of_x, w, steps, centres, k, whole, slot, (u32)group >> 5, total);
    } else {
        qg_few_terms(bits, rows, rows_of_x, w, steps, centres, k, group, slot, total);
    }
    const i32 row = thread & 15, part = thread >> 4;
    const i64 col = panel * 16 + row;
#pragma unroll
    for (int r = 0; r < rows; r++) {
#pragma unroll
        for (int e = 0; e < 4; e++) shared[slot * 16 + 4 * quad + e] = total[4 * r + e];
        QG_BARRIER();
        f32 sum = shared[(4 * part) * 16 + row];
#pragma unroll
        for (int i = 1; i < 4; i++) sum += shared[(4 * part + i) * 16 + row];
        QG_BARRIER();
        shared[part * 16 + row] = sum;
        QG_BARRIER();
        if (part == 0 && row0 + r < m && col < n) {
            for (int i = 1; i < 16; i++) sum += shared[i * 16 + row];
            y[(i64)(row0 + r) * n + col] = bias ? sum + bias[col] : sum;
        }
        QG_BARRIER();
    }
}

#endif
