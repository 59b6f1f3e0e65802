// Softmax, its logarithm and their gradients against their definitions in double.
#include "check.h"

static void expected_row(const float *x, int64_t n, bool logarithm, double *y) {
    double m = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) m = fmax(m, (double)x[i]);
    for (int64_t i = 0; i < n; i++) sum += exp((double)x[i] - m);
    for (int64_t i = 0; i < n; i++)
        y[i] = logarithm ? (double)x[i] - m - log(sum) : exp((double)x[i] - m) / sum;
}

static void check_rows(int64_t rows, int64_t n, bool logarithm) {
    int64_t count = rows * n;
    float *x = malloc((size_t)count * 4);
    float *y = malloc((size_t)count * 4);
    float *g = malloc((size_t)count * 4);
    double *expected = malloc((size_t)count * 8);
    fill_random(x, count);
    fill_random(g, count);
    for (int64_t i = 0; i < count; i++) x[i] *= 20;
    if (n > 2) x[1] = -INFINITY;
    for (int64_t r = 0; r < rows; r++) expected_row(x + r * n, n, logarithm, expected + r * n);
    apus_softmax(APUS_F32, logarithm, rows, n, x, y);
    int64_t hole = n > 2 && logarithm;   // its logarithm is -inf
    CHECK(!hole || y[1] == -INFINITY, "logarithm of 0");
    if (hole) y[1] = 0, expected[1] = 0;
    CHECK(all_close(y, expected, count, 1e-5, 1e-6), "softmax (%lld, %lld)", (long long)rows,
          (long long)n);
    if (hole) y[1] = -INFINITY;
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0;
        for (int64_t i = r * n; i < r * n + n; i++)
            sum += (double)g[i] * (logarithm ? 1 : (double)y[i]);
        for (int64_t i = r * n; i < r * n + n; i++)
            expected[i] = logarithm ? (double)g[i] - exp((double)y[i]) * sum : ((double)g[i] - sum)
                * (double)y[i];
    }
    apus_softmax_gradient(APUS_F32, logarithm, rows, n, y, g, x);
    CHECK(all_close(x, expected, count, 1e-5, 1e-5), "gradient (%lld, %lld)", (long long)rows,
          (long long)n);
    free(x);
    free(y);
    free(g);
    free(expected);
}

static void check_narrow(void) {
    uint16_t x[3] = {0x0000, 0x0000, 0x0000}, y[3];
    apus_softmax(APUS_BF16, false, 1, 3, x, y);
    CHECK(y[0] == 0x3eab && y[2] == 0x3eab, "bf16 third: %x", y[0]);
    apus_softmax(APUS_F16, false, 1, 3, x, y);
    CHECK(y[0] == 0x3555 && y[1] == 0x3555, "f16 third: %x", y[0]);
}

void test_softmax(void) {
    static const int64_t columns[] = {1, 2, 15, 16, 33, 257, 4099};
    for (int logarithm = 0; logarithm < 2; logarithm++) {
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
            check_rows(1, columns[i], logarithm);
            check_rows(7, columns[i], logarithm);
            check_rows(40, columns[i], logarithm);
        }
        check_rows(1, 140000, logarithm);   // longer than the kept rows
    }
    check_narrow();
    float x[4] = {-INFINITY, -INFINITY, 0, NAN}, y[4];
    apus_softmax(APUS_F32, false, 2, 2, x, y);
    CHECK(isnan(y[0]) && isnan(y[1]) && isnan(y[2]) && isnan(y[3]), "rows of -inf and with NaN");
    apus_softmax(APUS_F32, false, 0, 5, x, y);
    apus_softmax(APUS_F32, false, 5, 0, x, y);
}
