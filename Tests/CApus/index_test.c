// Picking and adding by index against plain loops, and the same bits for every thread count.
#include "check.h"

static void check_rows(int64_t outer, int64_t n, int64_t count, int64_t inner) {
    int64_t size = outer * n * inner, picked = outer * count * inner;
    float *x = malloc((size_t)size * 4);
    float *y = malloc((size_t)picked * 4);
    float *sum = malloc((size_t)size * 4);
    double *expected = malloc((size_t)size * 8);
    int32_t *index = malloc((size_t)count * 4);
    int32_t smallest;
    int32_t largest;
    int32_t low = INT32_MAX;
    int32_t high = INT32_MIN;
    fill_random(x, size);
    for (int64_t i = 0; i < count; i++) {
        index[i] = (int32_t)((i * 7919 + 3) % n);
        low = index[i] < low ? index[i] : low;
        high = index[i] > high ? index[i] : high;
    }
    apus_index_select(APUS_F32, outer, n, count, inner, x, index, y);
    int64_t wrong = 0;
    for (int64_t i = 0; i < picked; i++) {
        int64_t o = i / (count * inner), row = i / inner % count;
        wrong += y[i] != x[(o * n + index[row]) * inner + i % inner];
    }
    CHECK(wrong == 0, "index_select (%lld, %lld, %lld)", (long long)outer, (long long)count,
          (long long)inner);
    for (int64_t i = 0; i < size; i++) expected[i] = x[i];
    for (int64_t i = 0; i < picked; i++) {
        int64_t o = i / (count * inner), row = i / inner % count;
        expected[(o * n + index[row]) * inner + i % inner] += (double)y[i];
    }
    memcpy(sum, x, (size_t)size * 4);
    apus_index_add(outer, n, count, inner, x, index, y);
    CHECK(all_close(x, expected, size, 1e-5, 1e-4), "index_add (%lld, %lld, %lld)",
          (long long)outer, (long long)count, (long long)inner);
    int32_t threads = apus_thread_count();
    apus_set_thread_count(1);
    apus_index_add(outer, n, count, inner, sum, index, y);
    apus_set_thread_count(threads);
    CHECK(memcmp(sum, x, (size_t)size * 4) == 0, "index_add with one thread");
    apus_array i = {index, APUS_I32, 1, {count}, {1}};
    apus_index_range(&i, &smallest, &largest);
    CHECK(smallest == low && largest == high, "range %d ... %d", smallest, largest);
    void *blocks[] = {x, y, sum, expected, index};
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) free(blocks[b]);
}

// x (a, b) and index (rows, columns), which is smaller than x on the other axis; x is transposed if
// asked for.
static void check_axis(int64_t a, int64_t b, int32_t axis, int64_t length, bool transposed) {
    int64_t rows = axis == 0 ? length : a - 1, columns = axis == 1 ? length : b - 1;
    float *x = malloc((size_t)(a * b) * 4), *y = malloc((size_t)(rows * columns) * 4);
    int32_t *index = malloc((size_t)(rows * columns) * 4);
    double *expected = malloc((size_t)(a * b) * 8);
    fill_random(x, a * b);
    for (int64_t i = 0; i < a * b; i++) expected[i] = x[i];
    for (int64_t i = 0; i < rows * columns; i++)
        index[i] = (int32_t)(i * 131 % (axis == 0 ? a : b));
    apus_array ax = {x, APUS_F32, 2, {a, b}, {transposed ? 1 : b, transposed ? a : 1}};
    apus_array ai = {index, APUS_I32, 2, {rows, columns}, {columns, 1}};
    apus_array ay = {y, APUS_F32, 2, {rows, columns}, {columns, 1}};
    apus_gather(&ax, &ai, axis, &ay);
    int64_t wrong = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            int64_t k = index[r * columns + c], i = axis == 0 ? k : r, j = axis == 0 ? c : k;
            int64_t at = i * ax.strides[0] + j * ax.strides[1];
            wrong += y[r * columns + c] != x[at];
            expected[at] += (double)y[r * columns + c];
        }
    CHECK(wrong == 0, "gather along %d of (%lld, %lld)", axis, (long long)a, (long long)b);
    apus_scatter_add(&ax, &ai, &ay, axis);
    CHECK(all_close(x, expected, a * b, 1e-5, 1e-4), "scatter_add along %d", axis);
    free(x);
    free(y);
    free(index);
    free(expected);
}

void test_index(void) {
    check_rows(1, 1, 1, 1);
    check_rows(2, 5, 9, 3);
    check_rows(1, 40, 300, 257);
    check_rows(1, 900, 4000, 5);
    check_rows(3, 7, 50, 1);
    for (int transposed = 0; transposed < 2; transposed++) {
        check_axis(2, 3, 0, 1, transposed);
        check_axis(40, 33, 0, 70, transposed);
        check_axis(33, 200, 1, 90, transposed);
        check_axis(256, 300, 0, 200, transposed);
    }
    uint8_t x[3] = {10, 20, 30}, y[2];
    int32_t index[2] = {2, 0};
    apus_index_select(APUS_U8, 1, 3, 2, 1, x, index, y);
    CHECK(y[0] == 30 && y[1] == 10, "bytes");
}
