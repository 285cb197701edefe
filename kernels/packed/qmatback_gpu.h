/* The body of qmatfew_backward for GPUs, shared by kernels/packed/qmatmul.cu and kernels/packed/qmatmul.cl, whose headers describe arguments,
   layouts and the order of sums. */
#ifndef SG_PACKED_QMATBACK_GPU_H
#define SG_PACKED_QMATBACK_GPU_H
#include "packed/qmatfew_gpu.h"

#define QB_ROWS 4     /* most rows of dy that one block takes */
#define QB_COLUMNS 16 /* elements of a thread: half a unit */
#define QB_PANELS 8   /* panels that a block has at work, 32 threads each: 16 rows, two halves */
#define QB_CHUNK 8    /* sums of a thread that are added up over the block at once */
#define QB_SHARED (QG_THREADS * QB_CHUNK)

/* Codes `first` .. + 15 of a row of which v are the words from that of code `first` on, less 2^(B-1). */
SG_FN f32 qb_decode(const int bits, const u32 *v, const int i) {
    const u32 mask = (1u << bits) - 1u;
    const f32 exponent = 8388608.0f;
    u32 code;
    if (bits == 3) code = (i < 10 ? v[0] >> (3 * i) : v[1] >> (3 * i - 30)) & mask;
    else code = (v[i * bits / 32] >> (i * bits % 32)) & mask;
    return SG_BITS_TO_F32(code | 0x4B000000u) - (exponent + (f32)(1u << (bits - 1)));
}

/* The words of a half unit, made to begin with its first code; 3-bit codes: ten in v[0], six in v[1]. */
SG_FN void qb_words(const int bits, const SG_GLOBAL u32 *w, i32 side, u32 *v) {
    if (bits == 3) {
        const u32 a = w[side * 16], b = w[side * 16 + 16];
        v[0] = side ? packed_straddle(a, b, 16, 0x3FFFu) : a;
        v[1] = side ? b >> 14 : packed_straddle(a, b, 30, 0xFFFFu);
    } else {
#pragma unroll
        for (int i = 0; i < bits / 2; i++) v[i] = w[(side * (bits / 2) + i) * 16];
    }
}

/* What a thread has of a panel: its words, step, centre and the factors of the rows of dy. */
typedef struct {
    u32 v[4];
    f32 s, c, a[QB_ROWS];
} QbPiece;

SG_FN void qb_load(const int bits, const int one, const SG_GLOBAL f32 *const *rows, const SG_GLOBAL u32 *w, const SG_GLOBAL f32 *scales,
                   const SG_GLOBAL f32 *offsets, i32 side, i32 j, i32 n, QbPiece *piece) {
    qb_words(bits, w, side, piece->v);
    piece->s = one ? *scales : 0.0f;
    piece->c = one && offsets ? *offsets : 0.0f;
#pragma unroll
    for (int r = 0; r < QB_ROWS; r++) piece->a[r] = j < n ? rows[r][j] : 0.0f;
}

/* The thread's chains; `one`: its 16 columns share a step. The next panel is loaded before the one at hand is decoded. */
SG_FN void qb_run(const int bits, const int one, const SG_GLOBAL f32 *const *rows, const SG_GLOBAL u32 *words, const SG_GLOBAL f32 *scales,
                  const SG_GLOBAL f32 *offsets, i32 n, i32 k, i32 group, i32 unit, i32 thread, f32 *sum) {
    const i32 side = thread >> 4 & 1, panels = (n + 15) >> 4, first = 32 * unit + QB_COLUMNS * side;
    const i64 words_step = packed_panel_width(bits, k) * (16 * QB_PANELS), steps_step = (i64)(((u32)k + (u32)group - 1u) / (u32)group) * (16 * QB_PANELS);
    const u32 own = (u32)(first < k ? first : k - 1) / (u32)group * 16u; /* beyond K any step will do */
    i32 p = thread >> 5, j = 16 * p + (thread & 15);
    const SG_GLOBAL u32 *w = words + p * (words_step / QB_PANELS) + unit * (bits * 16) + (thread & 15);
    const SG_GLOBAL f32 *s = scales + p * (steps_step / QB_PANELS) + (thread & 15), *c = offsets ? offsets + (s - scales) : 0;
    QbPiece next;
    if (p >= panels) return;
    qb_load(bits, one, rows, w, s + own, c ? c + own : 0, side, j, n, &next);
    for (; p < panels; p += QB_PANELS) {
        const QbPiece piece = next;
        const SG_GLOBAL f32 *here = s, *centres = c;
        j += 16 * QB_PANELS, w += words_step, s += steps_step;
        if (c) c += steps_step;
        if (p + QB_PANELS < panels) qb_load(bits, one, rows, w, s + own, c ? c + own : 0, side, j, n, &next);
#pragma unroll
        for (int i = 0; i < QB_COLUMNS; i++) {
            f32 weight, step = piece.s, centre = piece.c;
            if (!one && first + i < k) {
                const u32 g = (u32)(first + i) / (u32)group * 16u;
                step = here[g];
                centre = centres ? centres[g] : 0.0f;
            }
            weight = sg_fma(step, qb_decode(bits, piece.v, i), centre);
#pragma unroll
            for (int r = 0; r < QB_ROWS; r++) sum[r * QB_COLUMNS + i] = sg_fma(piece.a[r], weight, sum[r * QB_COLUMNS + i]);
        }
    }
}

/* A block is one unit of 32 columns and rows row0 .. of dy. Thread (panel p, half h, row j) adds row j of panels p, p + 8, ... to its 16 columns. */
SG_FN void qg_back(const int bits, const SG_GLOBAL f32 *dy, const SG_GLOBAL u32 *words, const SG_GLOBAL f32 *scales, const SG_GLOBAL f32 *offsets,
                   SG_GLOBAL f32 *dx, i32 m, i32 n, i32 k, i32 group, i32 unit, i32 row0, i32 thread, QG_LOCAL f32 *shared) {
    const SG_GLOBAL f32 *rows[QB_ROWS];
    f32 sum[QB_ROWS * QB_COLUMNS], part[QB_ROWS * QB_COLUMNS / QB_CHUNK];
#pragma unroll
    for (int r = 0; r < QB_ROWS; r++) rows[r] = dy + (i64)(row0 + r < m ? row0 + r : m - 1) * n;
#pragma unroll
    for (int i = 0; i < QB_ROWS * QB_COLUMNS; i++) sum[i] = 0.0f;
    if (group % QB_COLUMNS == 0) qb_run(bits, 1, rows, words, scales, offsets, n, k, group, unit, thread, sum);
    else qb_run(bits, 0, rows, words, scales, offsets, n, k, group, unit, thread, sum);
    /* Of the 128 sums of a column, first those of a row of the panels, then the 16 of these. */
#pragma unroll
    for (int chunk = 0; chunk < QB_ROWS * QB_COLUMNS / QB_CHUNK; chunk++) {
        const i32 at = thread >> 5; /* the chunk's value that this thread adds up, for its row and side */
#pragma unroll
        for (int e = 0; e < QB_CHUNK; e++) shared[e * QG_THREADS + thread] = sum[chunk * QB_CHUNK + e];
        QG_BARRIER();
        part[chunk] = shared[at * QG_THREADS + (thread & 31)];
#pragma unroll
        for (int q = 1; q < QB_PANELS; q++) part[chunk] += shared[at * QG_THREADS + 32 * q + (thread & 31)];
        QG_BARRIER();
    }
#pragma unroll
    for (int chunk = 0; chunk < QB_ROWS * QB_COLUMNS / QB_CHUNK; chunk++) shared[chunk * QG_THREADS + thread] = part[chunk];
    QG_BARRIER();
    if (thread < QB_ROWS * 2 * QB_COLUMNS) {
        const i32 r = thread >> 5, column = thread & 31, i = column & 15;
        const QG_LOCAL f32 *from = shared + (r * QB_COLUMNS + i) / QB_CHUNK * QG_THREADS + (i % QB_CHUNK) * 32 + (column & 16);
        f32 total = from[0];
#pragma unroll
        for (int q = 1; q < 16; q++) total += from[q];
        if (row0 + r < m && 32 * unit + column < k) dx[(i64)(row0 + r) * k + 32 * unit + column] = total;
    }
}

#endif
