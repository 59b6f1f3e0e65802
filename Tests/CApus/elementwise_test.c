// Elementwise operations against the C library in double, on odd lengths, strides and types.
#include "check.h"

static apus_array vector_of(void *data, apus_dtype dtype, int64_t n) {
    return (apus_array){.data = data, .dtype = dtype, .rank = 1, .shape = {n}, .strides = {1}};
}

// MARK: accuracy

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return x > 30 ? x : log1p(exp(x)); }
static double cdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }

static double unary(apus_unary_op op, double a, double b, double x) {
    switch (op) {
    case APUS_EXP: return exp(x);
    case APUS_LOG: return log(x);
    case APUS_LOG1P: return log1p(x);
    case APUS_EXPM1: return expm1(x);
    case APUS_SQRT: return sqrt(x);
    case APUS_RSQRT: return 1 / sqrt(x);
    case APUS_RECIPROCAL: return 1 / x;
    case APUS_SQUARE: return x * x;
    case APUS_ABS: return fabs(x);
    case APUS_NEG: return -x;
    case APUS_SIN: return sin(x);
    case APUS_COS: return cos(x);
    case APUS_ERF: return erf(x);
    case APUS_TANH: return tanh(x);
    case APUS_SIGMOID: return sigmoid(x);
    case APUS_SOFTPLUS: return softplus(a * x) / a;
    case APUS_RELU: return x <= 0 ? 0 : x;
    case APUS_LEAKY_RELU: return x > 0 ? x : a * x;
    case APUS_ELU: return x > 0 ? x : a * expm1(x);
    case APUS_GELU: return x * cdf(x);
    case APUS_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case APUS_SILU: return x * sigmoid(x);
    case APUS_MISH: return x * tanh(softplus(x));
    case APUS_ADD_SCALAR: return x + a;
    case APUS_MUL_SCALAR: return x * a;
    case APUS_RSUB_SCALAR: return a - x;
    case APUS_RDIV_SCALAR: return a / x;
    case APUS_POW_SCALAR: return pow(x, a);
    case APUS_CLAMP: return x < a ? a : x > b ? b : x;
    case APUS_SIGN: return x > 0 ? 1 : x < 0 ? -1 : x;
    case APUS_FLOOR: return floor(x);
    case APUS_CEIL: return ceil(x);
    case APUS_ROUND: return nearbyint(x);
    case APUS_NOT: return x == 0;
    case APUS_IS_FINITE: return isfinite(x);
    }
    return NAN;
}

static bool needs_positive(apus_unary_op op) {
    return op == APUS_LOG || op == APUS_SQRT || op == APUS_RSQRT || op == APUS_POW_SCALAR;
}

// Finite differences would see the kinks and the steps.
static bool is_smooth_at(apus_unary_op op, double a, double b, double x) {
    if (op == APUS_CLAMP) return fabs(x - a) > 1e-3 && fabs(x - b) > 1e-3;
    return op < APUS_SIGN && fabs(x) > 1e-3;
}

static void check_unary(apus_unary_op op, float a, float b, float scale) {
    enum { N = 1003 };
    float x[N], g[N], y[N], dx[N];
    double want[N];
    fill_random(x, N);
    fill_random(g, N);
    for (int i = 0; i < N; i++) {
        x[i] = (needs_positive(op) ? fabsf(x[i]) + 1e-3f : x[i]) * scale;
        if (op == APUS_LOG1P) x[i] = fabsf(x[i]) - 0.9f;
    }
    apus_array ax = vector_of(x, APUS_F32, N), ay = vector_of(y, APUS_F32, N);
    apus_unary(op, a, b, &ax, &ay);
    for (int i = 0; i < N; i++) want[i] = unary(op, a, b, x[i]);
    CHECK(all_close(y, want, N, 2e-6, 1e-7), "operation %d, scale %g", op, scale);

    apus_array ag = vector_of(g, APUS_F32, N), adx = vector_of(dx, APUS_F32, N);
    apus_unary_gradient(op, a, b, &ax, &ag, &adx);
    bool close = true;
    for (int i = 0; i < N; i++) {
        double h = 1e-5 * (1 + fabs((double)x[i]));
        if (!is_smooth_at(op, a, b, x[i])) continue;
        double slope = (unary(op, a, b, x[i] + h) - unary(op, a, b, x[i] - h)) / (2 * h);
        close &= fabs(dx[i] - g[i] * slope) <= 1e-4 * fabs(g[i] * slope) + 1e-5;
    }
    CHECK(close, "gradient of operation %d, scale %g", op, scale);
}

// The loss of a logit x against a target y, and its slope.
static void check_logistic_loss(void) {
    enum { N = 1003 };
    float x[N], y[N], z[N];
    double loss[N], slope[N];
    fill_random(x, N);
    fill_random(y, N);
    for (int i = 0; i < N; i++) {
        x[i] *= 30;
        y[i] = fabsf(y[i]);
        loss[i] = softplus(x[i]) - (double)x[i] * y[i];
        slope[i] = sigmoid(x[i]) - y[i];
    }
    apus_array ax = vector_of(x, APUS_F32, N), ay = vector_of(y, APUS_F32, N);
    apus_array az = vector_of(z, APUS_F32, N);
    apus_binary(APUS_LOGISTIC_LOSS, &ax, &ay, &az);
    CHECK(all_close(z, loss, N, 2e-6, 4e-6), "logistic loss");
    apus_binary(APUS_SIGMOID_SUB, &ax, &ay, &az);
    CHECK(all_close(z, slope, N, 2e-6, 2e-7), "its slope");
}

static void check_specials(void) {
    float x[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e-45f, -1e-40f, 3e38f, 1e-8f, -1, 1, -2, 100,
                 -110};
    enum { N = sizeof x / sizeof *x };
    float y[N];
    const apus_unary_op ops[] = {
        APUS_EXP, APUS_LOG, APUS_LOG1P, APUS_EXPM1, APUS_SQRT, APUS_SIN, APUS_COS, APUS_ERF,
        APUS_TANH, APUS_SIGMOID, APUS_SIGN, APUS_FLOOR, APUS_CEIL, APUS_ROUND, APUS_RELU, APUS_NOT,
        APUS_IS_FINITE,
    };
    apus_array ax = vector_of(x, APUS_F32, N), ay = vector_of(y, APUS_F32, N);
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        apus_unary(ops[k], 0, 0, &ax, &ay);
        for (int i = 0; i < N; i++) {
            double want = unary(ops[k], 0, 0, x[i]);
            bool same = (isnan(want) && isnan(y[i])) || y[i] == (float)want
                || fabs(y[i] - want) <= 1e-6 * fabs(want) + 1e-44;
            CHECK(same, "operation %d of %g: %g, not %g", ops[k], x[i], y[i], want);
        }
    }
    float power[N * N], base[N * N], exponent[N * N];
    for (int i = 0; i < N * N; i++) base[i] = x[i / N], exponent[i] = x[i % N];
    apus_array ab = vector_of(base, APUS_F32, N * N), ae = vector_of(exponent, APUS_F32, N * N);
    apus_array ap = vector_of(power, APUS_F32, N * N);
    apus_binary(APUS_POW, &ab, &ae, &ap);
    for (int i = 0; i < N * N; i++) {
        float want = (float)pow(base[i], exponent[i]);
        CHECK((isnan(want) && isnan(power[i])) || want == power[i]
              || fabsf(power[i] - want) <= 1e-6f * fabsf(want), "%g to the %g: %g, not %g",
              base[i], exponent[i], power[i], want);
    }
}

// MARK: strides and types

// z = x + y where x (rows, columns) is transposed, y a row or a column, z strided.
static void check_strides(int64_t rows, int64_t columns, apus_dtype dtype) {
    float *x = malloc((size_t)(rows * columns) * 4), *y = malloc((size_t)(rows + columns) * 4);
    float *z = malloc((size_t)(rows * columns) * 8), *narrow = malloc((size_t)(rows * columns) * 4);
    fill_random(x, rows * columns);
    fill_random(y, rows + columns);
    for (int64_t i = 0; i < rows * columns; i++) x[i] = truncf(x[i] * 64);   // exact in every type
    for (int64_t i = 0; i < rows + columns; i++) y[i] = truncf(y[i] * 32);
    apus_array ax = vector_of(x, APUS_F32, rows * columns),
        an = vector_of(narrow, dtype, rows * columns);
    apus_copy(&ax, &an);
    apus_array view = {.data = narrow, .dtype = dtype, .rank = 2, .shape = {rows, columns},
                       .strides = {1, rows}};
    for (int by_row = 0; by_row < 2; by_row++) {
        apus_array ay = {.data = y, .rank = 2, .shape = {rows, columns},
                         .strides = {!by_row, by_row}};
        apus_array az = {.data = z, .rank = 2, .shape = {rows, columns},
                         .strides = {2 * columns, 2}};
        memset(z, 0, (size_t)(rows * columns) * 8);
        apus_binary(APUS_ADD, &view, &ay, &az);
        bool same = true;
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                same &= z[2 * (i * columns + j)] == x[j * rows + i] + y[by_row ? j : i]
                    && z[2 * (i * columns + j) + 1] == 0;
        CHECK(same, "%lld x %lld, type %d, by row %d", (long long)rows, (long long)columns, dtype,
              by_row);
    }
    free(x), free(y), free(z), free(narrow);
}

static void check_integers(void) {
    int32_t x[] = {7, -7, 7, -7, 5, INT32_MIN, INT32_MAX, 16777217},
        y[] = {2, 2, -2, -2, 0, -1, 1, 16777216};
    int32_t z[8], quotients[] = {3, -3, -3, 3, 0, INT32_MIN, INT32_MAX, 1};
    apus_array ax = vector_of(x, APUS_I32, 8), ay = vector_of(y, APUS_I32, 8),
        az = vector_of(z, APUS_I32, 8);
    apus_binary(APUS_DIV, &ax, &ay, &az);
    CHECK(memcmp(z, quotients, sizeof z) == 0, "integer division");
    apus_binary(APUS_SUB, &ax, &ay, &az);
    CHECK(z[7] == 1 && z[5] == INT32_MIN + 1, "integer difference");
    bool greater[8];
    apus_array truth = vector_of(greater, APUS_BOOL, 8);
    apus_binary(APUS_GT, &ax, &ay, &truth);
    CHECK(greater[7] && !greater[5] && greater[6], "integer comparison");
    apus_select(&truth, &ax, &ay, &az);
    CHECK(z[7] == 16777217 && z[5] == -1 && z[1] == 2, "selection");
    apus_unary(APUS_ADD_SCALAR, 2, 0, &ax, &az);
    CHECK(z[7] == 16777219, "integer plus scalar");
}

// The same bits for every thread count, and for results that go around the cache (here with rows
// that begin anywhere in a cache line) as for single rows, which do not.
static void check_threads(void) {
    enum { ROWS = 2100, COLUMNS = 2049, N = ROWS * COLUMNS };
    float *x = malloc(N * 4), *one = malloc(N * 4), *many = malloc(N * 4), *row = malloc(N * 4);
    fill_random(x, N);
    apus_array ax = {.data = x, .rank = 2, .shape = {ROWS, COLUMNS}, .strides = {COLUMNS, 1}};
    apus_array ay = ax, first = ax, line = vector_of(row, APUS_F32, COLUMNS);
    first.strides[0] = 0;
    int32_t threads = apus_thread_count();
    for (int32_t count = 1; count < 4; count += 2) {
        apus_set_thread_count(count);
        ay.data = count == 1 ? one : many;
        apus_binary(APUS_GELU_MUL, &ax, &first, &ay);
    }
    apus_set_thread_count(threads);
    CHECK(memcmp(one, many, N * 4) == 0, "thread counts");
    int32_t wrong = 0;
    for (int64_t r = 0; r < ROWS; r++) {
        apus_array of = vector_of(x + r * COLUMNS, APUS_F32, COLUMNS);
        apus_array with = vector_of(x, APUS_F32, COLUMNS);
        apus_binary(APUS_GELU_MUL, &of, &with, &line);
        wrong += memcmp(row, one + r * COLUMNS, COLUMNS * 4) != 0;
    }
    CHECK(wrong == 0, "%d rows differ around the cache", wrong);
    free(x), free(one), free(many), free(row);
}

void test_elementwise(void) {
    for (int op = APUS_EXP; op <= APUS_IS_FINITE; op++)
        for (float scale = 0.5f; scale < 20; scale *= 6)
            check_unary((apus_unary_op)op, op == APUS_CLAMP ? -0.4f : 1.7f, 0.7f, scale);
    check_logistic_loss();
    check_specials();
    for (int64_t rows = 1; rows < 200; rows = rows * 3 + 1)
        for (int64_t columns = 1; columns < 300; columns = columns * 4 + 1)
            for (int type = APUS_F32; type <= APUS_I8; type++)
                check_strides(rows, columns, (apus_dtype)type);
    check_integers();
    check_threads();
    apus_array none = {.rank = 2, .shape = {3, 0}};
    apus_unary(APUS_EXP, 0, 0, &none, &none);
}
