// Dense linear algebra by LAPACK, on contiguous row-major f32 matrices; `batch` of them one after
// the other. They compute in f64 inside. All return 0, or LAPACK's code for the first batch entry
// that failed: i + 1 for the pivot or leading minor that failed, negative for NaN in the input or
// memory that could not be had.
#ifndef CAPUS_LINALG_H
#define CAPUS_LINALG_H

#include "base.h"

/// Lower l with l l^T = a. a, l (n, n).
int32_t apus_cholesky(int64_t batch, int64_t n, const float *a, float *l);
/// Reduced QR, r's diagonal positive. With min = min(m, n): a (m, n), q (m, min), r (min, n).
int32_t apus_qr(int64_t batch, int64_t m, int64_t n, const float *a, float *q, float *r);
/// Reduced SVD, s descending; the largest entry of every column of u positive. u (m, min), s (min),
/// vh (min, n).
int32_t apus_svd(int64_t batch, int64_t m, int64_t n, const float *a, float *u, float *s,
                 float *vh);
/// Symmetric a = v diag(w) v^T, w ascending; the largest entry of every column of v positive.
/// a, v (n, n), w (n).
int32_t apus_eigh(int64_t batch, int64_t n, const float *a, float *w, float *v);
/// x with a x = b. a (n, n), b, x (n, columns).
int32_t apus_solve(int64_t batch, int64_t n, int64_t columns, const float *a, const float *b,
                   float *x);
/// a, inverse (n, n).
int32_t apus_inverse(int64_t batch, int64_t n, const float *a, float *inverse);
/// sign (-1, 0, 1) and log |det a| of a (n, n); a singular matrix gives 0 and -infinity.
int32_t apus_slogdet(int64_t batch, int64_t n, const float *a, float *sign, float *logabs);
/// trace((a b)^1/2) for symmetric positive semi-definite a, b (n, n).
int32_t apus_sqrt_product_trace(int64_t n, const float *a, const float *b, float *trace);

#endif
