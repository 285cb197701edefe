/* Sums over the rows of each channel, and the affine maps per channel that follow from them: batch, group and instance norm in all modes.

     channel_sums_f32   partials[piece, copy, segment, 4, channel], each a sum over the rows of a piece of a segment; what `kind` does not name is 0
                          0  u - s, (u - s)^2 in places 0 and 3, s the first row of the segment: mean and variance without cancellation
                          1  u, u xh                       xh = (x - mean) r
                          2  u, u xh, v z
                          3  v z, v^2 in places 2 and 3
     channel_apply_f32  y = t0 u + t1 v + t2 z + t3 (x - mean) + t4 with terms[copy, segment, 5, channel]; what is null counts nothing
                        masks, bits: 1 bit i of `mask` = y[i] > 0, then y = max(y, 0)   2 u and z count where the mask is set   4 y = 0 where it is not

   What each norm and mode makes of the sums: norm/channel_terms.gpu.cl. u, v, y: f32 [copies, segments, rows, channels]; z, x: [segments, rows, channels]; mean, r:
   [segments, channels]; mask: u32, bit i of element i of a copy, for channels that are a multiple of 32, or of 16 in one segment: a piece then has
   whole pairs of rows, so that a group writes its words alone. Batch norm has one segment, the others one per example.
   Work-group: T x R = 256, T a power of two of channels side by side, R rows. channel_sums: grid x: copies, y: pieces, z: segments; channels by a loop.
   channel_apply: grid x: copies, y: pieces of rows, z: segments. Bytes per element: channel_sums 4 per tensor read, channel_apply the same and 4.
   Flops: 3 and up to 9. Order of a sum: a lane's rows, compensated (lib/sums.h), then a tree over the R lanes, then pieces in order. */
#include "lib/gpu_wide.h"
#include "lib/sums.h"
#include "norm/channel_norm.h"

SG_FN f32 channel_masked(const SG_GLOBAL u32 *mask, i64 i, f32 v) { return mask[i >> 5] >> (i & 31) & 1u ? v : 0.0f; }

/* Where a piece of the rows begins: at an even row where a word of a mask is of two. */
SG_FN i64 channel_cut(i64 rows, i64 channels, i64 piece, i64 pieces) {
    i64 unit = channels % 32 == 0 ? 1 : 2, row = (rows + unit - 1) / unit * piece / pieces * unit;
    return row < rows ? row : rows;
}

SG_KERNEL_OF(256, 3) channel_sums_f32(const SG_GLOBAL f32 *u, const SG_GLOBAL f32 *v, const SG_GLOBAL f32 *z, const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *mean,
                                const SG_GLOBAL f32 *r, const SG_GLOBAL u32 *mask, SG_GLOBAL f32 *partials, i64 segments, i64 rows, i64 channels, i32 kind) {
    SG_SHARED(float4, sums, 256);
    i64 copy = sg_group(0), piece = sg_group(1), segment = sg_group(2), pieces = sg_groups(1), copies = sg_groups(0);
    i64 begin = rows * piece / pieces, end = rows * (piece + 1) / pieces, base = segment * rows, own = (copy * segments + segment) * rows;
    SG_GLOBAL f32 *out = partials + ((piece * copies + copy) * segments + segment) * CHANNEL_SUMS_OF * channels;
    u32 place = sg_local(1) * sg_locals(0) + sg_local(0);
    for (i64 tile = 0; tile < channels; tile += sg_locals(0)) {
        i64 c = tile + sg_local(0);
        f32 hi[4] = {0.0f, 0.0f, 0.0f, 0.0f}, lo[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (c < channels) {
            f32 shift = kind == CHANNEL_SPREAD ? u[own * channels + c] : 0.0f;
            bool normed = kind == CHANNEL_BOTH || kind == CHANNEL_PAIRS;
            f32 centre = normed ? mean[segment * channels + c] : 0.0f, inverse = normed ? r[segment * channels + c] : 0.0f;
            for (i64 row = begin + sg_local(1); row < end; row += sg_locals(1)) {
                i64 at = (base + row) * channels + c, mine = (own + row) * channels + c;
                if (kind == CHANNEL_SPREAD) {
                    f32 a = u[mine] - shift;
                    SG_TWO_SUM(f32, hi[0], lo[0], a);
                    SG_TWO_SUM(f32, hi[3], lo[3], a * a);
                }
                if (normed) {
                    f32 a = mask ? channel_masked(mask, at, u[mine]) : u[mine];
                    SG_TWO_SUM(f32, hi[0], lo[0], a);
                    SG_TWO_SUM(f32, hi[1], lo[1], a * ((x[at] - centre) * inverse));
                }
                if (kind >= CHANNEL_PAIRS) {
                    f32 a = mask ? channel_masked(mask, at, z[at]) : z[at], b = v[mine];
                    SG_TWO_SUM(f32, hi[2], lo[2], a * b);
                    if (kind == CHANNEL_SQUARES) SG_TWO_SUM(f32, hi[3], lo[3], b * b);
                }
            }
        }
        sums[place] = sg_make_4(hi[0] + lo[0], hi[1] + lo[1], hi[2] + lo[2], hi[3] + lo[3]);
        for (u32 step = sg_locals(1) / 2; step > 0; step /= 2) {
            SG_BARRIER();
            if (sg_local(1) < step) sums[place] = sums[place] + sums[place + step * sg_locals(0)];
        }
        if (sg_local(1) == 0 && c < channels) {
            out[c] = sums[place].x;
            out[channels + c] = sums[place].y;
            out[2 * channels + c] = sums[place].z;
            out[3 * channels + c] = sums[place].w;
        }
        SG_BARRIER();
    }
}

SG_KERNEL_OF(256, 3) channel_apply_f32(const SG_GLOBAL f32 *u, const SG_GLOBAL f32 *v, const SG_GLOBAL f32 *z, const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *mean,
                                 const SG_GLOBAL f32 *terms, SG_GLOBAL u32 *mask, SG_GLOBAL f32 *y, i64 segments, i64 rows, i64 channels, i32 masks) {
    i64 copy = sg_group(0), piece = sg_group(1), segment = sg_group(2), pieces = sg_groups(1);
    i64 begin = channel_cut(rows, channels, piece, pieces), end = channel_cut(rows, channels, piece + 1, pieces), base = segment * rows;
    i64 own = (copy * segments + segment) * rows;
    terms += (copy * segments + segment) * CHANNEL_TERMS * channels;
    for (i64 c = sg_local(0); c < channels; c += sg_locals(0)) {
        f32 on_u = u ? terms[c] : 0.0f, on_v = v ? terms[channels + c] : 0.0f, on_z = z ? terms[2 * channels + c] : 0.0f;
        f32 on_x = x ? terms[3 * channels + c] : 0.0f, centre = x ? mean[segment * channels + c] : 0.0f, rest = terms[4 * channels + c];
        for (i64 row = begin + sg_local(1); row < end; row += sg_locals(1)) {
            i64 at = (base + row) * channels + c, mine = (own + row) * channels + c;
            bool cut = (masks & CHANNEL_MASK_COTANGENTS) != 0 && channel_masked(mask, at, 1.0f) == 0.0f;
            f32 sum = rest;
            if (u && !cut) sum += on_u * u[mine];
            if (v) sum += on_v * v[mine];
            if (z && !cut) sum += on_z * z[at];
            if (x) sum += on_x * (x[at] - centre);
            if (masks & CHANNEL_MASK_RESULT) sum = channel_masked(mask, at, sum);
            y[mine] = sum;
        }
    }
    if (masks & CHANNEL_WRITE_MASK) {
        /* a word of the mask for 32 elements that this group has just written */
        SG_BARRIER_GLOBAL();
        i64 all = (end - begin) * channels, words = (all + 31) / 32, first = (base + begin) * channels / 32;
        for (i64 w = sg_local(1) * sg_locals(0) + sg_local(0); w < words; w += sg_locals(0) * sg_locals(1)) {
            u32 bits = 0;
            for (i32 e = 0; e < 32 && w * 32 + e < all; e++) {
                f32 a = y[(first + w) * 32 + e];
                if (a > 0.0f) bits |= 1u << e;
                if (a < 0.0f) y[(first + w) * 32 + e] = 0.0f;
            }
            mask[first + w] = bits;
        }
    }
}
