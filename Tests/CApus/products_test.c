// Several products with the same rows, plain floats among them: against double, and row by row.
#include "../../Sources/CApus/cpu/block_formats.h"
#include "check.h"

enum { MOST = 3 };

typedef struct weight {
    apus_format format;
    int64_t n;
    uint8_t *packed, *stored;
    apus_blocks blocks;
    float *values, *bias;
} weight;

static weight make_weight(apus_format format, int64_t n, int64_t k) {
    weight w = {.format = format, .n = n};
    size_t bytes = (size_t)(n * k / apus_block_values(format) * apus_block_bytes(format));
    float *x = malloc((size_t)(n * k + 1) * 4);
    fill_random(x, n * k);
    w.packed = malloc(bytes + 1);
    w.blocks.packed = w.packed;
    w.values = malloc((size_t)(n * k + 1) * 4);
    w.bias = malloc((size_t)n * 4);
    fill_random(w.bias, n);
    uint8_t *blocks = malloc(bytes + 1), *back = malloc(bytes + 1);
    apus_quantize(format, n, k, x, NULL, blocks);
    apus_pack_blocks(format, n, k, blocks, w.packed);
    apus_unpack_blocks(format, n, k, w.packed, back);
    CHECK(memcmp(back, blocks, bytes) == 0, "format %d packed and unpacked", format);
    apus_dequantize(format, n, k, (apus_blocks){.packed = w.packed}, w.values);
    if (format == APUS_PLAIN_F32)
        CHECK(memcmp(w.values, x, (size_t)(n * k) * 4) == 0, "f32 stays as it is");
    for (int64_t i = 0; i < n * k && apus_block_values(format) == 1; i++)
        CHECK(fabsf(w.values[i] - x[i]) <= 0.004f * fabsf(x[i]) + 1e-7f, "format %d", format);
    free(x);
    free(back);
    w.stored = blocks;
    return w;
}

static void free_weight(weight w) {
    free(w.packed);
    free(w.stored);
    free(w.values);
    free(w.bias);
}

static double gate_of(apus_activation gate, double x) {
    switch (gate) {
    case APUS_ACTIVATION_NONE: return x;
    case APUS_ACTIVATION_RELU: return x > 0 ? x : 0;
    case APUS_ACTIVATION_GELU: return x * 0.5 * erfc(-x / sqrt(2));
    case APUS_ACTIVATION_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case APUS_ACTIVATION_SILU: return x / (1 + exp(-x));
    }
}

/// By how much rounding moves a product, relative to the root of the sum of squares of w: x to
/// int8, or to bf16 or whole numbers of 16 bits where the CPU multiplies those.
static double rounding_of(apus_format format) {
    if (apus_block_values(format) > 1) return 0.016;
    if (format == APUS_PLAIN_F32 || apus_cpu_isa() != APUS_ISA_AVX512) return 1e-5;
    return format == APUS_PLAIN_BF16 ? 0.006 : 4e-4;
}

/// Element (row, column) of x w^T + bias in double, and what rounding may change.
static double product_of(const weight *w, const float *x, int64_t k, int64_t column,
                         double *allowed) {
    double sum = w->bias[column], square = 0;
    for (int64_t i = 0; i < k; i++) {
        sum += (double)x[i] * w->values[column * k + i];
        square += (double)w->values[column * k + i] * w->values[column * k + i];
    }
    *allowed = sqrt(square) * rounding_of(w->format) + 1e-6;
    return sum;
}

typedef struct products {
    int64_t m, k;
    int count;
    weight w[MOST];
    apus_activation gate;
    float *x, *residual[MOST], *y[MOST];   // rows k + 3; n + 1; n + 2 apart
} products;

static void run_rows(const products *p, int64_t row, int64_t rows, float **y) {
    apus_product calls[MOST];
    for (int i = 0; i < p->count; i++) {
        const weight *w = &p->w[i];
        calls[i] = (apus_product){
            .format = w->format, .n = w->n, .w = w->blocks, .bias = w->bias,
            .residual = p->residual[i] ? p->residual[i] + row * (w->n + 1) : NULL,
            .residual_row = w->n + 1, .y = y[i] + row * (w->n + 2), .y_row = w->n + 2,
        };
    }
    apus_products(rows, p->k, p->x + row * (p->k + 3), p->k + 3, p->count, calls, p->gate);
}

static void check_values(const products *p) {
    bool close = true;
    int step = p->gate == APUS_ACTIVATION_NONE ? 1 : 2;
    for (int i = 0; i < p->count; i += step)
        for (int64_t row = 0; row < p->m; row++)
            for (int64_t j = 0; j < p->w[i].n; j++) {
                const float *x = p->x + row * (p->k + 3);
                double allowed, other;
                double expected = product_of(&p->w[i], x, p->k, j, &allowed);
                if (p->residual[i]) expected += p->residual[i][row * (p->w[i].n + 1) + j];
                if (step == 2) {
                    double up = product_of(&p->w[i + 1], x, p->k, j, &other);
                    allowed = 1.2 * allowed * (fabs(up) + other) + other * (fabs(expected) + 1);
                    expected = gate_of(p->gate, expected) * up;
                }
                close = close && fabs(p->y[i][row * (p->w[i].n + 2) + j] - expected) <= allowed;
            }
    CHECK(close, "%d products of %dx%d, format %d", p->count, (int)p->m, (int)p->k,
          p->w[0].format);
}

/// Each row alone, and all with one thread, give the same bits.
static void check_rows(products *p) {
    float *alone[MOST] = {};
    int64_t bytes[MOST];
    for (int i = 0; i < p->count; i++) {
        bytes[i] = p->m * (p->w[i].n + 2) * 4;
        alone[i] = malloc((size_t)bytes[i]);
        memcpy(alone[i], p->y[i], (size_t)bytes[i]);
    }
    for (int64_t row = 0, rows; row < p->m; row += rows) {
        rows = row % 5 == 4 && row + 2 < p->m ? 3 : 1;
        run_rows(p, row, rows, alone);
    }
    int step = p->gate == APUS_ACTIVATION_NONE ? 1 : 2;
    for (int i = 0; i < p->count; i += step)
        CHECK(memcmp(alone[i], p->y[i], (size_t)bytes[i]) == 0, "format %d: other bits alone",
              p->w[i].format);
    int32_t threads = apus_thread_count();
    apus_set_thread_count(threads == 1 ? 3 : 1);
    run_rows(p, 0, p->m, alone);
    apus_set_thread_count(threads);
    for (int i = 0; i < p->count; i += step)
        CHECK(memcmp(alone[i], p->y[i], (size_t)bytes[i]) == 0, "format %d: bits and threads",
              p->w[i].format);
    for (int i = 0; i < p->count; i++) free(alone[i]);
}

/// The same matrix with `rows` packed rows only: the others' memory holds nothing, nor the first's
/// where they were stored.
static weight partly_packed(const weight *w, int64_t rows, int64_t row_bytes) {
    weight part = *w;
    size_t bytes = (size_t)(w->n * row_bytes), packed = (size_t)(rows * row_bytes);
    part.packed = memcpy(malloc(bytes + 1), w->packed, bytes);
    part.stored = memcpy(malloc(bytes + 1), w->stored, bytes);
    memset(part.packed + packed, 0xff, bytes - packed);
    memset(part.stored, 0xff, packed);
    part.blocks = (apus_blocks){part.packed, part.stored, rows};
    return part;
}

/// Values, and some rows of them.
static void check_stored_values(const weight *w, const weight *part, int64_t k) {
    size_t bytes = (size_t)(w->n * k) * 4;
    float *x = malloc(bytes + 1), *rows = malloc((size_t)k * 8 + 1);
    const int32_t index[] = {(int32_t)(w->n - 1), 0};
    apus_dequantize(w->format, w->n, k, part->blocks, x);
    CHECK(memcmp(x, w->values, bytes) == 0, "format %d: stored values", w->format);
    apus_dequantize_rows(w->format, w->n, k, part->blocks, 2, index, rows);
    CHECK(memcmp(rows, w->values + (w->n - 1) * k, (size_t)k * 4) == 0
          && memcmp(rows + k, w->values, (size_t)k * 4) == 0, "format %d: stored rows", w->format);
    free(x);
    free(rows);
}

/// Weights none, some or all of whose rows are packed give the same bits.
static void check_stored(products *p, int64_t packed) {
    products q = *p;
    for (int i = 0; i < p->count; i++) {
        const weight *w = &p->w[i];
        int64_t values = apus_block_values(w->format), rows = packed < w->n ? packed : w->n;
        int64_t row_bytes = p->k / values * apus_block_bytes(w->format);
        q.w[i] = partly_packed(w, rows / 16 * 16, row_bytes);
        // Of several weights one may be packed wholly.
        if (i == 1 && packed == 16) q.w[i].blocks = w->blocks;
        q.y[i] = calloc((size_t)(p->m * (w->n + 2)), 4);
        check_stored_values(w, &q.w[i], p->k);
    }
    run_rows(&q, 0, p->m, q.y);
    int step = p->gate == APUS_ACTIVATION_NONE ? 1 : 2;
    for (int i = 0; i < p->count; i++) {
        size_t bytes = (size_t)(p->m * (p->w[i].n + 2)) * 4;
        CHECK(i % step || memcmp(q.y[i], p->y[i], bytes) == 0,
              "format %d: other bits with %d packed rows", p->w[i].format, (int)packed);
        free(q.y[i]);
        free(q.w[i].packed);
        free(q.w[i].stored);
    }
}

static void test(int64_t m, int64_t k, apus_activation gate, int count, const apus_format *formats,
                 const int64_t *n) {
    products p = {.m = m, .k = k, .count = count, .gate = gate};
    p.x = malloc((size_t)(m * (k + 3)) * 4);
    fill_random(p.x, m * (k + 3));
    for (int i = 0; i < count; i++) {
        p.w[i] = make_weight(formats[i], n[i], k);
        p.y[i] = calloc((size_t)(m * (n[i] + 2)), 4);
        if (i % 2 || gate != APUS_ACTIVATION_NONE) continue;
        p.residual[i] = malloc((size_t)(m * (n[i] + 1)) * 4);
        fill_random(p.residual[i], m * (n[i] + 1));
    }
    run_rows(&p, 0, m, p.y);
    check_values(&p);
    check_rows(&p);
    for (int64_t packed = 0; packed <= 4096; packed = packed ? packed * 16 : 16)
        check_stored(&p, packed);
    for (int i = 0; i < count; i++) {
        free_weight(p.w[i]);
        free(p.residual[i]);
        free(p.y[i]);
    }
    free(p.x);
}

/// Exact products with weights of 16 bits do not round, and NaN stays in its row.
static void test_plain(apus_format format) {
    for (int64_t m = 1; m <= 19; m += 6) {
        enum { N = 21, K = 77 };
        float x[19 * K], y[19 * N];
        weight w = make_weight(format, N, K);
        fill_random(x, m * K);
        apus_matmul_quantized(format, m, N, K, x, K, w.packed, w.bias, true, y, N);
        for (int64_t i = 0; i < m * N; i++) {
            double square = 0, sum = w.bias[i % N];
            for (int64_t l = 0; l < K; l++) {
                double v = w.values[i % N * K + l];
                sum += v * x[i / N * K + l];
                square += v * v;
            }
            CHECK(fabs(y[i] - sum) <= 1e-5 * sqrt(square) + 1e-6, "format %d, exactly", format);
        }
        if (m > 1) x[K + K - 1] = NAN;
        apus_matmul_quantized(format, m, N, K, x, K, w.packed, w.bias, false, y, N);
        for (int64_t i = 0; i < m * N && m > 1; i++)
            CHECK(isnan(y[i]) == (i / N == 1), "NaN in format %d", format);
        free_weight(w);
    }
}

/// Packed weights (n, k) of f16.
static void *pack_halves(int64_t n, int64_t k, const float *w) {
    void *blocks = malloc((size_t)(n * k) * 2), *packed = malloc((size_t)(n * k) * 2);
    apus_quantize(APUS_PLAIN_F16, n, k, w, NULL, blocks);
    apus_pack_blocks(APUS_PLAIN_F16, n, k, blocks, packed);
    free(blocks);
    return packed;
}

/// Whole numbers of 16 bits neither overflow where all values are as large as can be, nor lose
/// what is small or stands beside something large.
static void test_halves(float scale_x, float scale_w, float outlier) {
    enum { M = 13, N = 33, K = 203 };
    float x[M * K], w[N * K], y[M * N];
    fill_random(x, M * K);
    fill_random(w, N * K);
    for (int64_t i = 0; i < M * K; i++) x[i] *= scale_x;
    for (int64_t i = 0; i < N * K; i++) w[i] *= scale_w;
    for (int64_t i = 0; i < 2 * K; i++) x[i] = (i < K ? 1.0f : -1.0f + 0.001f * i) * scale_x;
    for (int64_t i = 0; i < 2 * K; i++) w[i] = (i < K ? 1.0f : -0.999f) * scale_w;
    for (int64_t i = 0; i < M; i++) x[i * K + 70] *= outlier;
    void *packed = pack_halves(N, K, w);
    apus_dequantize(APUS_PLAIN_F16, N, K, (apus_blocks){.packed = packed}, w);
    for (int64_t m = 1; m <= M; m += M - 1) {
        apus_matmul_quantized(APUS_PLAIN_F16, m, N, K, x, K, packed, NULL, false, y, N);
        for (int64_t i = 0; i < m * N; i++) {
            double sum = 0, x_square = 0, w_square = 0;
            for (int64_t l = 0; l < K; l++) {
                double a = x[i / N * K + l], b = w[i % N * K + l];
                sum += a * b;
                x_square += a * a;
                w_square += b * b;
            }
            // Values that are all alike are all rounded alike.
            CHECK(fabs(y[i] - sum) <= 4e-4 * sqrt(x_square / K * w_square) + 2e-4 * fabs(sum),
                  "halves times %g and %g, %g: %g, not %g", scale_x, scale_w, outlier, y[i], sum);
        }
    }
    free(packed);
}

/// NaN and infinity in one row of w reach that column of y and no other.
static void test_special_halves(void) {
    enum { M = 11, N = 20, K = 131 };
    float x[M * K], w[N * K], y[M * N];
    fill_random(x, M * K);
    fill_random(w, N * K);
    w[3 * K + 130] = NAN;
    w[17 * K + 5] = -INFINITY;
    x[4 * K + 64] = INFINITY;
    for (int64_t l = 0; l < K; l++) w[6 * K + l] = 0;
    void *packed = pack_halves(N, K, w);
    for (int64_t m = 1; m <= M; m += M - 1) {
        apus_matmul_quantized(APUS_PLAIN_F16, m, N, K, x, K, packed, NULL, false, y, N);
        for (int64_t i = 0; i < m * N; i++) {
            int64_t column = i % N;
            bool special = column == 3 || column == 17 || i / N == 4;
            CHECK(isfinite(y[i]) == !special && (column != 6 || special || y[i] == 0),
                  "row %d, column %d: %g", (int)(i / N), (int)column, y[i]);
        }
    }
    free(packed);
}

void test_products(void) {
    test_halves(1, 1, 1);
    test_halves(1e-20f, 1e-3f, 1);
    test_halves(1e30f, 6e4f, 1);
    test_halves(3, 0.02f, 1000);
    test_special_halves();
    test_plain(APUS_PLAIN_F32);
    test_plain(APUS_PLAIN_F16);
    test_plain(APUS_PLAIN_BF16);
    for (apus_format format = APUS_Q4_0; format <= APUS_IQ4_XS; format++)
        if (apus_block_values(format) > 0)
            for (int64_t m = 1; m <= 69; m += 34)
                test(m, 512, APUS_ACTIVATION_NONE, 1, (apus_format[]){format}, (int64_t[]){59});
    static const int64_t rows[] = {1, 2, 3, 7, 8, 9, 25, 70};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test(rows[i], 512, APUS_ACTIVATION_NONE, 3,
             (apus_format[]){APUS_Q4_K, APUS_PLAIN_F16, APUS_Q6_K}, (int64_t[]){70, 16, 35});
        test(rows[i], 256, APUS_ACTIVATION_SILU, 2, (apus_format[]){APUS_Q4_0, APUS_Q8_0},
             (int64_t[]){83, 83});
        test(rows[i], 300, APUS_ACTIVATION_GELU, 2,
             (apus_format[]){APUS_PLAIN_BF16, APUS_PLAIN_F16}, (int64_t[]){97, 97});
        test(rows[i], 517, APUS_ACTIVATION_NONE, 2,
             (apus_format[]){APUS_PLAIN_F32, APUS_PLAIN_BF16}, (int64_t[]){1, 130});
        for (int64_t k = 1; k < 600; k += 1 + k / 2)
            test(rows[i], k, APUS_ACTIVATION_NONE, 1, (apus_format[]){APUS_PLAIN_F16},
                 (int64_t[]){37});
    }
    test(20, 64, APUS_ACTIVATION_GELU_TANH, 2, (apus_format[]){APUS_Q5_1, APUS_Q4_1},
         (int64_t[]){200, 200});
    test(1000, 32, APUS_ACTIVATION_RELU, 2, (apus_format[]){APUS_PLAIN_F32, APUS_PLAIN_F32},
         (int64_t[]){40, 40});
    test(1000, 32, APUS_ACTIVATION_NONE, 2, (apus_format[]){APUS_Q8_0, APUS_PLAIN_F16},
         (int64_t[]){40, 40});
}
