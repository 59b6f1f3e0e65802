// Cross-entropy with weights, smoothing and ignored rows, and its gradient, against the definition
// in double.
#include "check.h"

enum { IGNORE = -7 };

static void check_rows(int64_t rows, int64_t n, bool weighted, float smoothing, float size) {
    int64_t count = rows * n;
    float *x = malloc((size_t)count * 4);
    float *d = malloc((size_t)count * 4);
    float *w = malloc((size_t)n * 4);
    float *loss = malloc((size_t)rows * 4);
    float *lse = malloc((size_t)rows * 4);
    float *row_weight = malloc((size_t)rows * 4);
    float *scale = malloc((size_t)rows * 4);
    int32_t *targets = malloc((size_t)rows * 4);
    double *e_loss = calloc((size_t)rows, 8);
    double *e_d = calloc((size_t)count, 8);
    double weights = 0;
    double s = (double)smoothing;
    fill_random(x, count);
    fill_random(scale, rows);
    for (int64_t i = 0; i < count; i++) x[i] *= size;
    for (int64_t k = 0; k < n; k++)
        weights += (double)(w[k] = weighted ? 1.5f + random_float() : 1);
    for (int64_t r = 0; r < rows; r++) targets[r] = r == 2 ? IGNORE : (int32_t)((r * 31 + 5) % n);
    for (int64_t r = 0; r < rows; r++) {
        if (r == 2) continue;
        double m = -INFINITY, sum = 0, plain = 0;
        for (int64_t k = 0; k < n; k++) m = fmax(m, (double)x[r * n + k]);
        for (int64_t k = 0; k < n; k++) sum += exp((double)x[r * n + k] - m);
        double l = m + log(sum), wt = (double)w[targets[r]];
        for (int64_t k = 0; k < n; k++) plain += (double)w[k] * (l - (double)x[r * n + k]);
        e_loss[r] = (1 - s) * wt * (l - (double)x[r * n + targets[r]]) + s / (double)n * plain;
        for (int64_t k = 0; k < n; k++) {
            double p = exp((double)x[r * n + k] - l), hit = k == targets[r];
            e_d[r * n + k] = (double)scale[r]
                * ((1 - s) * wt * (p - hit) + s / (double)n * (p * weights - (double)w[k]));
        }
    }
    const float *weight = weighted ? w : NULL;
    apus_cross_entropy(APUS_F32, rows, n, x, targets, weight, IGNORE, smoothing, loss, lse,
                       row_weight);
    apus_cross_entropy_gradient(APUS_F32, rows, n, x, targets, weight, IGNORE, smoothing, lse,
                                scale, 1, d);
    CHECK(all_close(loss, e_loss, rows, 1e-5, 1e-5), "loss (%lld, %lld)", (long long)rows,
          (long long)n);
    CHECK(all_close(d, e_d, count, 1e-5, 1e-5), "gradient (%lld, %lld)", (long long)rows,
          (long long)n);
    CHECK(row_weight[0] == w[targets[0]] && (rows < 3 || row_weight[2] == 0), "row weights");
    void *blocks[] = {x, d, w, loss, lse, row_weight, scale, targets, e_loss, e_d};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
}

void test_cross_entropy(void) {
    check_rows(1, 1, false, 0, 1);
    check_rows(3, 2, true, 0.1f, 1);
    check_rows(5, 33, false, 0, 30);
    check_rows(5, 33, true, 0.2f, 3);
    check_rows(4, 5000, false, 0, 10);
    check_rows(4, 9001, true, 0.1f, 2);
    uint16_t x[2] = {0, 0}, d[2];
    int32_t target = 1;
    float loss, lse, scale = 1;
    apus_cross_entropy(APUS_BF16, 1, 2, x, &target, NULL, -1, 0, &loss, &lse, NULL);
    apus_cross_entropy_gradient(APUS_BF16, 1, 2, x, &target, NULL, -1, 0, &lse, &scale, 0, d);
    CHECK(fabsf(loss - logf(2)) < 1e-6f && d[0] == 0x3f00 && d[1] == 0xbf00, "bf16: %g %x %x", loss,
          d[0], d[1]);
}
