// Dense linear algebra through LAPACK, in f64. Matrices are row-major and LAPACK's are
// column-major, so it sees every matrix transposed: each function says which factorisation of the
// transpose gives the wanted one, and nothing is copied to turn it round. The entries of a batch
// are spread over the thread pool.
#include "capus/linalg.h"

#include <math.h>
#include <stdlib.h>

#include "capus/threads.h"
#include "libraries.h"

/// The arguments of any function here, of the whole batch.
typedef struct linalg {
    int64_t m, n, columns;
    const float *a, *b;
    float *x, *y, *z;
    int32_t (*body)(const struct linalg *, int64_t entry);
    int32_t *codes;   // (batch)
} linalg;

static void entry_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const linalg *call = context;
    call->codes[task] = call->body(call, task);
}

static int32_t run(int64_t batch, linalg call) {
    if (batch <= 0) return 0;
    if (!(call.codes = calloc((size_t)batch, sizeof(int32_t)))) return LAPACK_WORK_MEMORY_ERROR;
    apus_parallel(batch, entry_task, &call);
    int32_t code = 0;
    for (int64_t i = 0; i < batch && code == 0; i++) code = call.codes[i];
    free(call.codes);
    return code;
}

static double *doubles(int64_t count) { return malloc((size_t)(count > 0 ? count : 1)
                                                      * sizeof(double)); }

static double *widened(const float *x, int64_t count) {
    double *d = doubles(count);
    for (int64_t i = 0; d && i < count; i++) d[i] = x[i];
    return d;
}

static void narrow(const double *d, int64_t count, float *x) {
    for (int64_t i = 0; i < count; i++) x[i] = (float)d[i];
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/// -1 where the entry of largest magnitude among x[0], x[stride] … is negative, else 1.
static double sign_of_largest(const double *x, int64_t count, int64_t stride) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        if (fabs(x[i * stride]) > fabs(largest)) largest = x[i * stride];
    return largest < 0 ? -1 : 1;
}

// MARK: Cholesky and QR

// The transpose's u^T u with u upper is l l^T here, with u^T = l.
static int32_t cholesky_entry(const linalg *call, int64_t entry) {
    int64_t n = call->n;
    float *l = call->x + entry * n * n;
    double *d = widened(call->a + entry * n * n, n * n);
    if (!d) return LAPACK_WORK_MEMORY_ERROR;
    int32_t code = LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', (lapack_int)n, d, (lapack_int)n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) l[i * n + j] = j <= i ? (float)d[i * n + j] : 0;
    free(d);
    return code;
}

int32_t apus_cholesky(int64_t batch, int64_t n, const float *a, float *l) {
    return n <= 0 ? 0 : run(batch, (linalg){.n = n, .a = a, .x = l, .body = cholesky_entry});
}

// The transpose's l q is a = q^T l^T here.
static int32_t qr_entry(const linalg *call, int64_t entry) {
    int64_t m = call->m, n = call->n, rank = least(m, n);
    float *q = call->x + entry * m * rank, *r = call->y + entry * rank * n;
    double *d = widened(call->a + entry * m * n, m * n), *tau = doubles(rank);
    int32_t code = d && tau ? 0 : LAPACK_WORK_MEMORY_ERROR;
    if (!code) code = LAPACKE_dgelqf(LAPACK_COL_MAJOR, (lapack_int)n, (lapack_int)m, d,
                                     (lapack_int)n, tau);
    for (int64_t i = 0; !code && i < rank; i++) {
        double sign = d[i * n + i] < 0 ? -1 : 1;
        for (int64_t j = 0; j < n; j++) r[i * n + j] = j < i ? 0 : (float)(sign * d[i * n + j]);
    }
    // dorglq overwrites the factor, whose signs are still needed for q.
    double *signs = doubles(rank);
    if (!code && !signs) code = LAPACK_WORK_MEMORY_ERROR;
    for (int64_t i = 0; !code && i < rank; i++) signs[i] = d[i * n + i] < 0 ? -1 : 1;
    if (!code) code = LAPACKE_dorglq(LAPACK_COL_MAJOR, (lapack_int)rank, (lapack_int)m,
                                     (lapack_int)rank,
                                     d, (lapack_int)n, tau);
    for (int64_t i = 0; !code && i < m; i++)
        for (int64_t j = 0; j < rank; j++) q[i * rank + j] = (float)(signs[j] * d[i * n + j]);
    free(d);
    free(tau);
    free(signs);
    return code;
}

int32_t apus_qr(int64_t batch, int64_t m, int64_t n, const float *a, float *q, float *r) {
    return m <= 0 || n <= 0 ? 0 : run(batch, (linalg){.m = m, .n = n, .a = a, .x = q, .y = r,
        .body = qr_entry});
}

// MARK: singular values and eigenvalues

// The transpose's left vectors are our right ones: u and vh come out where they belong.
static int32_t svd_entry(const linalg *call, int64_t entry) {
    int64_t m = call->m, n = call->n, rank = least(m, n);
    float *u = call->x + entry * m * rank, *s = call->y + entry * rank,
        *vh = call->z + entry * rank * n;
    double *d = widened(call->a + entry * m * n, m * n);
    double *left = doubles(n * rank), *right = doubles(rank * m), *values = doubles(rank);
    int32_t code = LAPACK_WORK_MEMORY_ERROR;
    if (d && left && right && values)
        code = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', (lapack_int)n, (lapack_int)m, d, (lapack_int)n,
                              values,
                              left, (lapack_int)n, right, (lapack_int)rank);
    for (int64_t j = 0; code == 0 && j < rank; j++) {
        double sign = sign_of_largest(right + j, m, rank);
        for (int64_t i = 0; i < m; i++) u[i * rank + j] = (float)(sign * right[i * rank + j]);
        for (int64_t i = 0; i < n; i++) vh[j * n + i] = (float)(sign * left[j * n + i]);
    }
    if (code == 0) narrow(values, rank, s);
    free(d);
    free(left);
    free(right);
    free(values);
    return code;
}

int32_t apus_svd(int64_t batch, int64_t m, int64_t n, const float *a, float *u, float *s,
                 float *vh) {
    if (m <= 0 || n <= 0) return 0;
    return run(batch, (linalg){.m = m, .n = n, .a = a, .x = u, .y = s, .z = vh, .body = svd_entry});
}

static int32_t eigen(int64_t n, double *a, double *w, bool vectors) {
    return LAPACKE_dsyevd(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'U', (lapack_int)n, a,
                          (lapack_int)n, w);
}

static int32_t eigh_entry(const linalg *call, int64_t entry) {
    int64_t n = call->n;
    float *w = call->x + entry * n, *v = call->y + entry * n * n;
    double *d = widened(call->a + entry * n * n, n * n), *values = doubles(n);
    int32_t code = d && values ? eigen(n, d, values, true) : LAPACK_WORK_MEMORY_ERROR;
    for (int64_t j = 0; code == 0 && j < n; j++) {   // vector j lies in row j
        double sign = sign_of_largest(d + j * n, n, 1);
        for (int64_t i = 0; i < n; i++) v[i * n + j] = (float)(sign * d[j * n + i]);
    }
    if (code == 0) narrow(values, n, w);
    free(d);
    free(values);
    return code;
}

int32_t apus_eigh(int64_t batch, int64_t n, const float *a, float *w, float *v) {
    return n <= 0 ? 0 : run(batch, (linalg){.n = n, .a = a, .x = w, .y = v, .body = eigh_entry});
}

// With a = v diag(w) v^T and s = v diag(w)^1/2, a b has the eigenvalues of s^T b s, which is
// symmetric.
int32_t apus_sqrt_product_trace(int64_t n, const float *a, const float *b, float *trace) {
    *trace = 0;
    if (n <= 0) return 0;
    int64_t square = n * n;
    double *v = widened(a, square), *wide_b = widened(b, square), *half = doubles(square),
        *w = doubles(n);
    int32_t code = v && wide_b && half && w ? eigen(n, v, w, true) : LAPACK_WORK_MEMORY_ERROR;
    if (code == 0) {
        for (int64_t i = 0; i < n; i++)   // v (n, n): a vector a row
            for (int64_t j = 0; j < n; j++) v[i * n + j] *= sqrt(fmax(w[i], 0));
        int size = (int)n;
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1, v, size, wide_b,
                    size, 0, half, size);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size, size, size, 1, half, size, v,
                    size, 0, wide_b, size);
        code = eigen(n, wide_b, w, false);
    }
    double sum = 0;
    for (int64_t i = 0; code == 0 && i < n; i++) sum += sqrt(fmax(w[i], 0));
    *trace = (float)sum;
    free(v);
    free(wide_b);
    free(half);
    free(w);
    return code;
}

// MARK: linear systems

// The LU factors of the transpose, with its pivots.
static int32_t factor(int64_t n, double *a, lapack_int *pivots) {
    return LAPACKE_dgetrf(LAPACK_COL_MAJOR, (lapack_int)n, (lapack_int)n, a, (lapack_int)n, pivots);
}

static int32_t solve_entry(const linalg *call, int64_t entry) {
    int64_t n = call->n, columns = call->columns;
    const float *b = call->b + entry * n * columns;
    float *x = call->x + entry * n * columns;
    double *d = widened(call->a + entry * n * n, n * n);
    double *right = doubles(n * columns);   // (columns, n)
    lapack_int *pivots = malloc((size_t)n * sizeof(lapack_int));
    int32_t code = d && right && pivots ? factor(n, d, pivots) : LAPACK_WORK_MEMORY_ERROR;
    if (code == 0) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < columns; j++) right[j * n + i] = b[i * columns + j];
        code = LAPACKE_dgetrs(LAPACK_COL_MAJOR, 'T', (lapack_int)n, (lapack_int)columns, d,
                              (lapack_int)n,
                              pivots, right, (lapack_int)n);
    }
    for (int64_t i = 0; code == 0 && i < n; i++)
        for (int64_t j = 0; j < columns; j++) x[i * columns + j] = (float)right[j * n + i];
    free(d);
    free(right);
    free(pivots);
    return code;
}

int32_t apus_solve(int64_t batch, int64_t n, int64_t columns, const float *a, const float *b,
                   float *x) {
    if (n <= 0 || columns <= 0) return 0;
    return run(batch, (linalg){.n = n, .columns = columns, .a = a, .b = b, .x = x,
        .body = solve_entry});
}

static int32_t inverse_entry(const linalg *call, int64_t entry) {
    int64_t n = call->n;
    double *d = widened(call->a + entry * n * n, n * n);
    lapack_int *pivots = malloc((size_t)n * sizeof(lapack_int));
    int32_t code = d && pivots ? factor(n, d, pivots) : LAPACK_WORK_MEMORY_ERROR;
    if (code == 0) code = LAPACKE_dgetri(LAPACK_COL_MAJOR, (lapack_int)n, d, (lapack_int)n, pivots);
    if (code == 0) narrow(d, n * n, call->x + entry * n * n);
    free(d);
    free(pivots);
    return code;
}

int32_t apus_inverse(int64_t batch, int64_t n, const float *a, float *inverse) {
    return n <= 0 ? 0 : run(batch, (linalg){.n = n, .a = a, .x = inverse, .body = inverse_entry});
}

static int32_t slogdet_entry(const linalg *call, int64_t entry) {
    int64_t n = call->n;
    double *d = widened(call->a + entry * n * n, n * n), sign = 1, logarithm = 0;
    lapack_int *pivots = malloc((size_t)(n > 0 ? n : 1) * sizeof(lapack_int));
    int32_t code = d && pivots ? n > 0 ? factor(n, d, pivots) : 0 : LAPACK_WORK_MEMORY_ERROR;
    for (int64_t i = 0; code >= 0 && i < n; i++) {
        double pivot = d[i * n + i];
        if (pivots[i] != i + 1) sign = -sign;
        sign *= pivot < 0 ? -1 : pivot > 0 ? 1 : 0;
        logarithm += log(fabs(pivot));
    }
    call->x[entry] = (float)sign;
    call->y[entry] = (float)logarithm;
    free(d);
    free(pivots);
    return code < 0 ? code : 0;   // a zero pivot is an answer here
}

int32_t apus_slogdet(int64_t batch, int64_t n, const float *a, float *sign, float *logabs) {
    return run(batch, (linalg){.n = n, .a = a, .x = sign, .y = logabs, .body = slogdet_entry});
}
