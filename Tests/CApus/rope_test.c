// Rotary embedding against its definition in double, for every layout, type and stride.
#include "check.h"

typedef struct rope_case {
    int64_t b, h, t, d, dims;
    bool per_batch, interleaved, inverse;
    int layout;
} rope_case;

// x (b, h, t, d), laid out as itself, as (b, t, h, d) or as (b, h, d, t).
static apus_array array_of(void *data, apus_dtype type, const rope_case *c, int layout) {
    apus_array x = {.data = data, .dtype = type, .rank = 4, .shape = {c->b, c->h, c->t, c->d}};
    int64_t strides[3][4] = {{c->h * c->t * c->d, c->t * c->d, c->d, 1},
                             {c->t * c->h * c->d, c->d, c->h * c->d, 1},
                             {c->h * c->d * c->t, c->d * c->t, 1, c->t}};
    memcpy(x.strides, strides[layout], sizeof strides[layout]);
    return x;
}

static int64_t offset(const apus_array *x, int64_t b, int64_t h, int64_t t, int64_t i) {
    return b * x->strides[0] + h * x->strides[1] + t * x->strides[2] + i * x->strides[3];
}

static float as_float(const void *data, apus_dtype type, int64_t i) {
    if (type == APUS_F32) return ((const float *)data)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static bool matches(const rope_case *c, const apus_array *x, const float *cos, const float *sin,
                    const apus_array *y, double tolerance) {
    int64_t half = c->dims / 2;
    for (int64_t at = 0; at < c->b * c->h * c->t * c->d; at++) {
        int64_t i = at % c->d, t = at / c->d % c->t, h = at / c->d / c->t % c->h,
            b = at / c->d / c->t / c->h;
        bool first = c->interleaved ? i % 2 == 0 : i < half;
        int64_t pair = c->interleaved ? i / 2 : i % (half ? half : 1);
        int64_t other = c->interleaved ? i ^ 1 : first ? i + half : i - half;
        double expected = as_float(x->data, x->dtype, offset(x, b, h, t, i));
        if (i < c->dims) {
            int64_t angle = ((c->per_batch ? b : 0) * c->t + t) * half + pair;
            double s = c->inverse ? -sin[angle] : sin[angle];
            double partner = as_float(x->data, x->dtype, offset(x, b, h, t, other));
            expected = expected * cos[angle] + (first ? -partner : partner) * s;
        }
        double actual = as_float(y->data, y->dtype, offset(y, b, h, t, i));
        if (!(fabs(actual - expected) <= tolerance * (1 + fabs(expected)))) return false;
    }
    return true;
}

static void check_case(const rope_case *c, apus_dtype type) {
    int64_t n = c->b * c->h * c->t * c->d;
    int64_t angles = (c->per_batch ? c->b : 1) * c->t * (c->dims / 2);
    float *values = malloc((size_t)n * 4 + 4);
    float *cos = malloc((size_t)angles * 4 + 4), *sin = malloc((size_t)angles * 4 + 4);
    uint16_t *x_half = malloc((size_t)n * 2 + 2), *y_half = malloc((size_t)n * 2 + 2);
    float *y_wide = malloc((size_t)n * 4 + 4);
    fill_random(values, n);
    fill_random(cos, angles);
    fill_random(sin, angles);
    // truncated to bf16
    for (int64_t i = 0; i < n; i++) memcpy(x_half + i, (char *)(values + i) + 2, 2);
    apus_array x = array_of(type == APUS_F32 ? (void *)values : x_half, type, c, c->layout);
    apus_array y = array_of(type == APUS_F32 ? (void *)y_wide : y_half, type, c,
                            (c->layout + 1) % 3);
    apus_rope(&x, cos, sin, c->per_batch, c->dims, c->interleaved, c->inverse, &y);
    CHECK(matches(c, &x, cos, sin, &y, type == APUS_F32 ? 1e-6 : 4e-3),
          "rope d %lld dims %lld layout %d type %d", (long long)c->d, (long long)c->dims,
          c->layout, (int)type);
    free(values); free(cos); free(sin); free(x_half); free(y_half); free(y_wide);
}

void test_rope(void) {
    const rope_case cases[] = {
        {2, 3, 5, 16, 16, false, false, false, 0}, {2, 3, 5, 16, 16, true, true, false, 1},
        {1, 2, 300, 64, 64, false, false, true, 0}, {1, 2, 7, 80, 80, false, true, true, 0},
        {2, 1, 3, 40, 20, true, false, false, 1},   {1, 4, 9, 34, 6, false, true, false, 2},
        {1, 1, 1, 2, 2, false, false, false, 0},    {1, 2, 3, 8, 0, false, false, false, 0},
        {0, 2, 3, 8, 8, false, false, false, 0},    {1, 2, 0, 8, 8, false, true, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], APUS_F32);
        check_case(&cases[i], APUS_BF16);
    }
}
