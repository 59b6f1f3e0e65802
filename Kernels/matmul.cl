// Matrix products with a fused epilogue, for batches.
//
// Formula     c = activation(alpha a b + bias) + residual; a (m, k), b (k, n), bias (n), c and
//             residual (m, n). Accumulation is f32, in the order of k: the same bits for every
//             tile size that does not split k.
// Layout      a, b, residual: any strides, in a_row, a_column, b_row, b_column, residual_row;
//             columns of c and of the residual are adjacent. Batches: axes batch_shape with the
//             strides of a, b and c (residual like c); batch entry = the last global id.
// Options     X_TYPE (a and b), C_TYPE (c and residual); ACTIVATION; BATCH_RANK (0: no batch);
//             A_LAYOUT 0 if a_column is 1 (k adjacent), else 1; B_LAYOUT 0 if b_column is 1 (n
//             adjacent), else 1.
// CPU twin    cpu/matmul.c. bias and residual may be NULL.

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef C_TYPE
#define C_TYPE F32
#endif
#ifndef ACTIVATION
#define ACTIVATION 0
#endif
#ifndef BATCH_RANK
#define BATCH_RANK 0
#endif
#ifndef A_LAYOUT
#define A_LAYOUT 0
#endif
#ifndef B_LAYOUT
#define B_LAYOUT 0
#endif

// Every kernel of this file has these arguments, and begins by going to its batch entry.
#define MATMUL_ARGUMENTS                                                                          \
    const long m, const long n, const long k, const float alpha, IN(X_TYPE, a), const long a_row, \
    const long a_column, IN(X_TYPE, b), const long b_row, const long b_column, OUT(C_TYPE, c),    \
    const long c_row, IN(F32, bias), IN(C_TYPE, residual), const long residual_row,               \
    const axes batch_shape, const axes a_batch, const axes b_batch, const axes c_batch
#define GO_TO_BATCH(entry)                                           \
    a += a_at + row_offset(entry, BATCH_RANK, batch_shape, a_batch); \
    b += b_at + row_offset(entry, BATCH_RANK, batch_shape, b_batch); \
    c += c_at + row_offset(entry, BATCH_RANK, batch_shape, c_batch); \
    if (residual) residual += residual_at + row_offset(entry, BATCH_RANK, batch_shape, c_batch);

// Writes one sum, and VEC neighbours of a row.
#define FINISH(i, j, sum)                                                    \
    do {                                                                     \
        float v = alpha * (sum);                                             \
        if (bias) v += bias[bias_at + (j)];                                  \
        v = activate(ACTIVATION, v);                                         \
        if (residual) v += LOAD(C_TYPE, residual, (i) * residual_row + (j)); \
        STORE(C_TYPE, c, (i) * c_row + (j), v);                              \
    } while (0)
#define FINISH_V(i, j, sums)                                                  \
    do {                                                                      \
        floatv v = V(alpha) * (sums);                                         \
        if (bias) v += LOADV(F32, bias, bias_at + (j));                       \
        v = activate_v(ACTIVATION, v);                                        \
        if (residual) v += LOADV(C_TYPE, residual, (i) * residual_row + (j)); \
        STOREV(C_TYPE, c, (i) * c_row + (j), v);                              \
    } while (0)

#ifdef KERNEL_matmul
// A work-group of MDIM x NDIM items computes an MWG x NWG tile of c, in steps of KWG along k: tiles
// of a and b go through local memory, MWI x NWI sums stay in registers. The next tiles are fetched
// while these are multiplied.
// Geometry    global (NDIM ceil(n / NWG), MDIM ceil(m / MWG), batch), local (NDIM, MDIM, 1)
// Tunables    MWG, NWG, KWG, MDIM, NDIM, VEC; MWG a multiple of MDIM, NWG of NDIM VEC, MWG KWG and
//             KWG NWG of MDIM NDIM. (MWG + NWG) KWG floats of local memory. On a CPU: MDIM = NDIM =
//             1, MWG 14, NWG 32, VEC 16, KWG 64.
#ifndef MWG
#define MWG 64
#endif
#ifndef NWG
#define NWG 64
#endif
#ifndef KWG
#define KWG 16
#endif
#ifndef MDIM
#define MDIM 16
#endif
#ifndef NDIM
#define NDIM 16
#endif
#define ITEMS (MDIM * NDIM)
#if ITEMS == 1
#define SYNCHRONISE
#else
#define SYNCHRONISE barrier(CLK_LOCAL_MEM_FENCE);
#endif
#define MWI (MWG / MDIM)
#define NWI (NWG / NDIM / VEC)
#define A_EACH (MWG * KWG / ITEMS)
#define B_EACH (KWG * NWG / ITEMS)

// Where the work-item's e-th element of a tile lies: neighbouring work-items take neighbours in
// memory.
#if A_LAYOUT == 0
#define A_M(e) (((e) * ITEMS + item) / KWG)
#define A_K(e) (((e) * ITEMS + item) % KWG)
#define A_INDEX(i, p) ((i) * a_row + (p))
#else
#define A_M(e) (((e) * ITEMS + item) % MWG)
#define A_K(e) (((e) * ITEMS + item) / MWG)
#define A_INDEX(i, p) ((i) * a_row + (p) * a_column)
#endif
#if B_LAYOUT == 0
#define B_K(e) (((e) * ITEMS + item) / NWG)
#define B_N(e) (((e) * ITEMS + item) % NWG)
#define B_INDEX(p, j) ((p) * b_row + (j))
#else
#define B_K(e) (((e) * ITEMS + item) % KWG)
#define B_N(e) (((e) * ITEMS + item) / KWG)
#define B_INDEX(p, j) ((p) * b_row + (j) * b_column)
#endif

#define FETCH(k0)                                                                 \
    do {                                                                          \
        if (rows_inside && (k0) + KWG <= k)                                       \
            for (int e = 0; e < A_EACH; e++)                                      \
                a_next[e] = LOAD(X_TYPE, a, A_INDEX(m0 + A_M(e), (k0) + A_K(e))); \
        else                                                                      \
            for (int e = 0; e < A_EACH; e++)                                      \
                a_next[e] = m0 + A_M(e) < m && (k0) + A_K(e) < k                  \
                    ? LOAD(X_TYPE, a, A_INDEX(m0 + A_M(e), (k0) + A_K(e))) : 0;   \
        if (columns_inside && (k0) + KWG <= k)                                    \
            for (int e = 0; e < B_EACH; e++)                                      \
                b_next[e] = LOAD(X_TYPE, b, B_INDEX((k0) + B_K(e), n0 + B_N(e))); \
        else                                                                      \
            for (int e = 0; e < B_EACH; e++)                                      \
                b_next[e] = n0 + B_N(e) < n && (k0) + B_K(e) < k                  \
                    ? LOAD(X_TYPE, b, B_INDEX((k0) + B_K(e), n0 + B_N(e))) : 0;   \
    } while (0)

__kernel __attribute__((reqd_work_group_size(NDIM, MDIM, 1))) void matmul(MATMUL_ARGUMENTS) {
    __local float a_tile[KWG][MWG] __attribute__((aligned(64)));
    __local floatv b_tile[KWG][NWG / VEC];
    const int tn = get_local_id(0), tm = get_local_id(1), item = tm * NDIM + tn;
    const long m0 = (long)get_group_id(1) * MWG, n0 = (long)get_group_id(0) * NWG;
    const bool rows_inside = m0 + MWG <= m, columns_inside = n0 + NWG <= n;
    GO_TO_BATCH(get_group_id(2))
    float a_next[A_EACH], b_next[B_EACH];
    floatv sums[MWI][NWI];
    for (int i = 0; i < MWI; i++)
        for (int j = 0; j < NWI; j++) sums[i][j] = V(0);
    if (k > 0) FETCH(0);
    for (long k0 = 0; k0 < k; k0 += KWG) {
        for (int e = 0; e < A_EACH; e++) a_tile[A_K(e)][A_M(e)] = a_next[e];
        for (int e = 0; e < B_EACH; e++) ((__local float *)b_tile[B_K(e)])[B_N(e)] = b_next[e];
        SYNCHRONISE
        if (k0 + KWG < k) FETCH(k0 + KWG);
        for (int p = 0; p < KWG; p++) {
            floatv right[NWI];
            for (int j = 0; j < NWI; j++) right[j] = b_tile[p][j * NDIM + tn];
            for (int i = 0; i < MWI; i++) {
                const floatv left = V(a_tile[p][tm * MWI + i]);
                for (int j = 0; j < NWI; j++) sums[i][j] = fma(left, right[j], sums[i][j]);
            }
        }
        SYNCHRONISE
    }
    for (int i = 0; i < MWI; i++) {
        const long row = m0 + tm * MWI + i;
        if (row >= m) break;
        for (int j = 0; j < NWI; j++) {
            const long column = n0 + (j * NDIM + tn) * VEC;
            if (column + VEC <= n) FINISH_V(row, column, sums[i][j]);
            else
                for (int e = 0; column + e < n; e++)
                    FINISH(row, column + e, ((const float *)&sums[i][j])[e]);
        }
    }
}
#endif

// ---- few rows: m <= M (8), a compile-time number; b is read once

#ifndef M
#define M 1
#endif

#ifdef KERNEL_matmul_few_rows
// b_row is 1 (weights (n, k)): a work-group takes one column of c, its items the vectors along k.
// Geometry    global (WG n, 1, batch), local (WG, 1, 1). Options: M, WG, VEC, which divides k
//             (a_column is 1).
__kernel void matmul_few_rows(MATMUL_ARGUMENTS) {
    __local float scratch[WG];
    const long column = get_group_id(0);
    GO_TO_BATCH(get_group_id(2))
    b += column * b_column;
    floatv sums[M];
    for (int i = 0; i < M; i++) sums[i] = V(0);
    for (long p = get_local_id(0) * VEC; p < k; p += WG * VEC) {
        const floatv right = LOADV(X_TYPE, b, p);
        for (int i = 0; i < M; i++) {
            const floatv left = LOADV(X_TYPE, a, min((long)i, m - 1) * a_row + p);
            sums[i] = fma(left, right, sums[i]);
        }
    }
    for (int i = 0; i < M; i++) {
        const float total = group_sum(sum_v(sums[i]), scratch);
        if (get_local_id(0) == 0 && i < m) FINISH(i, column, total);
    }
}
#endif

#ifdef KERNEL_matmul_few_rows_wide
// b_column is 1 (b (k, n)): a work-item takes VEC columns of c for one of WG slices of k; slices
// are added up in order.
// Geometry    global (ceil(n / VEC), WG, batch), local (LX, WG, 1). Options: M, WG, LX (a power of
//             two), VEC, which divides n. M LX WG VEC floats of local memory.
#ifndef LX
#define LX 1
#endif
__kernel void matmul_few_rows_wide(MATMUL_ARGUMENTS) {
    __local floatv partial[WG][LX];
    const long column = (long)get_global_id(0) * VEC;
    const int slice = get_local_id(1), x = get_local_id(0);
    const long each = (k + WG - 1) / WG, from = slice * each;
    const long to = column < n ? min(k, from + each) : 0;
    GO_TO_BATCH(get_group_id(2))
    floatv sums[M];
    for (int i = 0; i < M; i++) sums[i] = V(0);
    for (long p = from; p < to; p++) {
        const floatv right = LOADV(X_TYPE, b, p * b_row + column);
        for (int i = 0; i < M; i++) {
            const float left = LOAD(X_TYPE, a, min((long)i, m - 1) * a_row + p * a_column);
            sums[i] = fma(V(left), right, sums[i]);
        }
    }
    for (int i = 0; i < M; i++) {
        floatv total = sums[i];
        if (WG > 1) {
            partial[slice][x] = total;
            barrier(CLK_LOCAL_MEM_FENCE);
            total = partial[0][x];
            for (int s = 1; s < WG; s++) total += partial[s][x];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (slice == 0 && i < m && column < n) FINISH_V(i, column, total);
    }
}
#endif
