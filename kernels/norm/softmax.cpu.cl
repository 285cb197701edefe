/* Softmax and its logarithm for CPU devices: formulas, arguments and bytes as in norm/softmax.gpu.cl.
   Work-group: 1; group (g, y) of a G x Y grid has the g-th of G pieces of the rows, of the copies y, y + Y, ... */
#include "lib/cpu/softmax_row.h"

#define SOFTMAX_ROWS(row, n) \
    for (i64 row = group_first(n, get_group_id(0), get_num_groups(0)); row < group_first(n, get_group_id(0) + 1, get_num_groups(0)); row++)
#define SOFTMAX_COPIES(k, copies) for (i64 k = get_group_id(1); k < (copies); k += (i64)get_num_groups(1))
#define SOFTMAX_EACH(j) for (i64 j = 0; j < c; j += SG_V)

/* The shares of 16 columns, 0 beyond the row. */
SG_FN float16 softmax_share(const global f32 *y, i64 j, i64 count, i32 logarithm) {
    return logarithm ? sg_exp16(sg_load16(y + j, count, -INFINITY)) : sg_load16(y + j, count, 0.0f);
}

kernel void softmax_forward_f32(const global f32 *x, global f32 *y, i64 n, i64 c, i32 logarithm) {
    f32 e[SOFTMAX_BLOCK];
    SOFTMAX_ROWS(row, n) {
        const global f32 *in = x + row * c;
        global f32 *out = y + row * c;
        f32 m, s = softmax_row(in, c, e, &m), over = 1.0f / s, log_sum = log(s);
        SOFTMAX_EACH(j) sg_store16(out + j, logarithm ? sg_load16(in + j, c - j, 0.0f) - m - log_sum : softmax_exp(in, c, j, e, m) * over, c - j);
    }
}

kernel void softmax_backward_f32(const global f32 *y, const global f32 *dy, global f32 *dx, i64 n, i64 c, i64 copies, i32 logarithm) {
    SOFTMAX_COPIES(k, copies) {
        SOFTMAX_ROWS(row, n) {
            const global f32 *out = y + row * c, *d = dy + (k * n + row) * c;
            float16 sum = 0.0f;
            SOFTMAX_EACH(j) {
                float16 u = sg_load16(d + j, c - j, 0.0f);
                sum += logarithm ? u : u * sg_load16(out + j, c - j, 0.0f);
            }
            f32 whole = sg_sum16(sum);
            SOFTMAX_EACH(j) {
                float16 p = softmax_share(out, j, c - j, logarithm), u = sg_load16(d + j, c - j, 0.0f);
                sg_store16(dx + (k * n + row) * c + j, logarithm ? u - p * whole : p * (u - whole), c - j);
            }
        }
    }
}

SG_FN f32 softmax_mean(const global f32 *y, const global f32 *v, i64 c, i32 logarithm) {
    float16 sum = 0.0f;
    SOFTMAX_EACH(j) sum += softmax_share(y, j, c - j, logarithm) * sg_load16(v + j, c - j, 0.0f);
    return sg_sum16(sum);
}

kernel void softmax_tangent_f32(const global f32 *y, const global f32 *xt, global f32 *yt, i64 n, i64 c, i64 copies, i32 logarithm) {
    SOFTMAX_COPIES(k, copies) {
        SOFTMAX_ROWS(row, n) {
            const global f32 *out = y + row * c, *t = xt + (k * n + row) * c;
            f32 middle = softmax_mean(out, t, c, logarithm);
            SOFTMAX_EACH(j) {
                float16 e = sg_load16(t + j, c - j, 0.0f) - middle;
                sg_store16(yt + (k * n + row) * c + j, logarithm ? e : e * sg_load16(out + j, c - j, 0.0f), c - j);
            }
        }
    }
}

kernel void softmax_tangent_backward_f32(const global f32 *y, const global f32 *yt, const global f32 *dy, const global f32 *dyt, global f32 *dxt, i64 n, i64 c,
                                         i64 copies, i32 logarithm) {
    SOFTMAX_COPIES(k, copies) {
        SOFTMAX_ROWS(row, n) {
            const global f32 *out = y + row * c, *d = dy + row * c, *t = yt + (k * n + row) * c, *u = dyt ? dyt + (k * n + row) * c : 0;
            float16 one = 0.0f, two = 0.0f;
            SOFTMAX_EACH(j) {
                float16 g = sg_load16(d + j, c - j, 0.0f), gt = u ? sg_load16(u + j, c - j, 0.0f) : (float16)(0.0f), p = sg_load16(out + j, c - j, 0.0f);
                one += logarithm ? g : p * g;
                two += logarithm ? gt : sg_load16(t + j, c - j, 0.0f) * g + p * gt;
            }
            f32 sum = sg_sum16(one), sum_t = sg_sum16(two);
            SOFTMAX_EACH(j) {
                float16 g = sg_load16(d + j, c - j, 0.0f), gt = u ? sg_load16(u + j, c - j, 0.0f) : (float16)(0.0f);
                float16 p = softmax_share(out, j, c - j, logarithm), v = sg_load16(t + j, c - j, 0.0f);
                sg_store16(dxt + (k * n + row) * c + j, logarithm ? gt - p * (v * sum + sum_t) : v * (g - sum) + p * (gt - sum_t), c - j);
            }
        }
    }
}

kernel void softmax_curvature_f32(const global f32 *y, const global f32 *xt, const global f32 *dy, global f32 *partials, i64 n, i64 c, i64 copies,
                                  i32 logarithm) {
    SOFTMAX_COPIES(k, copies) {
        f32 total = 0.0f;
        SOFTMAX_ROWS(row, n) {
            const global f32 *out = y + row * c, *d = dy + row * c, *t = xt + (k * n + row) * c;
            f32 middle = softmax_mean(out, t, c, logarithm);
            float16 sum = 0.0f, var = 0.0f, direct = 0.0f;
            SOFTMAX_EACH(j) {
                float16 p = softmax_share(out, j, c - j, logarithm), g = sg_load16(d + j, c - j, 0.0f), e = sg_load16(t + j, c - j, middle) - middle;
                sum += logarithm ? g : p * g;
                var += p * e * e;
                direct += g * p * e * e;
            }
            total += (logarithm ? 0.0f : sg_sum16(direct)) - sg_sum16(sum) * sg_sum16(var);
        }
        partials[2 * (k * (i64)get_num_groups(0) + (i64)get_group_id(0))] = total;
        partials[2 * (k * (i64)get_num_groups(0) + (i64)get_group_id(0)) + 1] = 0.0f;
    }
}
