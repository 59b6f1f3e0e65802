// Factorisations: their products give the matrix back, their factors have the promised shape and
// signs.
#include "check.h"

enum { BATCH = 2, MOST = 12 };

static void multiply(int64_t m, int64_t n, int64_t k, const float *a, const float *b, double *c) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            c[i * n + j] = 0;
            for (int64_t p = 0; p < k; p++) c[i * n + j] += (double)a[i * k + p] * b[p * n + j];
        }
}

static void transpose(int64_t m, int64_t n, const float *a, float *t) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) t[j * m + i] = a[i * n + j];
}

/// Symmetric and positive definite.
static void fill_definite(float *a, int64_t n) {
    float x[MOST * MOST], t[MOST * MOST];
    double product[MOST * MOST];
    fill_random(x, n * n);
    transpose(n, n, x, t);
    multiply(n, n, n, x, t, product);
    for (int64_t i = 0; i < n * n; i++) a[i] = (float)product[i] + (i % (n + 1) ? 0 : 1);
}


/// Whether a b is c, within what f32 factors allow.
static bool product_is(int64_t m, int64_t n, int64_t k, const float *a, const float *b,
                       const float *c) {
    double product[MOST * MOST];
    multiply(m, n, k, a, b, product);
    return all_close(c, product, m * n, 1e-4, 1e-5);
}

static bool columns_are_orthonormal(int64_t m, int64_t n, const float *q) {
    float t[MOST * MOST], identity[MOST * MOST];
    transpose(m, n, q, t);
    for (int64_t i = 0; i < n * n; i++) identity[i] = i % (n + 1) == 0;
    return product_is(n, n, m, t, q, identity);
}

static bool largest_are_positive(int64_t m, int64_t n, const float *v) {
    for (int64_t j = 0; j < n; j++) {
        float largest = 0;
        for (int64_t i = 0; i < m; i++)
            if (fabsf(v[i * n + j]) > fabsf(largest)) largest = v[i * n + j];
        if (largest <= 0) return false;
    }
    return true;
}

static void check_cholesky(int64_t n) {
    float a[BATCH * MOST * MOST], l[BATCH * MOST * MOST], t[MOST * MOST];
    for (int e = 0; e < BATCH; e++) fill_definite(a + e * n * n, n);
    CHECK(apus_cholesky(BATCH, n, a, l) == 0, "n %lld", (long long)n);
    for (int e = 0; e < BATCH; e++) {
        transpose(n, n, l + e * n * n, t);
        CHECK(product_is(n, n, n, l + e * n * n, t, a + e * n * n), "l l^T, n %lld", (long long)n);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i + 1; j < n; j++) CHECK(l[e * n * n + i * n + j] == 0, "upper part");
    }
    a[(BATCH - 1) * n * n] = -1;
    CHECK(apus_cholesky(BATCH, n, a, l) == 1, "an indefinite matrix is found out");
}

static void check_qr(int64_t m, int64_t n) {
    int64_t rank = m < n ? m : n;
    float a[BATCH * MOST * MOST], q[BATCH * MOST * MOST], r[BATCH * MOST * MOST];
    fill_random(a, BATCH * m * n);
    CHECK(apus_qr(BATCH, m, n, a, q, r) == 0, "%lld x %lld", (long long)m, (long long)n);
    for (int e = 0; e < BATCH; e++) {
        const float *qe = q + e * m * rank, *re = r + e * rank * n;
        CHECK(product_is(m, n, rank, qe, re, a + e * m * n), "q r, %lld x %lld", (long long)m,
              (long long)n);
        CHECK(columns_are_orthonormal(m, rank, qe), "q, %lld x %lld", (long long)m, (long long)n);
        for (int64_t i = 0; i < rank; i++) {
            CHECK(re[i * n + i] > 0, "the diagonal of r");
            for (int64_t j = 0; j < i; j++) CHECK(re[i * n + j] == 0, "below the diagonal of r");
        }
    }
}

static void check_svd(int64_t m, int64_t n) {
    int64_t rank = m < n ? m : n;
    float a[BATCH * MOST * MOST], u[BATCH * MOST * MOST], s[BATCH * MOST], vh[BATCH * MOST * MOST];
    fill_random(a, BATCH * m * n);
    CHECK(apus_svd(BATCH, m, n, a, u, s, vh) == 0, "%lld x %lld", (long long)m, (long long)n);
    for (int e = 0; e < BATCH; e++) {
        float us[MOST * MOST], v[MOST * MOST];
        const float *ue = u + e * m * rank, *se = s + e * rank, *ve = vh + e * rank * n;
        for (int64_t i = 0; i < m * rank; i++) us[i] = ue[i] * se[i % rank];
        transpose(rank, n, ve, v);
        CHECK(product_is(m, n, rank, us, ve, a + e * m * n), "u s vh, %lld x %lld", (long long)m,
              (long long)n);
        CHECK(columns_are_orthonormal(m, rank, ue) && columns_are_orthonormal(n, rank, v),
              "u and v");
        CHECK(largest_are_positive(m, rank, ue), "signs of u");
        for (int64_t i = 1; i < rank; i++) CHECK(se[i - 1] >= se[i], "order of s");
    }
}

static void check_eigh(int64_t n) {
    float a[BATCH * MOST * MOST], w[BATCH * MOST], v[BATCH * MOST * MOST];
    for (int e = 0; e < BATCH; e++) fill_definite(a + e * n * n, n);
    CHECK(apus_eigh(BATCH, n, a, w, v) == 0, "n %lld", (long long)n);
    for (int e = 0; e < BATCH; e++) {
        float vw[MOST * MOST], t[MOST * MOST];
        const float *ve = v + e * n * n;
        for (int64_t i = 0; i < n * n; i++) vw[i] = ve[i] * w[e * n + i % n];
        transpose(n, n, ve, t);
        CHECK(product_is(n, n, n, vw, t, a + e * n * n), "v w v^T, n %lld", (long long)n);
        CHECK(largest_are_positive(n, n, ve), "signs of v");
        for (int64_t i = 1; i < n; i++) CHECK(w[e * n + i - 1] <= w[e * n + i], "order of w");
    }
}

static void check_systems(int64_t n) {
    enum { COLUMNS = 3 };
    float a[BATCH * MOST * MOST], b[BATCH * MOST * COLUMNS], x[BATCH * MOST * COLUMNS];
    float inverse[BATCH * MOST * MOST], identity[MOST * MOST], sign[BATCH], logabs[BATCH];
    for (int e = 0; e < BATCH; e++) fill_definite(a + e * n * n, n);
    a[1] += 0.5f;   // not symmetric: a transposed system would show
    fill_random(b, BATCH * n * COLUMNS);
    CHECK(apus_solve(BATCH, n, COLUMNS, a, b, x) == 0, "solve, n %lld", (long long)n);
    CHECK(apus_inverse(BATCH, n, a, inverse) == 0, "inverse, n %lld", (long long)n);
    CHECK(apus_slogdet(BATCH, n, a, sign, logabs) == 0, "slogdet, n %lld", (long long)n);
    for (int64_t i = 0; i < n * n; i++) identity[i] = i % (n + 1) == 0;
    for (int e = 0; e < BATCH; e++) {
        CHECK(product_is(n, COLUMNS, n, a + e * n * n, x + e * n * COLUMNS, b + e * n * COLUMNS),
              "a x");
        CHECK(product_is(n, n, n, a + e * n * n, inverse + e * n * n, identity),
              "a times its inverse");
    }
}

static void check_determinants(void) {
    const float a[] = {2, 1, 4, 3,  0, 1, 1, 0,  1, 2, 2, 4};   // 2, -1, singular
    float sign[3], logabs[3], inverse[12];
    CHECK(apus_slogdet(3, 2, a, sign, logabs) == 0, "slogdet");
    CHECK(sign[0] == 1 && fabsf(logabs[0] - logf(2)) < 1e-6, "%g %g", sign[0], logabs[0]);
    CHECK(sign[1] == -1 && fabsf(logabs[1]) < 1e-6, "%g %g", sign[1], logabs[1]);
    CHECK(sign[2] == 0 && logabs[2] == -INFINITY, "%g %g", sign[2], logabs[2]);
    CHECK(apus_inverse(3, 2, a, inverse) == 2, "a singular matrix is found out");
}

// For a = b the root of the product is a itself.
static void check_root_trace(int64_t n) {
    float a[MOST * MOST], trace;
    double expected[1] = {0};
    fill_definite(a, n);
    for (int64_t i = 0; i < n; i++) expected[0] += a[i * n + i];
    CHECK(apus_sqrt_product_trace(n, a, a, &trace) == 0, "n %lld", (long long)n);
    CHECK(all_close(&trace, expected, 1, 1e-5, 0), "n %lld", (long long)n);
}

void test_linalg(void) {
    for (int64_t n = 1; n <= MOST; n += n == 1 ? 4 : 7) {
        check_cholesky(n);
        check_eigh(n);
        if (n > 1) check_systems(n);
        check_root_trace(n);
        check_qr(n, 5);
        check_qr(3, n);
        check_svd(n, 5);
        check_svd(3, n);
    }
    check_determinants();
}
