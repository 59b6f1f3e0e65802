// Scaled dot-product attention in tiles, forward and backward: the scores are never stored whole.
//
// Formula     s = scale q k^T; softcap: s = softcap tanh(s / softcap); + mask (kept where true if
//             bool); key j is visible to query i if j <= i + causal_offset (causal) and
//             j > i + causal_offset - window (window > 0). o = softmax(s) v, lse = log sum exp(s).
//             A row that sees nothing gives 0 and -infinity.
//             Gradients, with p = exp(s - lse) and delta = sum(g o) of a row: dv = p^T g,
//             ds = p (g v^T - delta) = dmask, dq = scale ds k, dk = scale ds^T q, where softcap
//             multiplies the ds of dq and dk by 1 - tanh^2.
// Layout      q, o, g, dq (b, hq, tq, D or DV), k, v, dk, dv (b, heads, tk, D or DV): any strides,
//             one type. mask (b, hq, tq, tk): any strides. lse, delta (b, hq, tq) and dmask
//             (b, hq, tq, tk): f32, contiguous. Rows: the group = hq / heads query heads of a key
//             head stand together, row r of key head h is query r / group of query head
//             h group + r % group, so that k and v pass by once for all of them.
// Options     X_TYPE; D, DV: the head sizes; MASK, MASK_TYPE; SOFTCAP; SPLIT; DMASK.
// Tunables    TX, TY: a work-group's items; RM: rows of sums an item, BM = TY RM; BN: length of a
//             tile on the other side, a multiple of TX VEC and at least BM; VEC. Local memory in
//             floats, widths rounded up to TX VEC, plus VEC: forward D BM + max(D, DV) BN + BN BM,
//             backward (D + DV) BM + max(D, DV) BN + BN BM. On a CPU: TX = TY = 1.
// Geometry    named at each kernel.
// CPU twin    cpu/attention.c, cpu/attention_decode.c (SPLIT), cpu/attention_backward.c
//
// No atomics: every sum belongs to one work-group and runs in a fixed order.

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef D
#define D 64
#endif
#ifndef DV
#define DV D
#endif
#ifndef MASK
#define MASK 0
#endif
#ifndef MASK_TYPE
#define MASK_TYPE F32
#endif
#ifndef SOFTCAP
#define SOFTCAP 0
#endif
#ifndef SPLIT
#define SPLIT 0
#endif
#ifndef DMASK
#define DMASK 0
#endif
#ifndef TX
#define TX 16
#endif
#ifndef TY
#define TY 8
#endif
#ifndef RM
#define RM 4
#endif
#ifndef BN
#define BN (TX * VEC)
#endif

#define LOG2E 1.44269504f
#define LN2 0.69314718f
#define BM (TY * RM)
#define ITEMS (TX * TY)
#if ITEMS == 1
#define SYNCHRONISE
#else
#define SYNCHRONISE barrier(CLK_LOCAL_MEM_FENCE);
#endif

// Sums lie along TX VEC columns at a time; a tile's width has some more, so that its columns spread
// over the banks.
#define ROUND_UP(n) (((n) + TX * VEC - 1) / (TX * VEC) * (TX * VEC))
#define PAD (ITEMS == 1 ? 0 : VEC)
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define D_WIDTH (ROUND_UP(D) + PAD)
#define DV_WIDTH (ROUND_UP(DV) + PAD)
#define OWN_WIDTH (BM + PAD)
#define OTHER_WIDTH (BN + PAD)
#define OTHER_FLOATS MAX(MAX(D, DV) * OTHER_WIDTH, BN * MAX(D_WIDTH, DV_WIDTH))
#define S_VECTORS (BN / (TX * VEC))
#define D_VECTORS (ROUND_UP(D) / (TX * VEC))
#define DV_VECTORS (ROUND_UP(DV) / (TX * VEC))

#define CALL_ARGUMENTS                                                                            \
    const long heads, const long group, const long tq, const long tk, const float scale,          \
    const float softcap, const int causal, const long causal_offset, const long window,           \
    IN_STRIDED(X_TYPE, q), IN_STRIDED(X_TYPE, k), IN_STRIDED(X_TYPE, v), IN_STRIDED(MASK_TYPE, mask)

// ---- tiles

// c (BM, columns) += a^T b for the item's rows ty RM + i and columns (j TX + tx) VEC + lane: a
// (depth, BM), b (depth, columns), in local memory.
#define MULTIPLY(c, columns, a, a_width, b, b_width, depth)                                       \
    for (int p_ = 0; p_ < (depth); p_++) {                                                        \
        floatv right_[columns];                                                                   \
        for (int j_ = 0; j_ < (columns); j_++)                                                    \
            right_[j_] = *(__local const floatv *)&b[p_ * (b_width) + (j_ * TX + tx) * VEC];      \
        for (int i_ = 0; i_ < RM; i_++) {                                                         \
            const floatv left_ = V(a[p_ * (a_width) + ty * RM + i_]);                             \
            for (int j_ = 0; j_ < (columns); j_++) c[i_][j_] = fma(left_, right_[j_], c[i_][j_]); \
        }                                                                                         \
    }
#define CLEAR(c, columns)                                                                         \
    for (int i_ = 0; i_ < RM; i_++)                                                               \
        for (int j_ = 0; j_ < (columns); j_++) c[i_][j_] = V(0);
// Each element of the item's sums: row ty RM + i of the own side, column `column` of the other
// side, LANE(c) of both.
#define EACH_SUM(columns)                                                                         \
    for (int i = 0; i < RM; i++)                                                                  \
        for (int j = 0; j < (columns); j++)                                                       \
            for (int lane = 0, column = (j * TX + tx) * VEC; lane < VEC; lane++, column++)
#define LANE(c) (((float *)&c[i][j])[lane])

// One row of n channels, `stride` apart, into a tile; zeros where there is none and up to `padded`.
static inline void stage(__local float *tile, int step, __global const ELEMENT(X_TYPE) *x, long at,
                         long stride, int n, int padded, bool there) {
    for (int c = get_local_id(0); c < padded; c += TX)
        tile[c * step] = there && c < n ? LOAD(X_TYPE, x, at + c * stride) : 0;
}

// Rows first ... first + count - 1 of a (b, h, t, n) array whose head h begins at `at`: query rows
// (STAGE_ROWS) or keys (STAGE_KEYS). A tile is (channels, rows), ready for MULTIPLY, or (rows,
// channels) if flat.
#define STAGE_ROWS(tile, width, flat, first, count, x, channels, padded)                          \
    for (int r_ = ty; r_ < (count); r_ += TY) {                                                   \
        const long row_ = (first) + r_;                                                           \
        const bool there_ = row_ < rows;                                                          \
        const uint which_ = there_ ? (uint)row_ : 0;                                              \
        const long at_ = x##_at + b * x##_strides.n[0]                                            \
            + (h * group + which_ % (uint)group) * x##_strides.n[1]                               \
            + (which_ / (uint)group) * x##_strides.n[2];                                          \
        stage(tile + ((flat) ? r_ * (width) : r_), (flat) ? 1 : (width), x, at_,                  \
              x##_strides.n[3], channels,                                                         \
              (flat) ? (padded) : (channels), there_);                                            \
    }
#define STAGE_KEYS(tile, width, flat, first, count, x, channels, padded)                          \
    for (int r_ = ty; r_ < (count); r_ += TY) {                                                   \
        const long key_ = (first) + r_;                                                           \
        const long at_ = x##_at + b * x##_strides.n[0] + h * x##_strides.n[1]                     \
            + key_ * x##_strides.n[2];                                                            \
        stage(tile + ((flat) ? r_ * (width) : r_), (flat) ? 1 : (width), x, at_,                  \
              x##_strides.n[3], channels,                                                         \
              (flat) ? (padded) : (channels), key_ < tk);                                         \
    }

// ---- scores

// The keys x ... y - 1 that causality and window leave to a query.
static inline int2 keys_of(long query, long tk, int causal, long causal_offset, long window) {
    const long far = 1l << 40, at = query + clamp(causal_offset, -far, far);
    const long last = causal ? clamp(at + 1, 0l, tk) : tk;
    const long first = window > 0 ? clamp(at - min(window, far) + 1, 0l, last) : 0;
    return (int2)((int)first, (int)last);
}

// What is known of the rows of a tile, in local memory. Rows that are not there see nothing.
#define ROW_TABLE(n) __local int row_first[n], row_last[n]; __local long row_mask[n];
#define FILL_ROW_TABLE(first, count) FILL_TABLE(first, count, (void)place_;)
#define FILL_TABLE(first, count, more)                                                            \
    for (int e_ = 0; e_ < ((count) + ITEMS - 1) / ITEMS; e_++) {                                  \
        const int r_ = min(item + e_ * ITEMS, (count) - 1);   /* all items go round alike */      \
        const bool there_ = (first) + r_ < rows;                                                  \
        const uint which_ = there_ ? (uint)((first) + r_) : 0;                                    \
        const long query_ = which_ / (uint)group, head_ = h * group + which_ % (uint)group;       \
        const long place_ = (b * heads * group + head_) * tq + query_;                            \
        const int2 keys_ = keys_of(query_, tk, causal, causal_offset, window);                    \
        row_first[r_] = there_ ? keys_.x : 0;                                                     \
        row_last[r_] = there_ ? keys_.y : 0;                                                      \
        row_mask[r_] = mask_at + b * mask_strides.n[0] + head_ * mask_strides.n[1]                \
            + query_ * mask_strides.n[2];                                                         \
        more                                                                                      \
    }
// A row's place in (b, hq, tq).
#define HEAD_OF(row) (h * group + (uint)(row) % (uint)group)
#define QUERY_OF(row) ((uint)(row) / (uint)group)
#define PLACE_OF(row) ((b * heads * group + HEAD_OF(row)) * tq + QUERY_OF(row))

// A product becomes a score in units of log 2, -infinity where the key is not visible. slope gets
// the softcap's slope.
#define FINISH_SCORE(s, r, key, slope)                                                            \
    do {                                                                                          \
        float x_ = (s) * scale;                                                                   \
        slope = 1;                                                                                \
        if (SOFTCAP) {                                                                            \
            const float t_ = tanh(x_ / softcap);                                                  \
            x_ = softcap * t_;                                                                    \
            slope = 1 - t_ * t_;                                                                  \
        }                                                                                         \
        const bool visible_ = (key) >= row_first[r] && (key) < row_last[r];                       \
        if (MASK && visible_) {                                                                   \
            const float m_ = LOAD(MASK_TYPE, mask, row_mask[r] + (key) * mask_strides.n[3]);      \
            x_ = MASK_TYPE == BOOL ? (m_ != 0 ? x_ : -INFINITY) : x_ + m_;                        \
        }                                                                                         \
        (s) = visible_ ? x_ * LOG2E : -INFINITY;                                                  \
    } while (0)

// Where a work-group stands: every kernel begins with it. Neighbouring rows see neighbouring keys,
// so that the keys of a tile of rows reach from the first row's first to the last row's last.
#define POSITION                                                                                  \
    const int tx = get_local_id(0), ty = get_local_id(1), item = ty * TX + tx;                    \
    const long b = get_group_id(2) / heads, h = get_group_id(2) % heads, rows = group * tq;       \
    (void)item;
#define KEYS_OF_ROW(row) keys_of((row) / group, tk, causal, causal_offset, window)

// ---- forward

#ifdef KERNEL_attention
// Geometry    global (TX ceil(group tq / BM), TY splits, b heads), local (TX, TY, 1). splits is 1
//             unless SPLIT: then split i takes keys i split_keys and on, and leaves sums for
//             attention_join in partial (b heads, splits, rows, DV + 2): o times 2^top, top, sum.
__kernel __attribute__((reqd_work_group_size(TX, TY, 1))) void attention(
    CALL_ARGUMENTS, OUT_STRIDED(X_TYPE, o), OUT(F32, lse), OUT(F32, partial),
    const long split_keys) {
    __local float own[D * OWN_WIDTH] __attribute__((aligned(64)));          // q (D, BM)
    // k (D, BN), then v (BN, DV)
    __local float other[OTHER_FLOATS] __attribute__((aligned(64)));
    __local float weights[BN * OWN_WIDTH] __attribute__((aligned(64)));     // p (BN, BM)
    __local float tops[TX * BM];
    ROW_TABLE(BM)
    POSITION
    const long row0 = (long)get_group_id(0) * BM, row1 = min(row0 + BM, rows);
    long begin = KEYS_OF_ROW(row0).x / BN * BN, end = KEYS_OF_ROW(row1 - 1).y;
#if SPLIT
    begin = max(begin, (long)get_group_id(1) * split_keys);
    end = min(end, (long)(get_group_id(1) + 1) * split_keys);
#endif
    FILL_ROW_TABLE(row0, BM)
    STAGE_ROWS(own, OWN_WIDTH, 0, row0, BM, q, D, D)
    floatv sums[RM][DV_VECTORS];
    float top[RM], total[RM];   // total: of the item's own columns
    CLEAR(sums, DV_VECTORS)
    for (int i = 0; i < RM; i++) {
        top[i] = -INFINITY;
        total[i] = 0;
    }
    for (long key0 = begin; key0 < end; key0 += BN) {
        floatv s[RM][S_VECTORS];
        CLEAR(s, S_VECTORS)
        SYNCHRONISE
        STAGE_KEYS(other, OTHER_WIDTH, 0, key0, BN, k, D, D)
        SYNCHRONISE
        MULTIPLY(s, S_VECTORS, own, OWN_WIDTH, other, OTHER_WIDTH, D)
        EACH_SUM(S_VECTORS) {
            float slope;
            FINISH_SCORE(LANE(s), ty * RM + i, key0 + column, slope);
#if SPLIT
            if (key0 + column >= end) LANE(s) = -INFINITY;
#endif
        }
        for (int i = 0; i < RM; i++) {
            floatv most = s[i][0];
            for (int j = 1; j < S_VECTORS; j++) most = fmax(most, s[i][j]);
            tops[tx * BM + ty * RM + i] = max_v(most);
        }
        SYNCHRONISE
        for (int i = 0; i < RM; i++) {
            float now = top[i];
            for (int t = 0; t < TX; t++) now = fmax(now, tops[t * BM + ty * RM + i]);
            // While nothing is visible the top is -infinity: 0 keeps differences from it defined.
            const float base = now == -INFINITY ? 0 : now, fade = exp2(top[i] - base);
            top[i] = now;
            total[i] *= fade;
            for (int j = 0; j < DV_VECTORS; j++) sums[i][j] *= V(fade);
            for (int j = 0; j < S_VECTORS; j++) {
                s[i][j] = exp2(s[i][j] - V(base));
                total[i] += sum_v(s[i][j]);
            }
        }
        EACH_SUM(S_VECTORS) weights[column * OWN_WIDTH + ty * RM + i] = LANE(s);
        STAGE_KEYS(other, DV_WIDTH, 1, key0, BN, v, DV, DV_WIDTH)
        SYNCHRONISE
        MULTIPLY(sums, DV_VECTORS, weights, OWN_WIDTH, other, DV_WIDTH, BN)
    }
    SYNCHRONISE
    for (int i = 0; i < RM; i++) tops[tx * BM + ty * RM + i] = total[i];
    SYNCHRONISE
    for (int i = 0; i < RM; i++) {
        const long row = row0 + ty * RM + i;
        float all = 0;
        for (int t = 0; t < TX; t++) all += tops[t * BM + ty * RM + i];
        if (row >= rows) continue;
#if SPLIT
        const long split = (long)get_group_id(2) * get_num_groups(1) + get_group_id(1);
        __global float *out = partial + partial_at + (split * rows + row) * (DV + 2);
        if (tx == 0) {
            out[DV] = top[i];
            out[DV + 1] = all;
        }
        for (int j = 0; j < DV_VECTORS; j++)
            for (int lane = 0, c = (j * TX + tx) * VEC; lane < VEC; lane++, c++)
                if (c < DV) out[c] = LANE(sums);
#else
        const long place = PLACE_OF(row);
        const float weight = all == 0 ? 0 : 1 / all;
        const long at = o_at + b * o_strides.n[0] + HEAD_OF(row) * o_strides.n[1]
            + QUERY_OF(row) * o_strides.n[2];
        if (tx == 0 && lse) lse[lse_at + place] = top[i] * LN2 + log(all);
        for (int j = 0; j < DV_VECTORS; j++)
            for (int lane = 0, c = (j * TX + tx) * VEC; lane < VEC; lane++, c++)
                if (c < DV) STORE(X_TYPE, o, at + c * o_strides.n[3], LANE(sums) * weight);
#endif
    }
}
#endif

#ifdef KERNEL_attention_join
// Joins the splits of a row, in their order. Geometry: global (DV, rows, b heads), any local.
__kernel void attention_join(const long heads, const long group, const long tq, const long splits,
                             IN(F32, partial), OUT_STRIDED(X_TYPE, o), OUT(F32, lse)) {
    const long c = get_global_id(0), row = get_global_id(1), bh = get_global_id(2);
    const long rows = group * tq;
    if (c >= DV || row >= rows) return;
    const long b = bh / heads, h = bh % heads;
    partial += partial_at + (bh * splits * rows + row) * (DV + 2);
    const long step = rows * (DV + 2);
    float top = -INFINITY, sum = 0, all = 0;
    for (long i = 0; i < splits; i++) top = fmax(top, partial[i * step + DV]);
    const float base = top == -INFINITY ? 0 : top;
    for (long i = 0; i < splits; i++) {
        const float weight = exp2(partial[i * step + DV] - base);
        sum = fma(weight, partial[i * step + c], sum);
        all = fma(weight, partial[i * step + DV + 1], all);
    }
    const long head = h * group + row % group, query = row / group;
    const long at = o_at + b * o_strides.n[0] + head * o_strides.n[1] + query * o_strides.n[2];
    STORE(X_TYPE, o, at + c * o_strides.n[3], all == 0 ? 0 : sum / all);
    if (c == 0 && lse) lse[lse_at + (b * heads * group + head) * tq + query] = top * LN2 + log(all);
}
#endif

// ---- backward

#ifdef KERNEL_attention_delta
// delta (b, hq, tq) = sum(g o) over channels. Geometry: global (tq, hq, b), any local.
__kernel void attention_delta(const long hq, const long tq, IN_STRIDED(X_TYPE, o),
                              IN_STRIDED(X_TYPE, g), OUT(F32, delta)) {
    const long t = get_global_id(0), h = get_global_id(1), b = get_global_id(2);
    if (t >= tq || h >= hq) return;
    o += o_at + b * o_strides.n[0] + h * o_strides.n[1] + t * o_strides.n[2];
    g += g_at + b * g_strides.n[0] + h * g_strides.n[1] + t * g_strides.n[2];
    float sum = 0;
    for (int c = 0; c < DV; c++)
        sum = fma(LOAD(X_TYPE, o, c * o_strides.n[3]), LOAD(X_TYPE, g, c * g_strides.n[3]), sum);
    delta[delta_at + (b * hq + h) * tq + t] = sum;
}
#endif

// lse and delta of a tile's rows; rows that are not there or see nothing get p = 2^-infinity = 0.
#define GRADIENT_TABLE(n) ROW_TABLE(n) __local float row_lse[n], row_delta[n];
#define FILL_GRADIENT_TABLE(first, count)                                                         \
    FILL_TABLE(first, count,                                                                      \
        const float lse_ = there_ ? lse[lse_at + place_] : -INFINITY;                             \
        row_lse[r_] = lse_ == -INFINITY ? INFINITY : lse_ * LOG2E;                                \
        row_delta[r_] = delta[delta_at + place_];)
#define GRADIENT_ARGUMENTS CALL_ARGUMENTS, IN_STRIDED(X_TYPE, g), IN(F32, lse), IN(F32, delta)

#ifdef KERNEL_attention_gradient_q
// dq, and dmask if DMASK. Geometry: global (TX ceil(group tq / BM), TY, b heads),
// local (TX, TY, 1).
__kernel __attribute__((reqd_work_group_size(TX, TY, 1))) void attention_gradient_q(
    GRADIENT_ARGUMENTS, OUT_STRIDED(X_TYPE, dq), OUT(F32, dmask)) {
    __local float own_q[D * OWN_WIDTH] __attribute__((aligned(64)));        // (D, BM)
    __local float own_g[DV * OWN_WIDTH] __attribute__((aligned(64)));       // (DV, BM)
    // k, v (D or DV, BN), k flat
    __local float other[OTHER_FLOATS] __attribute__((aligned(64)));
    __local float ds[BN * OWN_WIDTH] __attribute__((aligned(64)));          // (BN, BM)
    GRADIENT_TABLE(BM)
    POSITION
    const long row0 = (long)get_group_id(0) * BM, row1 = min(row0 + BM, rows);
    const long begin = DMASK ? 0 : KEYS_OF_ROW(row0).x / BN * BN;
    const long end = DMASK ? tk : KEYS_OF_ROW(row1 - 1).y;
    FILL_GRADIENT_TABLE(row0, BM)
    STAGE_ROWS(own_q, OWN_WIDTH, 0, row0, BM, q, D, D)
    STAGE_ROWS(own_g, OWN_WIDTH, 0, row0, BM, g, DV, DV)
    floatv sums[RM][D_VECTORS];
    CLEAR(sums, D_VECTORS)
    for (long key0 = begin; key0 < end; key0 += BN) {
        floatv s[RM][S_VECTORS], dp[RM][S_VECTORS];
        CLEAR(s, S_VECTORS)
        CLEAR(dp, S_VECTORS)
        SYNCHRONISE
        STAGE_KEYS(other, OTHER_WIDTH, 0, key0, BN, k, D, D)
        SYNCHRONISE
        MULTIPLY(s, S_VECTORS, own_q, OWN_WIDTH, other, OTHER_WIDTH, D)
        SYNCHRONISE
        STAGE_KEYS(other, OTHER_WIDTH, 0, key0, BN, v, DV, DV)
        SYNCHRONISE
        MULTIPLY(dp, S_VECTORS, own_g, OWN_WIDTH, other, OTHER_WIDTH, DV)
        EACH_SUM(S_VECTORS) {
            const int r = ty * RM + i;
            float slope;
            FINISH_SCORE(LANE(s), r, key0 + column, slope);
            const float gradient = exp2(LANE(s) - row_lse[r]) * (LANE(dp) - row_delta[r]);
#if DMASK
            if (row0 + r < rows && key0 + column < tk)
                dmask[dmask_at + PLACE_OF(row0 + r) * tk + key0 + column] = gradient;
#endif
            ds[column * OWN_WIDTH + r] = gradient * slope;
        }
        SYNCHRONISE
        STAGE_KEYS(other, D_WIDTH, 1, key0, BN, k, D, D_WIDTH)
        SYNCHRONISE
        MULTIPLY(sums, D_VECTORS, ds, OWN_WIDTH, other, D_WIDTH, BN)
    }
    EACH_SUM(D_VECTORS) {
        const long row = row0 + ty * RM + i;
        if (row < rows && column < D) {
            const long at = dq_at + b * dq_strides.n[0] + HEAD_OF(row) * dq_strides.n[1]
                + QUERY_OF(row) * dq_strides.n[2];
            STORE(X_TYPE, dq, at + column * dq_strides.n[3], LANE(sums) * scale);
        }
    }
}
#endif

#ifdef KERNEL_attention_gradient_kv
// dk and dv: a work-group owns BM keys and goes over all rows that see one of them, in their order.
// Geometry: global (TX ceil(tk / BM), TY, b heads), local (TX, TY, 1).
__kernel __attribute__((reqd_work_group_size(TX, TY, 1))) void attention_gradient_kv(
    GRADIENT_ARGUMENTS, OUT_STRIDED(X_TYPE, dk), OUT_STRIDED(X_TYPE, dv)) {
    __local float own_k[D * OWN_WIDTH] __attribute__((aligned(64)));        // (D, BM)
    __local float own_v[DV * OWN_WIDTH] __attribute__((aligned(64)));       // (DV, BM)
    // q, g (D or DV, BN), then flat
    __local float other[OTHER_FLOATS] __attribute__((aligned(64)));
    __local float weights[BN * OWN_WIDTH] __attribute__((aligned(64)));     // p, then ds: (BN, BM)
    GRADIENT_TABLE(BN)
    POSITION
    const long key0 = (long)get_group_id(0) * BM, key1 = min(key0 + BM, tk);
    STAGE_KEYS(own_k, OWN_WIDTH, 0, key0, BM, k, D, D)
    STAGE_KEYS(own_v, OWN_WIDTH, 0, key0, BM, v, DV, DV)
    floatv dk_sums[RM][D_VECTORS], dv_sums[RM][DV_VECTORS];
    CLEAR(dk_sums, D_VECTORS)
    CLEAR(dv_sums, DV_VECTORS)
    // The queries that see one of the keys: from the first's on, up to the last's window.
    const long far = 1l << 40, offset = clamp(causal_offset, -far, far);
    const long begin = causal ? clamp(key0 - offset, 0l, tq) * group / BN * BN : 0;
    const long end = window > 0 ? clamp(key1 - 1 - offset + min(window, far), 0l, tq) * group
        : rows;
    for (long row0 = begin; row0 < end; row0 += BN) {
        floatv s[RM][S_VECTORS], dp[RM][S_VECTORS];
        CLEAR(s, S_VECTORS)
        CLEAR(dp, S_VECTORS)
        SYNCHRONISE
        FILL_GRADIENT_TABLE(row0, BN)
        STAGE_ROWS(other, OTHER_WIDTH, 0, row0, BN, q, D, D)
        SYNCHRONISE
        MULTIPLY(s, S_VECTORS, own_k, OWN_WIDTH, other, OTHER_WIDTH, D)
        SYNCHRONISE
        STAGE_ROWS(other, OTHER_WIDTH, 0, row0, BN, g, DV, DV)
        SYNCHRONISE
        MULTIPLY(dp, S_VECTORS, own_v, OWN_WIDTH, other, OTHER_WIDTH, DV)
        EACH_SUM(S_VECTORS) {
            float slope;
            FINISH_SCORE(LANE(s), column, key0 + ty * RM + i, slope);
            const float p = exp2(LANE(s) - row_lse[column]);
            weights[column * OWN_WIDTH + ty * RM + i] = p;
            LANE(dp) = p * (LANE(dp) - row_delta[column]) * slope;
        }
        SYNCHRONISE
        STAGE_ROWS(other, DV_WIDTH, 1, row0, BN, g, DV, DV_WIDTH)
        SYNCHRONISE
        MULTIPLY(dv_sums, DV_VECTORS, weights, OWN_WIDTH, other, DV_WIDTH, BN)
        SYNCHRONISE
        EACH_SUM(S_VECTORS) weights[column * OWN_WIDTH + ty * RM + i] = LANE(dp);
        STAGE_ROWS(other, D_WIDTH, 1, row0, BN, q, D, D_WIDTH)
        SYNCHRONISE
        MULTIPLY(dk_sums, D_VECTORS, weights, OWN_WIDTH, other, D_WIDTH, BN)
    }
    EACH_SUM(D_VECTORS) {
        const long key = key0 + ty * RM + i;
        const long at = dk_at + b * dk_strides.n[0] + h * dk_strides.n[1] + key * dk_strides.n[2];
        if (key < tk && column < D)
            STORE(X_TYPE, dk, at + column * dk_strides.n[3], LANE(dk_sums) * scale);
    }
    EACH_SUM(DV_VECTORS) {
        const long key = key0 + ty * RM + i;
        const long at = dv_at + b * dv_strides.n[0] + h * dv_strides.n[1] + key * dv_strides.n[2];
        if (key < tk && column < DV)
            STORE(X_TYPE, dv, at + column * dv_strides.n[3], LANE(dv_sums));
    }
}
#endif
