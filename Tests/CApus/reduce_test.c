// Reductions of strided arrays over every set of axes, index of extremes and running sums, against
// loops in double.
#include "check.h"

enum { RANK = 3 };

// A strided array of rank 3 inside a larger block: axis a of the array is axis order[a] of memory.
static apus_array strided(float *data, const int64_t *shape, const int *order, int64_t gap) {
    apus_array x = {.data = data, .dtype = APUS_F32, .rank = RANK};
    int64_t stride = gap;
    for (int m = RANK - 1; m >= 0; m--)
        for (int a = 0; a < RANK; a++)
            if (order[a] == m) {
                x.shape[a] = shape[a];
                x.strides[a] = stride;
                stride *= shape[a];
            }
    return x;
}

static apus_array contiguous(void *data, apus_dtype dtype, const int64_t *shape) {
    apus_array y = {.data = data, .dtype = dtype, .rank = RANK};
    int64_t stride = 1;
    for (int a = RANK - 1; a >= 0; a--) {
        y.shape[a] = shape[a];
        y.strides[a] = stride;
        stride *= shape[a];
    }
    return y;
}

static double start_of(apus_reduce_op op) {
    return op == APUS_MAX || op == APUS_LOGSUMEXP ? -INFINITY : op == APUS_MIN ? INFINITY
        : op == APUS_PROD;
}

static double step_of(apus_reduce_op op, double sum, double v) {
    switch (op) {
    case APUS_MAX: return fmax(sum, v);
    case APUS_MIN: return fmin(sum, v);
    case APUS_PROD: return sum * v;
    case APUS_SUM_OF_SQUARES: return sum + v * v;
    case APUS_SUM_OF_ABS: return sum + fabs(v);
    case APUS_MAX_OF_ABS: return fmax(sum, fabs(v));
    case APUS_LOGSUMEXP: return fmax(sum, v) + log1p(exp(fmin(sum, v) - fmax(sum, v)));
    default: return sum + v;
    }
}

static double value_at(const apus_array *x, int64_t i, int64_t j, int64_t k) {
    return ((float *)x->data)[i * x->strides[0] + j * x->strides[1] + k * x->strides[2]];
}

static void check_reduction(apus_reduce_op op, const apus_array *x, uint32_t axes) {
    int64_t shape[RANK], outputs = 1, count = 1;
    for (int a = 0; a < RANK; a++) {
        shape[a] = axes >> a & 1 ? 1 : x->shape[a];
        outputs *= shape[a];
        count *= x->shape[a] / shape[a];
    }
    float *y = malloc((size_t)outputs * 4);
    double *expected = malloc((size_t)outputs * 8);
    apus_array result = contiguous(y, APUS_F32, shape);
    for (int64_t i = 0; i < outputs; i++) expected[i] = start_of(op);
    for (int64_t i = 0; i < x->shape[0]; i++)
        for (int64_t j = 0; j < x->shape[1]; j++)
            for (int64_t k = 0; k < x->shape[2]; k++) {
                double *e = &expected[((i % shape[0]) * shape[1] + j % shape[1]) * shape[2]
                                      + k % shape[2]];
                *e = step_of(op, *e, value_at(x, i, j, k));
            }
    for (int64_t i = 0; op == APUS_MEAN && i < outputs; i++) expected[i] /= (double)count;
    apus_reduce(op, x, axes, &result);
    CHECK(all_close(y, expected, outputs, 1e-5, 1e-5), "op %d, axes %x of (%lld, %lld, %lld)", op,
          axes, (long long)x->shape[0], (long long)x->shape[1], (long long)x->shape[2]);
    free(y);
    free(expected);
}

static void check_shape(int64_t a, int64_t b, int64_t c, int64_t gap) {
    static const int orders[4][RANK] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}};
    int64_t shape[RANK] = {a, b, c};
    float *data = malloc((size_t)(a * b * c * gap) * 4);
    fill_random(data, a * b * c * gap);
    for (int o = 0; o < 4; o++) {
        apus_array x = strided(data, shape, orders[o], gap);
        for (uint32_t axes = 0; axes < 8; axes++)
            check_reduction((apus_reduce_op)((axes + (uint32_t)o) % APUS_ANY), &x, axes);
        for (apus_reduce_op op = APUS_SUM; op < APUS_ANY; op++) check_reduction(op, &x, 2);
    }
    free(data);
}

// 2^20 equal values around 1: an accumulator of f32 alone would drift.
static void check_accuracy(void) {
    int64_t n = 1 << 20, shape[RANK] = {1, n, 1}, one[RANK] = {1, 1, 1};
    float *data = malloc((size_t)n * 4), sum, mean, variance;
    double expected = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) data[i] = 1000 + random_float();
    for (int64_t i = 0; i < n; i++) expected += (double)data[i];
    double center = expected / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += ((double)data[i] - center) * ((double)data[i] - center);
    squares /= (double)(n - 1);
    apus_array x = contiguous(data, APUS_F32, shape), y = contiguous(&sum, APUS_F32, one);
    apus_array m = contiguous(&mean, APUS_F32, one), v = contiguous(&variance, APUS_F32, one);
    apus_reduce(APUS_SUM, &x, 7, &y);
    apus_mean_variance(&x, 7, 1, &m, &v);
    CHECK(all_close(&sum, &expected, 1, 1e-7, 0), "sum of a million");
    CHECK(all_close(&mean, &center, 1, 1e-7, 0), "mean of a million");
    CHECK(all_close(&variance, &squares, 1, 1e-5, 0), "variance with a large mean");
    free(data);
}

static void check_special(void) {
    float x[6] = {1, NAN, 3, -INFINITY, -INFINITY, -INFINITY}, y[2];
    int64_t shape[RANK] = {1, 2, 3}, out[RANK] = {1, 2, 1}, none[RANK] = {1, 2, 0};
    apus_array a = contiguous(x, APUS_F32, shape), r = contiguous(y, APUS_F32, out);
    apus_array empty = contiguous(x, APUS_F32, none);
    apus_reduce(APUS_MAX, &a, 4, &r);
    CHECK(isnan(y[0]) && y[1] == -INFINITY, "NaN spreads through the largest: %g %g", y[0], y[1]);
    apus_reduce(APUS_LOGSUMEXP, &a, 4, &r);
    CHECK(isnan(y[0]) && y[1] == -INFINITY, "log-sum-exp of -inf: %g %g", y[0], y[1]);
    apus_reduce(APUS_PROD, &empty, 4, &r);
    CHECK(y[0] == 1 && y[1] == 1, "product of nothing");
    int32_t i[4] = {INT32_MAX, 1, 7, -9}, s[2];
    int64_t two[RANK] = {1, 2, 2};
    apus_array ints = contiguous(i, APUS_I32, two), sums = contiguous(s, APUS_I32, out);
    apus_reduce(APUS_SUM, &ints, 4, &sums);
    CHECK(s[0] == INT32_MIN && s[1] == -2, "integer sums wrap: %d %d", s[0], s[1]);
    uint8_t flags[4] = {0, 1, 0, 0}, any[2];
    apus_array f = contiguous(flags, APUS_BOOL, two), g = contiguous(any, APUS_BOOL, out);
    apus_reduce(APUS_ANY, &f, 4, &g);
    CHECK(any[0] == 1 && any[1] == 0, "any");
    uint16_t half[6] = {0x3f80, 0x4000, 0x4040, 0xbf80, 0, 0};   // bf16: 1 2 3, -1 0 0
    apus_array b = contiguous(half, APUS_BF16, shape);
    apus_reduce(APUS_SUM, &b, 4, &r);
    CHECK(y[0] == 6 && y[1] == -1, "bf16 sums: %g %g", y[0], y[1]);
}

static void check_lines(int64_t n, int64_t lines) {
    int64_t shape[RANK] = {1, n, lines}, one[RANK] = {1, 1, lines};
    float *x = malloc((size_t)(n * lines) * 4), *y = malloc((size_t)(n * lines) * 4);
    int32_t *index = malloc((size_t)lines * 4);
    double *expected = calloc((size_t)(n * lines), 8);
    fill_random(x, n * lines);
    apus_array a = contiguous(x, APUS_F32, shape), s = contiguous(y, APUS_F32, shape);
    apus_array r = contiguous(index, APUS_I32, one);
    apus_cumsum(&a, 1, false, &s);
    apus_arg_reduce(true, &a, 1, &r);
    int64_t wrong = 0;
    for (int64_t c = 0; c < lines; c++) {
        int64_t best = 0;
        for (int64_t i = 0; i < n; i++) {
            expected[i * lines + c] = x[i * lines + c] + (i ? expected[(i - 1) * lines + c] : 0);
            if (x[i * lines + c] > x[best * lines + c]) best = i;
        }
        wrong += index[c] != best;
    }
    CHECK(wrong == 0, "index of the largest, %lld lines of %lld", (long long)lines, (long long)n);
    CHECK(all_close(y, expected, n * lines, 1e-5, 1e-5), "running sum");
    free(x);
    free(y);
    free(index);
    free(expected);
}

void test_reduce(void) {
    check_shape(1, 1, 1, 1);
    check_shape(3, 5, 7, 1);
    check_shape(2, 33, 40, 1);
    check_shape(17, 2, 70, 2);
    check_shape(1, 300, 200, 1);
    check_shape(2, 3, 5000, 1);
    check_accuracy();
    check_special();
    check_lines(1, 1);
    check_lines(3000, 1);
    check_lines(50, 67);
}
