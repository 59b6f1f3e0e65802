// Matrix products against sums in double: sizes around the tiles, every way of striding, epilogues,
// batches.
#include "check.h"

typedef struct matmul_case { int64_t m, n, k; } matmul_case;

// Around 1, a tile of any instruction set, more than one piece of k with either operand the larger,
// more than one block of k.
static const matmul_case cases[] = {
    {1, 1, 1}, {1, 5, 3}, {3, 1, 17}, {1, 70, 40}, {2, 33, 31}, {4, 64, 65}, {5, 7, 0}, {7, 31, 9},
    {8, 40, 129}, {13, 32, 16}, {14, 32, 64}, {15, 33, 47}, {29, 65, 300}, {64, 64, 64},
    {70, 16, 2}, {18, 200, 1030}, {90, 30, 1030}, {20, 35, 9001},
};

static float half_value(uint16_t h, apus_dtype type) {
    if (type == APUS_BF16) {
        uint32_t bits = (uint32_t)h << 16;
        float f;
        memcpy(&f, &bits, 4);
        return f;
    }
    int exponent = h >> 10 & 31;
    float magnitude = exponent ? ldexpf((float)((h & 1023) | 1024), exponent - 25)
        : ldexpf((float)(h & 1023), -24);
    return h >> 15 ? -magnitude : magnitude;
}

static double value(const void *x, apus_dtype type, int64_t i) {
    return type == APUS_F32 ? ((const float *)x)[i] : half_value(((const uint16_t *)x)[i], type);
}

/// Random values of a type, -1 … 1 or near.
static void *random_values(apus_dtype type, int64_t n) {
    char *x = malloc((size_t)(n + 1) * 4);
    for (int64_t i = 0; i < n; i++) {
        float f = random_float();
        uint32_t bits;
        memcpy(&bits, &f, 4);
        uint16_t half = type == APUS_BF16 ? (uint16_t)(bits >> 16)
            : (uint16_t)((bits >> 16 & 0x8000) | 0x3800 | (bits & 0x3ff));
        if (type == APUS_F32) memcpy(x + 4 * i, &f, 4);
        else memcpy(x + 2 * i, &half, 2);
    }
    return x;
}

static double activated(apus_activation activation, double x) {
    switch (activation) {
    case APUS_ACTIVATION_RELU: return x > 0 ? x : 0;
    case APUS_ACTIVATION_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case APUS_ACTIVATION_GELU_TANH: return 0.5 * x * (1
        + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case APUS_ACTIVATION_SILU: return x / (1 + exp(-x));
    default: return x;
    }
}

enum { ENTRIES = 3 };
typedef enum striding { ROWS, TRANSPOSED_B, TRANSPOSED_A, GAPS, STRIDINGS } striding;

/// The call of a case, with its memory; every second case has everything in its epilogue.
static apus_matmul make_call(matmul_case size, apus_dtype type, apus_dtype c_type, striding s,
                             bool epilogue) {
    int64_t m = size.m, n = size.n, k = size.k, c_row = n + (s == GAPS);
    apus_matmul call = {
        .m = m, .n = n, .k = k, .type = type, .c_type = c_type, .batch = 1,
            .alpha = epilogue ? 0.5f : 1, .c_row = c_row,
        .a_row = s == TRANSPOSED_A ? 1 : s == GAPS ? 2 * k + 1 : k,
            .a_column = s == TRANSPOSED_A ? m : s == GAPS ? 2 : 1,
        .b_row = s == TRANSPOSED_B ? 1 : s == GAPS ? 2 * n + 3 : n,
            .b_column = s == TRANSPOSED_B ? k : s == GAPS ? 2 : 1,
    };
    call.a = random_values(type, m * (2 * k + 1));
    call.b = random_values(type, k * (2 * n + 3));
    call.c = random_values(c_type, m * c_row);
    if (epilogue) {
        call.bias = random_values(APUS_F32, n);
        call.activation = (apus_activation)((m + n + k + s) % 5);
        call.residual = random_values(c_type, m * c_row);
        call.residual_row = c_row;
    }
    return call;
}

static void free_call(apus_matmul *call) {
    free((void *)call->a);
    free((void *)call->b);
    free(call->c);
    free((void *)call->bias);
    free((void *)call->residual);
}

/// Whether every element of one entry is as near as its type and the length of its sum allow.
static bool entry_is_right(const apus_matmul *call, int64_t entry) {
    int64_t a0 = call->a_offset ? call->a_offset[entry] : 0,
        b0 = call->b_offset ? call->b_offset[entry] : 0;
    int64_t c0 = call->c_offset ? call->c_offset[entry] : 0;
    double unit = call->c_type == APUS_F32 ? 6e-8 : call->c_type == APUS_BF16 ? 4e-3 : 5e-4;
    for (int64_t i = 0; i < call->m; i++)
        for (int64_t j = 0; j < call->n; j++) {
            double sum = 0, size = 0;
            for (int64_t p = 0; p < call->k; p++) {
                double term = value(call->a, call->type, a0 + i * call->a_row + p * call->a_column)
                    * value(call->b, call->type, b0 + p * call->b_row + j * call->b_column);
                sum += term;
                size += fabs(term);
            }
            double expected = activated(call->activation, call->alpha * sum
                                        + (call->bias ? call->bias[j] : 0));
            if (call->residual)
                expected += value(call->residual, call->c_type, c0 + i * call->residual_row + j);
            double actual = value(call->c, call->c_type, c0 + i * call->c_row + j);
            double room = 4e-7 * size + 2 * unit * fabs(expected) + 1e-6;
            if (call->c_type == APUS_F16) room += 1e-4;
            if (fabs(actual - expected) <= room) continue;
            printf("  (%lld, %lld): %.9g, expected %.9g\n", (long long)i, (long long)j, actual,
                   expected);
            return false;
        }
    return true;
}

static void check_case(matmul_case size, apus_dtype type, apus_dtype c_type, striding s,
                       bool epilogue) {
    apus_matmul call = make_call(size, type, c_type, s, epilogue);
    apus_matmul_run(&call);
    CHECK(entry_is_right(&call, 0), "m %lld n %lld k %lld type %d to %d striding %d by %s",
          (long long)size.m,
          (long long)size.n, (long long)size.k, type, c_type, s, apus_matmul_kernel(&call));
    free_call(&call);
}

static void check_batch(int64_t entries, apus_dtype type) {
    enum { M = 9, N = 20, K = 11 };
    int64_t a[40], b[40], c[40];
    for (int64_t i = 0; i < entries; i++) {
        a[i] = (entries - 1 - i) * M * K;   // backwards
        b[i] = i / 2 * K * N;               // shared by two
        c[i] = i * M * N;
    }
    apus_matmul call = {
        .m = M, .n = N, .k = K, .a_row = K, .a_column = 1, .b_row = N, .b_column = 1, .c_row = N,
            .type = type,
        .c_type = APUS_F32, .batch = entries, .a_offset = a, .b_offset = b, .c_offset = c,
            .alpha = 1,
        .residual_row = N, .a = random_values(type, entries * M * K), .b = random_values(type,
            entries * K * N),
        .c = random_values(APUS_F32, entries * M * N), .residual = random_values(APUS_F32, entries
                                                                                 * M * N),
    };
    apus_matmul_run(&call);
    for (int64_t i = 0; i < entries; i++) CHECK(entry_is_right(&call, i), "entry %lld",
                                                (long long)i);
    free_call(&call);
}

/// The same bits with 1, 2 and 3 threads.
static void check_threads(matmul_case size, apus_dtype type) {
    int32_t threads = apus_thread_count();
    apus_matmul call = make_call(size, type, type, ROWS, true);
    size_t bytes = (size_t)(size.m * size.n) * (type == APUS_F32 ? 4 : 2);
    void *first = malloc(bytes);
    for (int32_t count = 1; count <= 3; count++) {
        apus_set_thread_count(count);
        memset(call.c, 0, bytes);
        apus_matmul_run(&call);
        if (count == 1) memcpy(first, call.c, bytes);
        CHECK(memcmp(first, call.c, bytes) == 0, "%d threads, type %d", count, type);
    }
    apus_set_thread_count(threads);
    free(first);
    free_call(&call);
}

static void check_int8(matmul_case size, bool biased) {
    int64_t m = size.m, n = size.n, k = size.k;
    int8_t *x = malloc((size_t)(m * k + 1)), *w = malloc((size_t)(n * k + 1));
    for (int64_t i = 0; i < m * k; i++) x[i] = (int8_t)(random_float() * 128);
    for (int64_t i = 0; i < n * k; i++) w[i] = (int8_t)(random_float() * 128);
    if (k) x[0] = w[0] = -128;
    float *sx = random_values(APUS_F32, m), *sw = random_values(APUS_F32, n),
        *bias = random_values(APUS_F32, n);
    float *y = malloc((size_t)(m * n) * 4);
    double *expected = malloc((size_t)(m * n) * 8);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t sum = 0;
            for (int64_t p = 0; p < k; p++) sum += x[i * k + p] * w[j * k + p];
            expected[i * n + j] = (double)sum * sx[i] * sw[j] + (biased ? bias[j] : 0);
        }
    apus_matmul_int8(m, n, k, x, sx, w, sw, biased ? bias : NULL, y);
    CHECK(all_close(y, expected, m * n, 1e-6, 1e-6 + 2e-3 * (double)k * 1e-3),
          "int8 m %lld n %lld k %lld",
          (long long)m, (long long)n, (long long)k);
    free(x), free(w), free(sx), free(sw), free(bias), free(y), free(expected);
}

static void check_openblas(bool trans_a, bool trans_b) {
    enum { M = 5, N = 6, K = 7 };
    float a[M * K], b[K * N], c[M * N];
    double expected[M * N];
    fill_random(a, M * K);
    fill_random(b, K * N);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            expected[i * N + j] = 0;
            for (int p = 0; p < K; p++)
                expected[i * N + j] += (double)a[trans_a ? p * M + i : i * K + p] * b[trans_b ? j
                    * K + p : p * N + j];
        }
    apus_matmul_openblas(trans_a, trans_b, M, N, K, a, b, c, 1);
    CHECK(all_close(c, expected, M * N, 1e-6, 1e-6), "transposed %d %d", trans_a, trans_b);
}

void test_matmul(void) {
    static const apus_dtype types[] = {APUS_F32, APUS_BF16, APUS_F16};
    int count = sizeof cases / sizeof *cases;
    for (int i = 0; i < count; i++)
        for (int t = 0; t < 3; t++)
            for (striding s = 0; s < STRIDINGS; s++) check_case(cases[i], types[t], s & 1
                                                                ? APUS_F32 : types[t], s,
                                                                    (i + t + s) & 1);
    for (int i = 0; i < count; i++)
        for (int biased = 0; biased < 2; biased++) check_int8(cases[i], biased);
    for (int t = 0; t < 3; t++) {
        check_batch(ENTRIES, types[t]);
        check_batch(40, types[t]);
        check_threads((matmul_case){150, 130, 400}, types[t]);
        check_threads((matmul_case){1, 300, 500}, types[t]);
        check_threads((matmul_case){6, 300, 500}, types[t]);
    }
    for (int i = 0; i < 4; i++) check_openblas(i & 1, i & 2);
}
