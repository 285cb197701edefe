/* What losses of rows say beside the words of their wrappers (rows.cpu.cl, rows.gpu.cl): the probes of a group, one by one or as many at once as keep a sum, so that
   what a row's outputs and targets give is made once for all of them. */
#ifndef SG_LOSS_ROWS_H
#define SG_LOSS_ROWS_H

#define ROWS_PROBES(k) for (i64 k = ROWS_GROUP; k < probes; k += ROWS_GROUPS)

/* The probes of a tile: in registers on CUDA; elsewhere nothing with a barrier stands under a condition, which PoCL takes amiss. */
#ifdef __CUDACC__
#define ROWS_OF_TILE(q, count) ROWS_UNROLL for (i32 q = 0; q < ROWS_TILE; q++) if (q < (count))
#else
#define ROWS_OF_TILE(q, count) for (i32 q = 0; q < (count); q++)
#endif

/* curvature[k] = scale x sum over the rows of VALUE, which is a row's for the probe's vector v; STATISTICS is made before, once for ROWS_TILE probes. */
#define ROWS_CURVATURE(STATISTICS, VALUE)                                                \
    ROWS_LANES                                                                           \
    ROWS_SUMS                                                                            \
    ROWS_WIDE(c, y, target, yt, yt)                                                      \
    for (i64 first = ROWS_GROUP; first < probes; first += ROWS_GROUPS * ROWS_TILE) {     \
        f32 tile[ROWS_TILE];                                                             \
        i32 count = (i32)((probes - first + ROWS_GROUPS - 1) / ROWS_GROUPS);             \
        ROWS_UNROLL for (i32 q = 0; q < ROWS_TILE; q++) tile[q] = 0.0f;                  \
        ROWS_EACH(row, n) {                                                              \
            i64 width = row < n ? c : 0;                                                 \
            const SG_GLOBAL f32 *in = y + row * c, *to = target + row * c;               \
            STATISTICS                                                                   \
            ROWS_NOT_UNROLLED for (i32 q = 0; q < ROWS_TILE && q < count; q++) {         \
                const SG_GLOBAL f32 *v = yt + ((first + q * ROWS_GROUPS) * n + row) * c; \
                VALUE                                                                    \
                if (ROWS_FIRST && row < n) ROWS_ADD(tile, q, value)                      \
            }                                                                            \
        }                                                                                \
        ROWS_UNROLL for (i32 q = 0; q < ROWS_TILE && q < count; q++)                     \
            ROWS_FINISH(tile[q], loss_scale(n), first + q * ROWS_GROUPS, curvature)      \
    }

#endif
