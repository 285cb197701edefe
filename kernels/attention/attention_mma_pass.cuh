/* What the passes of attention/attention_mma.cu share beside their tiles: the problem, which part of it a block has, which keys a tile's queries see,
   probabilities, dropout, and statistics of queries. */
#ifndef SG_ATTENTION_ATTENTION_MMA_PASS_CUH
#define SG_ATTENTION_ATTENTION_MMA_PASS_CUH

#include "attention/attention_mma_tile.cuh"

/* The arguments that all entries have; the names are attention.h's. */
struct AttentionMma {
    const f32 *q, *k, *v;
    const i32 *lengths;
    const f32 *slopes;
    const u32 *random;
    i32 batch, heads, kv_heads, t, s, d;
    i64 q_from, k_from, v_from, q_row, k_row, v_row;
    f32 scale;
    i32 causal, window;
    f32 dropout;
    u32 stream;
    i32 copies;

    /* Rows of the queries (or keys, or values) of one head and example, or of their tangents, of one copy. */
    __device__ __forceinline__ AttentionRows queries(const f32 *array, i64 copy, i32 b, i32 head) const {
        return attention_rows_at(array, q_from + (copy * batch + b) * t * q_row + (i64)head * d, q_row);
    }
    __device__ __forceinline__ AttentionRows keys(const f32 *array, i64 copy, i32 b, i32 head) const {
        return attention_rows_at(array, k_from + (copy * batch + b) * s * k_row + (i64)head * d, k_row);
    }
    __device__ __forceinline__ AttentionRows values(const f32 *array, i64 copy, i32 b, i32 head) const {
        return attention_rows_at(array, v_from + (copy * batch + b) * s * v_row + (i64)head * d, v_row);
    }
    /* Of o, d_o and their tangents. */
    __device__ __forceinline__ AttentionRows outputs(const f32 *array, i64 copy, i32 b, i32 head) const {
        return attention_rows_at(array, ((copy * batch + b) * t * heads + head) * d, (i64)heads * d);
    }
    /* The first query of a head among the statistics [copies, batch, heads, t]. */
    __device__ __forceinline__ i64 statistics(i64 copy, i32 b, i32 head) const { return ((copy * batch + b) * heads + head) * t; }
    __device__ __forceinline__ i32 length(i32 b) const {
        const i32 given = lengths != 0 ? lengths[b] : s;
        return given < 0 ? 0 : given < s ? given : s;
    }
};

/* A block's tile of `extent` rows, head, example and copy; the last tile, which has most to do in causal passes, first. */
struct AttentionPart {
    i32 first, head, b, copy;
};
SG_FN AttentionPart attention_mma_part(i64 block, i32 extent, i32 heads, i32 batch) {
    const i32 tiles = (extent - 1) / ATTENTION_MMA_OWN + 1;
    const i64 rest = block / tiles;
    AttentionPart part;
    part.first = (tiles - 1 - (i32)(block % tiles)) * ATTENTION_MMA_OWN;
    part.head = (i32)(rest % heads);
    part.b = (i32)(rest / heads % batch);
    part.copy = (i32)(rest / heads / batch);
    return part;
}

/* A tile of scores: queries i0 .. i0 + ni - 1, keys j0 .. j0 + nj - 1; scores in units of log 2. */
struct AttentionSight {
    i32 t, shift, causal, window, length;
    f32 scale, slope;

    __device__ __forceinline__ void start(const AttentionMma &p, i32 b, i32 head) {
        t = p.t;
        shift = p.s - p.t;
        causal = p.causal;
        window = p.window;
        length = p.length(b);
        scale = p.scale * ATTENTION_MMA_LOG2E;
        slope = p.slopes != 0 ? p.slopes[head] * ATTENTION_MMA_LOG2E : 0.0f;
    }
    /* Whether all of the tile's queries see all of its keys. */
    __device__ __forceinline__ bool all(i32 i0, i32 ni, i32 j0, i32 nj) const {
        const i32 first = i0 + shift, last = first + ni - 1, last_key = j0 + nj - 1;
        return i0 + ni <= t && last_key < length && (!causal || last_key <= first)
            && (window <= 0 || ((i64)last - j0 < window && (causal || (i64)last_key - first < window)));
    }
    __device__ __forceinline__ bool sees(i32 i, i32 j) const { return i < t && attention_visible(i + shift, j, causal, window, length); }
};

/* n: eights of other rows; e: the lane's element among them. */
#define ATTENTION_MMA_EACH(N)          \
    _Pragma("unroll") for (i32 n = 0; n < (N); n++) _Pragma("unroll") for (i32 e = 0; e < 4; e++)

/* Where the lane's elements are: own row `own` + 8 (e / 2), other row `other` + 8 n + e % 2. */
struct AttentionLane {
    i32 own, other;
    __device__ __forceinline__ void start(i32 own0, i32 other0) {
        const i32 lane = (i32)threadIdx.x % SG_WARP;
        own = own0 + (i32)threadIdx.x / SG_WARP * 16 + lane / 4;
        other = other0 + lane % 4 * 2;
    }
    template <bool BY_KEYS>
    __device__ __forceinline__ i32 query(i32 n, i32 e) const { return BY_KEYS ? other + 8 * n + e % 2 : own + e / 2 * 8; }
    template <bool BY_KEYS>
    __device__ __forceinline__ i32 key(i32 n, i32 e) const { return BY_KEYS ? own + e / 2 * 8 : other + 8 * n + e % 2; }
    /* w += slope (key - query's place): a conversion for the lane, not for each element. */
    template <bool BY_KEYS, int N>
    __device__ __forceinline__ void slant(f32 (&w)[N][4], const AttentionSight &sight) const {
        if (sight.slope == 0.0f) return;
        const f32 from = (f32)(BY_KEYS ? own - other - sight.shift : other - own - sight.shift);
        ATTENTION_MMA_EACH(N) w[n][e] += sight.slope * (from + (f32)(BY_KEYS ? e / 2 * 8 - 8 * n - e % 2 : 8 * n + e % 2 - e / 2 * 8));
    }
    /* w = instead where the query does not see the key. */
    template <bool BY_KEYS, int N>
    __device__ __forceinline__ void hide(f32 (&w)[N][4], const AttentionSight &sight, f32 instead) const {
        ATTENTION_MMA_EACH(N) {
            if (!sight.sees(query<BY_KEYS>(n, e), key<BY_KEYS>(n, e))) w[n][e] = instead;
        }
    }
};

/* A number for each query: of the lane's two own rows, or where those are keys of the other ones, in shared memory. */
struct AttentionStatistic {
    f32 own[2];
    const f32 *others;

    /* Own rows first and first + 8 of those below t, times factor. */
    __device__ __forceinline__ void load(const f32 *from, i32 first, i32 t, f32 factor = 1.0f) {
        own[0] = first < t ? factor * from[first] : 0.0f;
        own[1] = first + 8 < t ? factor * from[first + 8] : 0.0f;
    }
    template <bool BY_KEYS>
    __device__ __forceinline__ f32 at(i32 n, i32 e) const {
        return BY_KEYS ? others[8 * n + (i32)threadIdx.x % 4 * 2 + e % 2] : own[e / 2];
    }
};

/* Sums of products to probabilities exp(S - lse), at most 1 whatever queries and keys were kept in few bits; 0 where the key is not visible. lse in units of log 2. */
template <bool BY_KEYS, int N>
SG_FN void attention_mma_probabilities(f32 (&w)[N][4], const AttentionSight &sight, const AttentionLane &lane, bool all, const AttentionStatistic &lse) {
    ATTENTION_MMA_EACH(N) w[n][e] = sight.scale * w[n][e] - lse.at<BY_KEYS>(n, e);
    lane.slant<BY_KEYS>(w, sight);
    ATTENTION_MMA_EACH(N) w[n][e] = ptx_exp2(fminf(0.0f, w[n][e]));
    if (!all) lane.hide<BY_KEYS>(w, sight, 0.0f);
}

/* What dropout multiplies a tile's elements with. */
struct AttentionDrop {
    bool any;
    f32 keep;
    u32 bits; /* 4 n + e: kept */

    __device__ __forceinline__ void start(const AttentionMma &p) {
        any = p.dropout > 0.0f && p.random != 0;
        keep = 1.0f / (1.0f - p.dropout);
        bits = 0;
    }
    /* first_row: the number of the head's first query among all. */
    template <bool BY_KEYS, int N>
    __device__ __forceinline__ void draw(const AttentionMma &p, i64 first_row, const AttentionLane &lane) {
        if (!any) return;
        const u32 threshold = attention_threshold(p.dropout);
        sg_random_key key;
        sg_random_key_of(p.random, p.stream, &key);
        bits = 0;
        const i32 at = (i32)threadIdx.x % SG_WARP;
#pragma unroll 1
        for (i32 n = 0; n < N; n++) { /* four keys of a query at a time, and a lane for each four: two, or four, lanes have their elements */
            if (BY_KEYS) {
                const i32 mine = at / 4 % 4;
                const i64 row = first_row + lane.other + 8 * n + mine % 2;
                const u32 four = attention_kept(key, threshold, row * p.s + lane.own - mine + mine / 2 * 8);
#pragma unroll
                for (i32 e = 0; e < 4; e++) bits |= (__shfl_sync(SG_FULL_MASK, four, (at & ~12) + 4 * e) >> mine & 1u) << (4 * n + e);
            } else {
                const i32 odd = at % 2;
                const u32 four = attention_kept(key, threshold, (first_row + lane.own + 8 * odd) * p.s + lane.other - 2 * odd + 8 * n);
                const u32 others = __shfl_xor_sync(SG_FULL_MASK, four, 1);
                bits |= (odd ? others >> 2 | (four & 12u) : (four & 3u) | (others & 3u) << 2) << (4 * n);
            }
        }
    }
    template <int N>
    __device__ __forceinline__ void apply(f32 (&w)[N][4]) const {
        if (!any) return;
        ATTENTION_MMA_EACH(N) w[n][e] = bits >> (4 * n + e) & 1u ? keep * w[n][e] : 0.0f;
    }
};

/* Tiles of R rows of the other operands. In wide heads four operands of 4-byte elements leave room in shared memory for 16 rows only; and FEW, where two sums
   of results take most registers. */
template <class Format, int D, int OPERANDS, bool FEW = false>
struct AttentionOthers {
    static constexpr int R = (Format::SIZE == 4 || FEW) && D > 64 && OPERANDS == 4 ? 16 : 32;
    typedef AttentionTile<Format, D, R> Tile;
    static constexpr int BYTES = OPERANDS * (Tile::BYTES + Tile::RAW);

    static __device__ __forceinline__ unsigned char *tile(unsigned char *memory, i32 operand) { return memory + operand * Tile::BYTES; }
    static __device__ __forceinline__ unsigned char *raw(unsigned char *memory, i32 operand) { return memory + OPERANDS * Tile::BYTES + operand * Tile::RAW; }
    static __device__ __forceinline__ void fetch(unsigned char *memory, const AttentionRows (&from)[OPERANDS], i32 first, i32 rows, i32 d) {
#pragma unroll
        for (i32 o = 0; o < OPERANDS; o++) Tile::fetch(raw(memory, o), from[o], first, rows, d);
    }
    static __device__ __forceinline__ void round(unsigned char *memory) {
#pragma unroll 1
        for (i32 o = 0; o < OPERANDS; o++) Tile::round(tile(memory, o), raw(memory, o));
    }
};

#endif
