// Sorting and top-k: order, stability at ties, the place of NaN and zeros, every path by length.
#include "check.h"

static bool before(float a, float b, bool descending) {
    if (isnan(a) || isnan(b)) return descending ? isnan(a) && !isnan(b) : !isnan(a) && isnan(b);
    return descending ? a > b : a < b;
}

// Lines of n along axis 0 of (n, 3), ties included.
static void check_sort(int64_t n, int64_t k, bool descending) {
    enum { LINES = 3 };
    float *x = malloc((size_t)(n * LINES) * 4), *values = malloc((size_t)(k * LINES) * 4);
    int32_t *indices = malloc((size_t)(k * LINES) * 4);
    for (int64_t i = 0; i < n * LINES; i++) x[i] = roundf(random_float() * 40) / 4;
    if (n > 10) x[4 * LINES] = NAN, x[5 * LINES] = -0.0f, x[6 * LINES] = INFINITY;
    apus_array a = {x, APUS_F32, 2, {n, LINES}, {LINES, 1}};
    apus_array v = {values, APUS_F32, 2, {k, LINES}, {LINES, 1}};
    apus_array p = {indices, APUS_I32, 2, {k, LINES}, {LINES, 1}};
    apus_sort(&a, 0, descending, &v, &p);
    int64_t wrong = 0;
    for (int64_t c = 0; c < LINES; c++)
        for (int64_t i = 0; i < k; i++) {
            int64_t at = i * LINES + c;
            wrong += memcmp(&values[at], &x[indices[at] * LINES + c], 4) != 0;
            if (i == 0) continue;
            float left = values[at - LINES], right = values[at];
            wrong += before(right, left, descending);
            wrong += !before(left, right, descending) && indices[at - LINES] >= indices[at];
        }
    for (int64_t c = 0; k < n && c < LINES; c++) {   // nothing left out comes before the last one
        int64_t better = 0;
        for (int64_t i = 0; i < n; i++)
            better += before(x[i * LINES + c], values[(k - 1) * LINES + c], descending);
        wrong += better >= k;
    }
    CHECK(wrong == 0, "%lld of %lld, %s", (long long)k, (long long)n,
          descending ? "descending" : "ascending");
    free(x);
    free(values);
    free(indices);
}

void test_sort(void) {
    static const int64_t lengths[] = {1, 2, 17, 48, 49, 300, 3000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int64_t n = lengths[i];
        check_sort(n, n, false);
        check_sort(n, n, true);
        check_sort(n, (n + 8) / 9, true);
        check_sort(n, (n + 1) / 2, false);
    }
    for (int64_t k = 1; k < 600; k = k * 9 + 1) {
        check_sort(20011, k, true);
        check_sort(20011, k, false);
    }
}
