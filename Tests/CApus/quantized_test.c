// Block formats, int8 rows and int4 groups: the kernels against the definitions, products against
// double.
#include "../../Sources/CApus/cpu/block_formats.h"
#include "check.h"

static const apus_format formats[] = {
    APUS_Q4_0, APUS_Q4_1, APUS_Q5_0, APUS_Q5_1, APUS_Q8_0, APUS_Q2_K,
    APUS_Q3_K, APUS_Q4_K, APUS_Q5_K, APUS_Q6_K, APUS_IQ4_NL, APUS_IQ4_XS,
};
enum { FORMAT_COUNT = sizeof formats / sizeof *formats };

/// Random blocks: quantised random values, except that every byte but the scales is arbitrary.
static uint8_t *random_blocks(apus_format format, int64_t rows, int64_t columns) {
    int64_t block = apus_block_bytes(format), count = rows * columns / apus_block_values(format);
    uint8_t *blocks = malloc((size_t)(count * block + 1));
    for (int64_t i = 0; i < count * block; i++) blocks[i] = (uint8_t)(128 + 127 * random_float());
    int at = format == APUS_Q2_K ? 80 : format == APUS_Q3_K ? 108 : format == APUS_Q6_K ? 208 : 0;
    const bool two = apus_block_format(format)->minima;
    for (int64_t b = 0; b < count; b++)
        for (int i = 0; i <= two; i++) {
            half h = half_of_float(0.05f * random_float());
            memcpy(blocks + b * block + at + 2 * i, &h, 2);
        }
    return blocks;
}

static double *definition(apus_format format, int64_t count, const uint8_t *blocks) {
    int64_t values = apus_block_values(format), bytes = apus_block_bytes(format);
    double *x = malloc((size_t)(count + 1) * sizeof *x);
    for (int64_t b = 0; b < count / values; b++) {
        float block[256];
        apus_dequantize_block(format, blocks + b * bytes, block);
        for (int64_t i = 0; i < values; i++) x[b * values + i] = block[i];
    }
    return x;
}

/// The blocks, packed.
static uint8_t *packed_blocks(apus_format format, int64_t rows, int64_t columns,
                              const uint8_t *blocks) {
    size_t bytes = (size_t)(rows * columns / apus_block_values(format) * apus_block_bytes(format));
    uint8_t *packed = malloc(bytes + 1), *back = malloc(bytes + 1);
    apus_pack_blocks(format, rows, columns, blocks, packed);
    apus_unpack_blocks(format, rows, columns, packed, back);
    CHECK(memcmp(back, blocks, bytes) == 0, "format %d packed and unpacked", format);
    memcpy(back, blocks, bytes);
    apus_pack_blocks(format, rows, columns, back, back);
    CHECK(memcmp(back, packed, bytes) == 0, "format %d packed in place", format);
    apus_unpack_blocks(format, rows, columns, back, back);
    CHECK(memcmp(back, blocks, bytes) == 0, "format %d unpacked in place", format);
    free(back);
    return packed;
}

static void test_values(apus_format format) {
    int64_t rows = 35, columns = 256 + apus_block_values(format), count = rows * columns;
    uint8_t *blocks = random_blocks(format, rows, columns);
    uint8_t *packed = packed_blocks(format, rows, columns, blocks);
    double *expected = definition(format, count, blocks);
    float *x = malloc((size_t)count * sizeof *x);
    apus_dequantize(format, rows, columns, (apus_blocks){.packed = packed}, x);
    CHECK(all_close(x, expected, count, 1e-6, 1e-5), "values of format %d", format);
    free(blocks);
    free(packed);
    free(expected);
    free(x);
}

/// The root of a weighed mean square error, relative to the values'.
static double weighed_error(const float *x, const float *y, const float *w, int rows, int columns) {
    double error = 0, total = 0;
    for (int i = 0; i < rows * columns; i++) {
        double d = y[i] - x[i];
        error += w[i % columns] * d * d;
        total += w[i % columns] * x[i] * x[i];
    }
    return sqrt(error / total);
}

/// The error of quantised normal-like values, with importance smaller than without.
static void test_quantize(apus_format format, bool weigh) {
    static const double bound[] = {
        [APUS_Q4_0] = 0.1, [APUS_Q4_1] = 0.1, [APUS_Q5_0] = 0.05, [APUS_Q5_1] = 0.05,
        [APUS_Q8_0] = 0.007, [APUS_Q2_K] = 0.3, [APUS_Q3_K] = 0.16, [APUS_Q4_K] = 0.08,
        [APUS_Q5_K] = 0.04, [APUS_Q6_K] = 0.025, [APUS_IQ4_NL] = 0.09, [APUS_IQ4_XS] = 0.09,
    };
    enum { ROWS = 2, COLUMNS = 512 };
    static float x[ROWS * COLUMNS], back[ROWS * COLUMNS], importance[COLUMNS];
    static uint8_t blocks[ROWS * COLUMNS * 2];
    for (int i = 0; i < ROWS * COLUMNS; i++)
        x[i] = 0.1f * (random_float() + random_float() + random_float());
    for (int i = 0; i < COLUMNS; i++) importance[i] = weigh ? i % 4 ? 0.5f : 4.0f : 1;
    apus_quantize(format, ROWS, COLUMNS, x, NULL, blocks);
    apus_dequantize(format, ROWS, COLUMNS, (apus_blocks){.packed = blocks}, back);
    double error = weighed_error(x, back, importance, ROWS, COLUMNS);
    CHECK(error < bound[format], "error of format %d: %g", format, error);
    const float *w = weigh ? importance : NULL;
    apus_quantize(format, ROWS, COLUMNS, x, w, blocks);
    apus_dequantize(format, ROWS, COLUMNS, (apus_blocks){.packed = blocks}, back);
    double weighed = weighed_error(x, back, importance, ROWS, COLUMNS);
    bool is_better = weighed < error || !weigh || format == APUS_Q8_0;
    CHECK(is_better && weighed <= error, "format %d: weighed %g, plain %g", format, weighed, error);

    memset(x, 0, sizeof x);   // zeros stay zeros
    apus_quantize(format, 1, 256, x, w, blocks);
    apus_dequantize(format, 1, 256, (apus_blocks){.packed = blocks}, back);
    for (int i = 0; i < 256; i++) CHECK(back[i] == 0, "zero in format %d", format);

    for (int i = 0; i < 256; i++) x[i] = i % 3 ? NAN : INFINITY;   // no values, but no trap
    apus_quantize(format, 1, 256, x, w, blocks);
}

static void test_product(apus_format format, int64_t m, int64_t n, int64_t k, bool exact) {
    int64_t y_row = n + 2, x_row = k + 1;
    uint8_t *blocks = random_blocks(format, n, k);
    double *w = definition(format, n * k, blocks);
    apus_pack_blocks(format, n, k, blocks, blocks);
    float *x = malloc((size_t)(m * x_row) * 4), *y = malloc((size_t)(m * y_row) * 4);
    float *bias = malloc((size_t)n * 4);
    fill_random(x, m * x_row);
    fill_random(bias, n);
    fill_random(y, m * y_row);
    float beyond = y[n];
    apus_matmul_quantized(format, m, n, k, x, x_row, blocks, bias, exact, y, y_row);
    bool close = true;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = bias[j], square = 0;
            for (int64_t l = 0; l < k; l++) {
                sum += x[i * x_row + l] * w[j * k + l];
                square += w[j * k + l] * w[j * k + l];
            }
            // Rounding to int8 moves each x by at most 1 / 254, at random.
            double allowed = sqrt(square) * (exact ? 1e-5 : 0.016) + 1e-6;
            close = close && fabs(y[i * y_row + j] - sum) <= allowed;
        }
    CHECK(close && y[n] == beyond, "format %d, %dx%dx%d", format, (int)m, (int)n, (int)k);
    free(blocks);
    free(w);
    free(x);
    free(y);
    free(bias);
}

static void test_products(apus_format format) {
    int64_t block = apus_block_values(format);
    for (int exact = 0; exact < 2; exact++) {
        test_product(format, 1, 1, block, exact);
        test_product(format, 3, 37, 256 + block, exact);
        test_product(format, 7, 5, 512, exact);
        test_product(format, 29, 70, 256 + block, exact);
        test_product(format, 2, 3, 0, exact);
    }
    // Not a number in one row stays there.
    float x[2][256] = {{[7] = NAN}}, y[2][3];
    uint8_t *blocks = random_blocks(format, 3, 256);
    apus_matmul_quantized(format, 2, 3, 256, x[0], 256, blocks, NULL, false, y[0], 3);
    CHECK(isnan(y[0][0]) && isnan(y[0][2]) && y[1][0] == 0, "NaN in format %d", format);
    free(blocks);
}

/// The bits of a row do not depend on the rows beside it.
static void test_alone(apus_format format) {
    enum { M = 67, N = 50, K = 512 };
    static float x[M * K], together[M * N];
    fill_random(x, M * K);
    uint8_t *blocks = random_blocks(format, N, K);
    apus_pack_blocks(format, N, K, blocks, blocks);
    apus_matmul_quantized(format, M, N, K, x, K, blocks, NULL, false, together, N);
    bool same = true;
    for (int row = 0; row < M; row++) {
        int rows = row % 9 == 8 && row < M - 1 ? 2 : 1;
        float few[2 * N];
        apus_matmul_quantized(format, rows, N, K, x + row * K, K, blocks, NULL, false, few, N);
        same = same && memcmp(few, together + row * N, sizeof(float) * (size_t)(rows * N)) == 0;
    }
    CHECK(same, "format %d: other bits among other rows", format);
    free(blocks);
}

/// The bits of a product do not depend on the number of threads.
static void test_threads(void) {
    enum { M = 40, N = 50, K = 256 };
    static float x[M * K], one[M * N], two[M * N];
    fill_random(x, M * K);
    uint8_t *blocks = random_blocks(APUS_Q4_K, N, K);
    int32_t threads = apus_thread_count();
    apus_set_thread_count(1);
    apus_matmul_quantized(APUS_Q4_K, M, N, K, x, K, blocks, NULL, false, one, N);
    apus_set_thread_count(3);
    apus_matmul_quantized(APUS_Q4_K, M, N, K, x, K, blocks, NULL, false, two, N);
    apus_set_thread_count(threads);
    CHECK(memcmp(one, two, sizeof one) == 0, "other bits with three threads");
    free(blocks);
}

static void test_int8_rows(void) {
    float x[3][21] = {}, scale[3];
    int8_t q[3][21];
    fill_random(x[0], 2 * 21);
    x[1][4] = -2.5f;
    apus_quantize_int8_rows(3, 21, x[0], q[0], scale);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 21; j++)
            CHECK(fabsf(q[i][j] * scale[i] - x[i][j]) <= scale[i] * 0.5001f, "row %d, %d", i, j);
    CHECK(q[1][4] == -127 && scale[2] == 1 && q[2][20] == 0, "extremes");
}

static void test_int4_groups(int64_t group, bool zero_point) {
    enum { ROWS = 5, COLUMNS = 120, M = 9 };
    float w[ROWS * COLUMNS], back[ROWS * COLUMNS];
    float scale[ROWS * COLUMNS / 2], zero[ROWS * COLUMNS / 2];
    float x[M * COLUMNS], y[M * ROWS];
    double expected[M * ROWS] = {};
    uint8_t packed[ROWS * COLUMNS / 2];
    fill_random(w, ROWS * COLUMNS);
    fill_random(x, M * COLUMNS);
    apus_quantize_int4_groups(ROWS, COLUMNS, group, zero_point, w, packed, scale, zero);
    apus_dequantize_int4_groups(ROWS, COLUMNS, group, zero_point, packed, scale, zero, back);
    for (int i = 0; i < ROWS * COLUMNS; i++)   // the zero point's own rounding can add half a step
        CHECK(fabsf(back[i] - w[i]) <= scale[i / group] * 1.001f, "group %d, %d", (int)group, i);
    for (int i = 0; i < M * ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            expected[i] += (double)x[i / ROWS * COLUMNS + j] * back[i % ROWS * COLUMNS + j];
    for (int64_t m = 1; m <= M; m += 8) {
        apus_matmul_int4_groups(m, ROWS, COLUMNS, group, zero_point, x, packed, scale, zero, y);
        CHECK(all_close(y, expected, m * ROWS, 1e-5, 1e-5), "product of %d rows", (int)m);
    }
}

void test_quantized(void) {
    CHECK(apus_block_values((apus_format)9) == 0, "unknown format");
    CHECK(apus_block_bytes((apus_format)-1) == 0, "unknown format");
    for (int i = 0; i < FORMAT_COUNT; i++) {
        test_values(formats[i]);
        test_quantize(formats[i], false);
        test_quantize(formats[i], true);
        test_products(formats[i]);
        test_alone(formats[i]);
    }
    test_threads();
    test_int8_rows();
    for (int zero_point = 0; zero_point < 2; zero_point++) {
        test_int4_groups(6, zero_point);
        test_int4_groups(120, zero_point);
        test_int4_groups(2, zero_point);
    }
}
