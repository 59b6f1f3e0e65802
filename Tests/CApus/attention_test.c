// Attention against its definition in double: forward, log-sum-exp and all gradients.
#include "check.h"

typedef struct attention_case {
    int64_t b, hq, hk, tq, tk, d, dv;
    bool causal;
    int64_t offset, window;
    float softcap;
    // 0 none, 1 float (b, hq, tq, tk), 2 bool (b, 1, tq, tk), 3 float over keys with -infinity
    int mask;
    bool swapped;  // q, k, v laid out as (b, t, h, d)
} attention_case;

static float *randoms(int64_t n) {
    float *x = malloc((size_t)n * sizeof(float) + 4);
    fill_random(x, n);
    return x;
}
static double *zeros(int64_t n) { return calloc((size_t)n + 1, sizeof(double)); }

static apus_array array_of(float *data, int64_t b, int64_t h, int64_t t, int64_t d, bool swapped) {
    apus_array x = {.data = data, .dtype = APUS_F32, .rank = 4, .shape = {b, h, t, d}};
    int64_t strides[4] = {h * t * d, swapped ? d : t * d, swapped ? h * d : d, 1};
    memcpy(x.strides, strides, sizeof strides);
    return x;
}

static const float *row(const apus_array *x, int64_t b, int64_t h, int64_t t) {
    return (const float *)x->data + b * x->strides[0] + h * x->strides[1] + t * x->strides[2];
}

// Everything in double, contiguous (b, h, t, d).
typedef struct oracle { double *o, *lse, *dq, *dk, *dv, *dmask; } oracle;

static double score(const apus_attention *a, int64_t b, int64_t h, int64_t g, int64_t i, int64_t j,
                    double *slope) {
    const float *q = row(&a->q, b, h, i), *k = row(&a->k, b, g, j);
    double s = 0;
    for (int64_t c = 0; c < a->q.shape[3]; c++) s += (double)q[c] * k[c];
    s *= a->scale;
    *slope = 1;
    if (a->softcap != 0) {
        double t = tanh(s / a->softcap);
        s = a->softcap * t;
        *slope = 1 - t * t;
    }
    if (a->mask) {
        const int64_t *strides = a->mask->strides;
        int64_t at = b * strides[0] + h * strides[1] + i * strides[2] + j * strides[3];
        if (a->mask->dtype == APUS_BOOL) s = ((const bool *)a->mask->data)[at] ? s : -INFINITY;
        else s += ((const float *)a->mask->data)[at];
    }
    if (a->causal && j > i + a->causal_offset) s = -INFINITY;
    if (a->window > 0 && j <= i + a->causal_offset - a->window) s = -INFINITY;
    return s;
}

static void attend_row(const apus_attention *a, const apus_array *gradient, int64_t b, int64_t h,
                       int64_t i, oracle *x) {
    int64_t hq = a->q.shape[1], hk = a->k.shape[1], tq = a->q.shape[2], tk = a->k.shape[2],
        d = a->q.shape[3];
    int64_t dv = a->v.shape[3], group = h / (hq / hk), place = (b * hq + h) * tq + i;
    double *p = zeros(tk), *slope = zeros(tk), top = -INFINITY, sum = 0, delta = 0;
    for (int64_t j = 0; j < tk; j++) top = fmax(top, p[j] = score(a, b, h, group, i, j, &slope[j]));
    for (int64_t j = 0; j < tk; j++) sum += p[j] = p[j] == -INFINITY ? 0 : exp(p[j] - top);
    x->lse[place] = sum > 0 ? top + log(sum) : -INFINITY;
    const float *g = row(gradient, b, h, i);
    for (int64_t j = 0; j < tk; j++) {
        p[j] = sum > 0 ? p[j] / sum : 0;
        for (int64_t c = 0; c < dv; c++) x->o[place * dv + c] += p[j] * row(&a->v, b, group, j)[c];
    }
    for (int64_t c = 0; c < dv; c++) delta += x->o[place * dv + c] * g[c];
    for (int64_t j = 0; j < tk; j++) {
        double dp = 0;
        int64_t key = (b * hk + group) * tk + j;
        for (int64_t c = 0; c < dv; c++) {
            dp += (double)g[c] * row(&a->v, b, group, j)[c];
            x->dv[key * dv + c] += p[j] * g[c];
        }
        double ds = p[j] * (dp - delta);
        x->dmask[place * tk + j] = ds;
        for (int64_t c = 0; c < d; c++) {
            x->dq[place * d + c] += ds * slope[j] * a->scale * row(&a->k, b, group, j)[c];
            x->dk[key * d + c] += ds * slope[j] * a->scale * row(&a->q, b, h, i)[c];
        }
    }
    free(p);
    free(slope);
}

static bool same(const apus_array *x, const double *expected, double tolerance) {
    const int64_t *n = x->shape;
    for (int64_t b = 0; b < n[0]; b++)
        for (int64_t h = 0; h < n[1]; h++)
            for (int64_t t = 0; t < n[2]; t++)
                if (!all_close(row(x, b, h, t), expected + ((b * n[1] + h) * n[2] + t) * n[3],
                               n[3], tolerance, tolerance))
                    return false;
    return true;
}

static apus_array make_mask(const attention_case *c, bool *kept) {
    apus_array mask = {.dtype = APUS_F32, .rank = 4, .shape = {c->b, c->hq, c->tq, c->tk}};
    int64_t rows = c->mask == 1 ? c->hq * c->tq : c->mask == 2 ? c->tq : 1;
    int64_t strides[4] = {rows * c->tk, c->mask == 1 ? c->tq * c->tk : 0, c->mask == 3 ? 0 : c->tk,
                          1};
    memcpy(mask.strides, strides, sizeof strides);
    float *values = randoms(c->b * rows * c->tk);
    for (int64_t i = 0; i < c->b * rows * c->tk; i++) {
        kept[i] = values[i] > -0.3f;
        if (c->mask == 3 && values[i] < -0.5f) values[i] = -INFINITY;
    }
    mask.data = values;
    if (c->mask == 2) {
        mask.dtype = APUS_BOOL;
        mask.data = kept;
        free(values);
    }
    return mask;
}

static void check_case(const attention_case *c, int32_t threads) {
    int64_t nq = c->b * c->hq * c->tq, nk = c->b * c->hk * c->tk, pairs = nq * c->tk;
    bool *kept = malloc((size_t)(pairs + c->b * c->tk) + 1);
    float *data[9] = {randoms(nq * c->d), randoms(nk * c->d), randoms(nk * c->dv),
                      randoms(nq * c->dv), randoms(nq * c->dv),
                      randoms(nq * c->d), randoms(nk * c->d), randoms(nk * c->dv), randoms(pairs)};
    float *lse = randoms(nq);
    apus_array mask = make_mask(c, kept);
    apus_attention call = {
        .q = array_of(data[0], c->b, c->hq, c->tq, c->d, c->swapped),
        .k = array_of(data[1], c->b, c->hk, c->tk, c->d, c->swapped),
        .v = array_of(data[2], c->b, c->hk, c->tk, c->dv, c->swapped),
        .o = array_of(data[3], c->b, c->hq, c->tq, c->dv, c->swapped),
        .mask = c->mask ? &mask : NULL, .scale = 1 / sqrtf((float)c->d) + 0.7f,
        .softcap = c->softcap, .causal = c->causal, .causal_offset = c->offset,
        .window = c->window};
    apus_array g = array_of(data[4], c->b, c->hq, c->tq, c->dv, false);
    apus_array dq = array_of(data[5], c->b, c->hq, c->tq, c->d, false);
    apus_array dk = array_of(data[6], c->b, c->hk, c->tk, c->d, true);
    apus_array dv = array_of(data[7], c->b, c->hk, c->tk, c->dv, false);
    apus_array dmask = array_of(data[8], c->b, c->hq, c->tq, c->tk, false);
    oracle x = {zeros(nq * c->dv), zeros(nq), zeros(nq * c->d), zeros(nk * c->d),
                zeros(nk * c->dv), zeros(pairs)};
    for (int64_t r = 0; r < nq; r++)
        attend_row(&call, &g, r / c->tq / c->hq, r / c->tq % c->hq, r % c->tq, &x);

    int32_t before = apus_thread_count();
    apus_set_thread_count(threads);
    apus_attention_forward(&call, lse);
    apus_attention_backward(&call, &g, lse, &dq, &dk, &dv, data[8]);
    apus_set_thread_count(before);
    bool logs = true;
    for (int64_t i = 0; i < nq; i++) logs &= x.lse[i] == lse[i] || fabs(x.lse[i] - lse[i]) < 1e-5;
    const char *format = "attention b %lld tq %lld tk %lld d %lld mask %d threads %d";
#define WHERE format, (long long)c->b, (long long)c->tq, (long long)c->tk, (long long)c->d, \
              c->mask, threads
    CHECK(logs, WHERE);
    CHECK(same(&call.o, x.o, 1e-5), WHERE);
    CHECK(same(&dq, x.dq, 3e-5), WHERE);
    CHECK(same(&dk, x.dk, 3e-5), WHERE);
    CHECK(same(&dv, x.dv, 3e-5), WHERE);
    CHECK(same(&dmask, x.dmask, 3e-5), WHERE);
#undef WHERE
    for (int i = 0; i < 9; i++) free(data[i]);
    if (c->mask != 2) free(mask.data);
    double *expected[] = {x.o, x.lse, x.dq, x.dk, x.dv, x.dmask};
    for (int i = 0; i < 6; i++) free(expected[i]);
    free(kept);
    free(lse);
}

// The same bits for one thread and for three.
static void check_threads(void) {
    enum { B = 1, H = 2, T = 700, D = 24, N = B * H * T * D };
    float *data[6], *lse = randoms(B * H * T), *first[4];
    for (int i = 0; i < 6; i++) data[i] = randoms(N);
    for (int i = 0; i < 4; i++) first[i] = randoms(N);
    apus_attention call = {.q = array_of(data[0], B, H, T, D, true),
                           .k = array_of(data[1], B, H, T, D, false),
                           .v = array_of(data[2], B, H, T, D, false), .scale = 0.2f,
                               .causal = true};
    apus_array g = array_of(data[3], B, H, T, D, false);
    int32_t before = apus_thread_count();
    for (int32_t threads = 1; threads <= 3; threads += 2) {
        apus_array out[4];
        for (int i = 0; i < 4; i++)
            out[i] = array_of(threads == 1 ? first[i] : randoms(N), B, H, T, D, false);
        call.o = out[0];
        apus_set_thread_count(threads);
        apus_attention_forward(&call, lse);
        apus_attention_backward(&call, &g, lse, &out[1], &out[2], &out[3], NULL);
        for (int i = 0; i < 4; i++) {
            CHECK(memcmp(out[i].data, first[i], sizeof(float) * N) == 0,
                  "attention output %d, %d threads", i, threads);
            if (threads > 1) free(out[i].data);
        }
    }
    apus_set_thread_count(before);
    for (int i = 0; i < 6; i++) free(data[i]);
    for (int i = 0; i < 4; i++) free(first[i]);
    free(lse);
}

static apus_array narrowed(const apus_array *x, int64_t n) {
    uint16_t *halves = malloc((size_t)n * sizeof *halves);
    for (int64_t i = 0; i < n; i++) {   // bf16 by truncation, and x becomes the same number
        uint32_t bits;
        memcpy(&bits, (float *)x->data + i, 4);
        halves[i] = (uint16_t)(bits >> 16);
        bits = (uint32_t)halves[i] << 16;
        memcpy((float *)x->data + i, &bits, 4);
    }
    apus_array y = *x;
    y.data = halves;
    y.dtype = APUS_BF16;
    return y;
}

static double widest_gap(const apus_array *narrow, const float *wide, int64_t n) {
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)((uint16_t *)narrow->data)[i] << 16;
        float value;
        memcpy(&value, &bits, 4);
        double gap = fabs(value - wide[i]) / fmax(1, fabs(wide[i]));
        worst = gap > worst || gap != gap ? gap : worst;
    }
    return worst;
}

// The same numbers as bf16 and as f32 give the same to bf16's precision, forward and backward:
// tiles, odd sizes, few rows.
static void check_bf16(int64_t tq, int64_t d, int64_t dv, bool causal, float softcap) {
    enum { B = 2, HQ = 4, HK = 2, TK = 203 };
    int64_t nq = B * HQ * tq, nk = B * HK * TK;
    const int64_t sizes[8] = {nq * d, nk * d, nk * dv, nq * dv, nq * dv, nq * d, nk * d, nk * dv};
    float *data[8], *lse = randoms(nq), *mask[2] = {randoms(nq * TK), randoms(nq * TK)};
    for (int i = 0; i < 8; i++) data[i] = randoms(sizes[i]);
    apus_array x[8] = {
        array_of(data[0], B, HQ, tq, d, true), array_of(data[1], B, HK, TK, d, true),
        array_of(data[2], B, HK, TK, dv, false), array_of(data[3], B, HQ, tq, dv, true),
        array_of(data[4], B, HQ, tq, dv, true), array_of(data[5], B, HQ, tq, d, false),
        array_of(data[6], B, HK, TK, d, false), array_of(data[7], B, HK, TK, dv, true)}, y[8];
    for (int i = 0; i < 8; i++) y[i] = narrowed(&x[i], sizes[i]);
    apus_attention call = {.q = x[0], .k = x[1], .v = x[2], .o = x[3], .scale = 0.3f,
                           .softcap = softcap, .causal = causal, .causal_offset = 70};
    apus_attention_forward(&call, lse);
    apus_attention_backward(&call, &x[4], lse, &x[5], &x[6], &x[7], softcap != 0 ? mask[0] : NULL);
    call.q = y[0], call.k = y[1], call.v = y[2], call.o = y[3];
    apus_attention_forward(&call, lse);
    apus_attention_backward(&call, &y[4], lse, &y[5], &y[6], &y[7], softcap != 0 ? mask[1] : NULL);
    const int results[4] = {3, 5, 6, 7};
    for (int i = 0; i < 4; i++) {
        double gap = widest_gap(&y[results[i]], data[results[i]], sizes[results[i]]);
        CHECK(gap < 0.015, "attention in bf16, result %d, tq %lld, d %lld: off by %g", i,
              (long long)tq, (long long)d, gap);
    }
    double gap = 0;
    for (int64_t i = 0; softcap != 0 && i < nq * TK; i++)
        gap = fmax(gap, fabs(mask[0][i] - mask[1][i]));
    CHECK(gap < 0.01, "attention in bf16, mask gradient off by %g", gap);
    for (int i = 0; i < 8; i++) {
        free(data[i]);
        free(y[i].data);
    }
    free(lse);
    free(mask[0]);
    free(mask[1]);
}

void test_attention(void) {
    const attention_case cases[] = {
        {1, 1, 1, 1, 1, 1, 1, false, 0, 0, 0, 0, false},
        {2, 2, 2, 37, 45, 40, 40, false, 0, 0, 0, 0, true},
        {1, 4, 2, 70, 70, 16, 24, true, 0, 0, 0, 0, false},
        {1, 4, 1, 33, 150, 8, 8, true, 117, 0, 0, 1, true},
        {1, 2, 1, 50, 20, 3, 5, true, -10, 6, 0, 2, false},
        {2, 3, 3, 20, 290, 64, 64, false, 0, 9, 3, 0, false},
        {1, 2, 2, 130, 131, 12, 17, true, 1, 40, 5, 3, false},
        {2, 8, 2, 1, 300, 32, 32, true, 299, 0, 0, 0, true},
        {1, 6, 2, 2, 77, 20, 9, false, 0, 0, 0, 2, false},
        {1, 2, 1, 3, 0, 8, 8, false, 0, 0, 0, 0, false},
        {1, 1, 1, 0, 5, 8, 8, false, 0, 0, 0, 0, false},
        {0, 2, 1, 3, 5, 8, 8, true, 0, 0, 0, 0, false},
        {1, 1, 1, 600, 40, 8, 8, true, -300, 0, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i], 1 + (int32_t)i % 3);
    check_threads();
    check_bf16(50, 40, 40, false, 0);
    check_bf16(133, 7, 21, true, 0);
    check_bf16(300, 64, 64, true, 2);
    check_bf16(1, 64, 48, true, 0);
}
